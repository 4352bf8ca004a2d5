/*
** Other programs: the userdata behind concur.subprocess, which keeps the program's pipes
** moving. What arrives is collected here, what is to be sent waits here, so that neither side
** can block the other. Policy is in lua/concur/subprocess.lua.
*/
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/bind.h"
#include "run/context.h"

typedef struct bytes {
  char *at;
  size_t start, end, room;
} bytes;

enum { IN, OUT, ERR, STREAMS };

typedef struct program {
  int64_t pid;         /* 0: not started */
  int fds[STREAMS];    /* our ends; -1: none, or at its end */
  int watch;           /* readable once it has ended; -1: none */
  bool ended, closing; /* closing: stdin is closed once all is sent */
  int code;
  bytes buffers[STREAMS];
} program;

static const char program_name[] = "concur.subprocess";

/* {== programs that nobody waited for: reaped when the next is started */

typedef struct leftover {
  int64_t pid;
  struct leftover *next;
} leftover;

static cc_guard guard;
static leftover *leftovers;

static void reap_leftovers(void) {
  int code;
  cc_guard_lock(&guard, cc_self_word());
  for (leftover **at = &leftovers; *at != NULL;) {
    leftover *l = *at;
    if (!cc_program_ended(l->pid, &code)) {
      at = &l->next;
      continue;
    }
    *at = l->next;
    free(l);
  }
  cc_guard_unlock(&guard);
}

static void leave_over(int64_t pid) {
  leftover *l = malloc(sizeof *l);
  if (l == NULL) return;
  l->pid = pid;
  cc_guard_lock(&guard, cc_self_word());
  l->next = leftovers;
  leftovers = l;
  cc_guard_unlock(&guard);
}

/* ==} {== bytes */

static void *make_room(bytes *b, size_t n) {
  if (b->start > 0 && (b->start == b->end || b->room - b->end < n)) {
    memmove(b->at, b->at + b->start, b->end - b->start);
    b->end -= b->start;
    b->start = 0;
  }
  if (b->room - b->end < n) {
    size_t room = b->room * 2 > b->end + n ? b->room * 2 : b->end + n;
    char *larger = realloc(b->at, room);
    if (larger == NULL) return NULL;
    b->at = larger;
    b->room = room;
  }
  return b->at + b->end;
}

static void free_bytes(bytes *b) {
  free(b->at);
  *b = (bytes){NULL, 0, 0, 0};
}

/* ==} */

static program *self(lua_State *L) { return luaL_checkudata(L, 1, program_name); }

static bool look(program *p) {
  if (!p->ended && p->pid != 0 && cc_program_ended(p->pid, &p->code)) {
    p->ended = true;
    cc_child_unwatch(p->watch);
    p->watch = -1;
  }
  return p->ended;
}

static int close_all(lua_State *L) {
  program *p = self(L);
  for (int i = 0; i < STREAMS; i++) {
    cc_descriptor_shut(&p->fds[i]);
    free_bytes(&p->buffers[i]);
  }
  if (p->pid != 0 && !look(p)) leave_over(p->pid);
  cc_child_unwatch(p->watch);
  p->watch = -1;
  p->pid = 0;
  return 0;
}

/* {== starting */

/* What a stream is to be: our end into p, the program's into theirs. 0 or an errno value. */
static int open_stream(lua_State *L, int idx, int which, program *p, int theirs[STREAMS], bool *owned) {
  luaL_Stream *file = luaL_testudata(L, idx, LUA_FILEHANDLE);
  int ends[2];
  *owned = false;
  if (file != NULL) {
    if (file->closef == NULL) return luaL_error(L, "attempt to use a closed file");
    fflush(file->f);
    theirs[which] = cc_stream_lift(file->f);
    *owned = true;
    return theirs[which] < 0 ? -theirs[which] : 0;
  }
  const char *what = luaL_checkstring(L, idx);
  if (strcmp(what, "inherit") == 0) return 0;
  *owned = true;
  if (strcmp(what, "null") == 0) return cc_null_open(which != IN, &theirs[which]);
  int error = cc_pipe_open(ends);
  if (error != 0) return error;
  theirs[which] = ends[which == IN ? 0 : 1];
  p->fds[which] = ends[which == IN ? 1 : 0];
  cc_descriptor_unblock(p->fds[which]);
  return 0;
}

/* The strings of the list at idx, which stay there, ended by NULL; on top. */
static char **strings(lua_State *L, int idx) {
  lua_Integer n = luaL_len(L, idx);
  const char **list = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *list, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, idx, i);
    list[i - 1] = lua_tostring(L, -1);
    lua_pop(L, 1);
  }
  list[n] = NULL;
  return (char **)(uintptr_t)list;
}

/* arguments, environment or nil, directory or nil, and the three streams. A program, or nil, a
** message and whether that is about the directory. */
static int start(lua_State *L) {
  cc_program c = {strings(L, 1), NULL, lua_tostring(L, 3), {-1, -1, -1}};
  bool owned[STREAMS] = {false, false, false}, directory = false;
  int error = 0;
  if (lua_istable(L, 2)) c.environment = strings(L, 2);
  reap_leftovers();
  program *p = lua_newuserdatauv(L, sizeof *p, 0);
  memset(p, 0, sizeof *p);
  p->fds[IN] = p->fds[OUT] = p->fds[ERR] = p->watch = -1;
  luaL_setmetatable(L, program_name);
  for (int i = 0; i < STREAMS && error == 0; i++) error = open_stream(L, 4 + i, i, p, c.fds, &owned[i]);
  if (error == 0) error = cc_program_start(&c, &p->pid, &directory);
  for (int i = 0; i < STREAMS; i++)
    if (owned[i]) cc_descriptor_shut(&c.fds[i]);
  if (error == 0) {
    p->watch = cc_child_watch(p->pid);
    return 1;
  }
  for (int i = 0; i < STREAMS; i++) cc_descriptor_shut(&p->fds[i]);
  p->pid = 0;
  lua_pushnil(L);
  lua_pushstring(L, cc_error_text(error));
  lua_pushboolean(L, directory);
  return 3;
}

/* ==} {== moving bytes */

#define PIECE ((size_t)64 << 10)

static void receive(lua_State *L, program *p, int which) {
  bytes *b = &p->buffers[which];
  void *to = make_room(b, PIECE);
  if (to == NULL) luaL_error(L, "not enough memory");
  int64_t n = cc_descriptor_read(p->fds[which], to, PIECE);
  if (n > 0)
    b->end += (size_t)n;
  else if (n != -EAGAIN && n != -EWOULDBLOCK)
    cc_descriptor_shut(&p->fds[which]);
}

static void transmit(program *p) {
  bytes *b = &p->buffers[IN];
  int64_t n = 0;
  if (b->start < b->end) n = cc_descriptor_write(p->fds[IN], b->at + b->start, b->end - b->start);
  if (n > 0) b->start += (size_t)n;
  if (n < 0 && n != -EAGAIN && n != -EWOULDBLOCK) { /* it reads no more */
    b->start = b->end;
    cc_descriptor_shut(&p->fds[IN]);
  }
  if (b->start == b->end && p->closing) cc_descriptor_shut(&p->fds[IN]);
}

/* What there is to wait for, and which stream each is; returns how many. */
static size_t collect(const program *p, cc_polled list[STREAMS + 1], int streams[STREAMS + 1]) {
  size_t n = 0;
  bool pending = p->fds[IN] >= 0 && (p->buffers[IN].start < p->buffers[IN].end || p->closing);
  for (int i = 0; i < STREAMS; i++) {
    if (p->fds[i] < 0 || (i == IN && !pending)) continue;
    list[n] = (cc_polled){p->fds[i], i == IN, false};
    streams[n++] = i;
  }
  if (!p->ended && p->watch >= 0) {
    list[n] = (cc_polled){p->watch, false, false};
    streams[n++] = STREAMS;
  }
  return n;
}

#define TOLD_BY_NOTHING 2000000 /* ns between two looks at a program that nothing watches */

/* For tasks, which wait by themselves: a list of descriptors, each with whether it is to be written;
** and for how many seconds at most, if that is limited. */
static int descriptors(lua_State *L) {
  program *p = self(L);
  cc_polled list[STREAMS + 1];
  int streams[STREAMS + 1];
  size_t n = collect(p, list, streams);
  lua_createtable(L, 2 * (STREAMS + 1), 0);
  lua_Integer at = 0;
  for (size_t i = 0; i < n; i++) {
    lua_pushinteger(L, list[i].fd);
    lua_rawseti(L, -2, ++at);
    lua_pushboolean(L, list[i].writes);
    lua_rawseti(L, -2, ++at);
  }
  if (p->ended || p->watch >= 0) return 1;
  lua_pushnumber(L, TOLD_BY_NOTHING * 1e-9);
  return 2;
}

/* Waits until something happens, at most as long as the timeout at index 2 says, and moves what
** can be moved. Returns whether something has happened. */
static int step(lua_State *L) {
  program *p = self(L);
  int64_t deadline = bind_deadline(L, 2);
  bind_wait wait;
  cc_polled list[STREAMS + 1];
  cc_self *me = bind_enter(L, &wait);
  cc_outcome outcome;
  int streams[STREAMS + 1];
  size_t n;
  do {
    n = collect(p, list, streams);
    int64_t until = deadline;
    if (!p->ended && p->watch < 0) until = cc_clock() + TOLD_BY_NOTHING;
    if (until > deadline) until = deadline;
    outcome = cc_wait_ready(me, list, n, until == CC_NOW ? 1 : until);
  } while (bind_again(L, &wait, outcome == CC_TIMEOUT ? CC_OK : outcome));
  for (size_t i = 0; i < n; i++) {
    if (!list[i].ready) continue;
    if (streams[i] == IN)
      transmit(p);
    else if (streams[i] != STREAMS)
      receive(L, p, streams[i]);
  }
  bool was = p->ended;
  lua_pushboolean(L, look(p) != was || outcome == CC_OK);
  return 1;
}

static int feed(lua_State *L) {
  program *p = self(L);
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  void *to = p->fds[IN] >= 0 ? make_room(&p->buffers[IN], n) : NULL;
  if (p->fds[IN] >= 0 && to == NULL && n > 0) return luaL_error(L, "not enough memory");
  if (to != NULL && n > 0) memcpy(to, s, n);
  if (to != NULL) p->buffers[IN].end += n;
  lua_pushboolean(L, p->fds[IN] >= 0 && !p->closing);
  return 1;
}

static int close_stdin(lua_State *L) {
  program *p = self(L);
  p->closing = true;
  if (p->fds[IN] >= 0 && p->buffers[IN].start == p->buffers[IN].end) cc_descriptor_shut(&p->fds[IN]);
  return 0;
}

static int check_stream(lua_State *L) {
  lua_Integer i = luaL_checkinteger(L, 2);
  luaL_argcheck(L, i >= IN && i < STREAMS, 2, "no such stream");
  return (int)i;
}

/* How many bytes a stream's buffer has, and whether more may come (be sent). */
static int available(lua_State *L) {
  program *p = self(L);
  int i = check_stream(L);
  lua_pushinteger(L, (lua_Integer)(p->buffers[i].end - p->buffers[i].start));
  lua_pushboolean(L, p->fds[i] >= 0);
  return 2;
}

/* Takes the first n bytes of a stream, or all. */
static int take(lua_State *L) {
  program *p = self(L);
  bytes *b = &p->buffers[check_stream(L)];
  size_t n = b->end - b->start;
  lua_Integer wanted = luaL_optinteger(L, 3, (lua_Integer)n);
  if (wanted >= 0 && (size_t)wanted < n) n = (size_t)wanted;
  lua_pushlstring(L, b->at != NULL ? b->at + b->start : "", n);
  b->start += n;
  if (b->start == b->end) free_bytes(b);
  return 1;
}

/* The first byte of a stream's buffer, which stays there. */
static int peek(lua_State *L) {
  program *p = self(L);
  const bytes *b = &p->buffers[check_stream(L)];
  lua_pushlstring(L, b->at != NULL ? b->at + b->start : "", b->end > b->start);
  return 1;
}

/* Where the first line feed of a stream is, from 1, looking from a position on; nil: none. */
static int find_line(lua_State *L) {
  program *p = self(L);
  const bytes *b = &p->buffers[check_stream(L)];
  size_t n = b->end - b->start, from = (size_t)luaL_optinteger(L, 3, 1) - 1;
  const char *s = b->at != NULL ? b->at + b->start : NULL;
  const char *found = s != NULL && from < n ? memchr(s + from, '\n', n - from) : NULL;
  if (found == NULL) return 0;
  lua_pushinteger(L, (lua_Integer)(found - s) + 1);
  return 1;
}

static int status(lua_State *L) {
  program *p = self(L);
  lua_pushboolean(L, look(p));
  lua_pushinteger(L, p->code);
  return 2;
}

static int send(lua_State *L) {
  program *p = self(L);
  lua_Integer sig = luaL_checkinteger(L, 2);
  bool there = p->pid != 0 && !look(p);
  if (there) cc_program_signal(p->pid, (int)sig);
  lua_pushboolean(L, there);
  return 1;
}

static int pid(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)self(L)->pid);
  return 1;
}

/* ==} */

void bind_open_subprocess(lua_State *L) {
  static const luaL_Reg methods[] = {{"step", step}, {"descriptors", descriptors},
                                     {"feed", feed},
                                     {"close_stdin", close_stdin},
                                     {"available", available},
                                     {"take", take},
                                     {"find_line", find_line},
                                     {"peek", peek},
                                     {"status", status},
                                     {"signal", send},
                                     {"pid", pid},
                                     {"__gc", close_all},
                                     {"__close", close_all},
                                     {NULL, NULL}};
  if (luaL_newmetatable(L, program_name)) {
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
  lua_pushcfunction(L, start);
  lua_setfield(L, -2, "_start_program");
  bind_lazy_module(L, "subprocess");
}
