/*
** concur.thread: a callable table (so that it can be extended), thread handles
** with their properties, and the functions about threads in general.
*/
#include "run/thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/start.h"
#include "codec/codec.h"
#include "codec/item.h"
#include "run/context.h"
#include "run/process.h"

/* Timers and processes have the methods of threads. */
static run_thread *self(lua_State *L) {
  codec_handle *h = bind_any_handle(L, 1);
  bool other = h != NULL && (h->kind == CC_TIMER || h->kind == CC_PROCESS);
  return (run_thread *)bind_object(L, 1, other ? (cc_kind)h->kind : CC_THREAD);
}

static void push_name(lua_State *L, run_thread *t) {
  cc_parcel *name = run_thread_name(cc_self_get(), t);
  /* the bytes end with a zero that is not part of the name */
  luaL_Buffer b;
  char *to = luaL_buffinitsize(L, &b, name->size);
  memcpy(to, name->bytes, name->size - 1);
  luaL_pushresultsize(&b, name->size - 1);
  cc_parcel_release(name);
}

/* {== life */

static int thread_start(lua_State *L) {
  run_thread *t = self(L);
  bind_start(L, 1, t);
  lua_settop(L, 1);
  return 1;
}

static int push_parcel(lua_State *L, run_thread *t, cc_parcel *const *field) {
  cc_parcel *p;
  cc_guard_lock(&t->object.guard, cc_self_word());
  p = *field;
  if (p != NULL) cc_parcel_retain(p);
  cc_guard_unlock(&t->object.guard);
  return p == NULL ? -1 : codec_decode_parcel(L, p);
}

/* Why a process has neither results nor an error. */
static void push_end(lua_State *L, run_thread *t) {
  int code = 0;
  char name[32];
  run_process_exitcode(t, &code);
  if (code >= 0) {
    lua_pushfstring(L, "exited with code %d", code);
  } else {
    cc_signal_name(-code, name, sizeof name);
    lua_pushfstring(L, "killed by signal %d (%s)", -code, name);
  }
}

static int thread_join(lua_State *L) {
  run_thread *t = self(L);
  int64_t deadline = bind_deadline(L, 2);
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  int n;
  do outcome = t == run_process_myself() ? CC_MISUSE : run_thread_join(me, t, deadline);
  while (bind_again(L, &wait, outcome));
  if (outcome == CC_MISUSE)
    return luaL_error(L, atomic_load(&t->status) == RUN_NEW ? "cannot join an unstarted %s"
                                                            : "a %s cannot join itself",
                      t->object.kind == CC_PROCESS ? "process" : "thread");
  if (outcome == CC_TIMEOUT) {
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    return 2;
  }
  switch (atomic_load(&t->status)) {
    case RUN_CANCELLED:
      lua_pushboolean(L, 0);
      run_push_cancelled(L);
      return 2;
    case RUN_DONE:
      lua_pushboolean(L, 1);
      n = push_parcel(L, t, &t->result);
      return n < 0 ? 1 : n + 1;
    default:
      lua_pushboolean(L, 0);
      if (push_parcel(L, t, &t->result) >= 0) return 2;
      if (t->object.kind == CC_PROCESS)
        push_end(L, t);
      else /* there was no memory for the error either */
        lua_pushstring(L, atomic_load(&t->lost)      ? "its process has ended"
                          : atomic_load(&t->starved) ? "not enough memory"
                                                     : "out of shared memory");
      return 2;
  }
}

static int thread_is_alive(lua_State *L) {
  lua_pushboolean(L, run_thread_alive(self(L)));
  return 1;
}

static int thread_status(lua_State *L) {
  static const char *const names[] = {"new", "running", "running", "done", "failed", "cancelled"};
  run_thread *t = self(L);
  uint32_t status = atomic_load(&t->status);
  bool waits = status == RUN_RUNNING ? run_thread_waiting(t)
                                     : status == RUN_STARTING && t->object.kind == CC_TIMER;
  lua_pushstring(L, waits ? "waiting" : names[status]);
  return 1;
}

static int thread_cancel(lua_State *L) {
  lua_pushboolean(L, run_thread_cancel(cc_self_get(), self(L)));
  return 1;
}

static int thread_traceback(lua_State *L) {
  run_thread *t = self(L);
  cc_parcel *p;
  cc_guard_lock(&t->object.guard, cc_self_word());
  p = t->traceback;
  if (p != NULL) cc_parcel_retain(p);
  cc_guard_unlock(&t->object.guard);
  if (p == NULL)
    lua_pushnil(L);
  else
    codec_push_text(L, p);
  return 1;
}

/* ==} {== properties */

static int push_positive(lua_State *L, uint64_t n) {
  if (n == 0) return 0;
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

static int push_process_property(lua_State *L, const run_thread *t, const char *key) {
  int code;
  if (strcmp(key, "pid") == 0) return push_positive(L, (uint64_t)run_process_id(t));
  if (strcmp(key, "exitcode") != 0 || !run_process_exitcode(t, &code)) return 0;
  lua_pushinteger(L, code);
  return 1;
}

/* Upvalue: the table of methods. */
static int thread_index(lua_State *L) {
  run_thread *t = self(L);
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING) return 1;
  const char *key = lua_tostring(L, 2);
  if (strcmp(key, "name") == 0)
    push_name(L, t);
  else if (strcmp(key, "daemon") == 0)
    lua_pushboolean(L, atomic_load(&t->daemon) != 0);
  else if (strcmp(key, "ident") == 0)
    return push_positive(L, atomic_load(&t->ident));
  else if (strcmp(key, "native_id") == 0)
    return push_positive(L, (uint64_t)run_thread_native_id(t));
  else if (t->object.kind == CC_PROCESS)
    return push_process_property(L, t, key);
  return 1;
}

static int thread_newindex(lua_State *L) {
  run_thread *t = self(L);
  const char *key = luaL_checkstring(L, 2), *kind = t->object.kind == CC_PROCESS ? "process" : "thread";
  if (strcmp(key, "name") == 0) {
    size_t n;
    const char *name = lua_tolstring(L, 3, &n);
    if (name == NULL)
      return luaL_error(L, "the name of a %s must be a string, not a %s", kind, luaL_typename(L, 3));
    if (!run_thread_set_name(cc_self_get(), t, name, n)) bind_raise(L, CC_NO_MEMORY);
  } else if (strcmp(key, "daemon") == 0) {
    if (!lua_isboolean(L, 3))
      return luaL_error(L, "'daemon' of a %s must be a boolean, not a %s", kind, luaL_typename(L, 3));
    if (atomic_load(&t->status) != RUN_NEW)
      return luaL_error(L, "cannot change 'daemon' of a %s that was started", kind);
    atomic_store(&t->daemon, (uint32_t)lua_toboolean(L, 3));
  } else {
    return luaL_error(L, "cannot set field '%s' of a %s", key, kind);
  }
  return 0;
}

static int thread_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  run_thread *t = self(L);
  lua_pushcfunction(L, thread_status);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  push_name(L, t);
  lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), lua_tostring(L, -2));
  return bind_tostring(L, lua_tostring(L, -1));
}

/* ==} {== of processes only */

static int send(lua_State *L, lua_Integer sig) {
  run_thread *t = (run_thread *)bind_object(L, 1, CC_PROCESS);
  if (atomic_load(&t->status) == RUN_NEW) return luaL_error(L, "cannot signal an unstarted process");
  int error = run_process_signal(t, (int)sig);
  if (error != 0 && error != ESRCH) return luaL_error(L, "cannot signal the process: %s", cc_error_text(error));
  lua_pushboolean(L, error == 0);
  return 1;
}

static int process_terminate(lua_State *L) { return send(L, CC_SIGNAL_TERMINATE); }

static int process_kill(lua_State *L) { return send(L, CC_SIGNAL_KILL); }

static int process_signal(lua_State *L) {
  bind_object(L, 1, CC_PROCESS);
  lua_Integer sig = luaL_checkinteger(L, 2);
  luaL_argcheck(L, sig >= 0 && sig < 1000 && cc_signal_valid((int)sig), 2, "no such signal");
  return send(L, sig);
}

/* ==} {== functions of the module */

static int push_thread(lua_State *L, run_thread *t) {
  if (t == NULL) bind_raise(L, CC_NO_MEMORY);
  handle_push(L, &t->object);
  return 1;
}

static int current(lua_State *L) { return push_thread(L, run_thread_current()); }

static int main_thread(lua_State *L) { return push_thread(L, run_thread_main()); }

/* Pops nothing: an array of the alive threads (of child processes) on top, their number as
** result. */
static lua_Integer push_alive(lua_State *L, bool processes) {
  size_t n;
  lua_Integer alive = 0;
  run_thread **list = run_thread_list(&n);
  if (list == NULL) return luaL_error(L, "out of shared memory");
  /* handles are born dead, so that lack of memory loses no reference */
  run_thread ***box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = list;
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    if (run_thread_alive(list[i]) && (list[i]->object.kind == CC_PROCESS) == processes) {
      codec_handle *h = handle_new(L, (cc_kind)list[i]->object.kind, 0);
      h->object = &list[i]->object; /* the list's reference */
      lua_rawseti(L, -2, ++alive);
    } else {
      cc_object_release(&list[i]->object);
    }
  }
  run_thread_list_free(list);
  lua_remove(L, -2);
  return alive;
}

static int threads(lua_State *L) {
  push_alive(L, false);
  return 1;
}

static int active_count(lua_State *L) {
  lua_pushinteger(L, push_alive(L, false));
  return 1;
}

static int active_children(lua_State *L) {
  push_alive(L, true);
  return 1;
}

static int current_process(lua_State *L) { return push_thread(L, run_process_current()); }

static int parent_process(lua_State *L) {
  run_thread *t = run_process_parent();
  if (t != NULL) return push_thread(L, t);
  lua_pushnil(L);
  return 1;
}

static int exit_thread(lua_State *L) {
  run_thread *t = run_thread_current();
  if (t == NULL || atomic_load(&t->root) == 0)
    return luaL_error(L, "concur.exit in the main thread (os.exit ends the process)");
  return run_exit(L, lua_gettop(L));
}

static int text_of(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* The default excepthook: one write, so that reports do not mix. */
static int excepthook(lua_State *L) {
  run_thread *t = self(L);
  lua_settop(L, 3);
  if (!lua_isstring(L, 3)) { /* no traceback: the error alone */
    lua_pushcfunction(L, text_of);
    lua_pushvalue(L, 2);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK)
      lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 2));
    lua_replace(L, 3);
  }
  push_name(L, t);
  lua_pushfstring(L, "Exception in %s %s:\n%s\n", t->object.kind == CC_PROCESS ? "process" : "thread",
                  lua_tostring(L, -1), lua_tostring(L, 3));
  size_t n;
  const char *text = lua_tolstring(L, -1, &n);
  fwrite(text, 1, n, stderr);
  fflush(stderr);
  return 0;
}

/* concur.thread(...): self is the callable table. */
static int call_thread(lua_State *L) {
  lua_remove(L, 1);
  bind_new_thread(L);
  return 1;
}

static int call_process(lua_State *L) {
  lua_remove(L, 1);
  bind_new_process(L);
  return 1;
}

static int timer(lua_State *L) {
  bind_new_timer(L);
  return 1;
}

static int spawn(lua_State *L) {
  bind_new_thread(L);
  bind_start(L, -1, (run_thread *)handle_test(L, -1)->object);
  return 1;
}

/* As a class, concur.thread has what every class inherits, extend above all; that
** lives in Lua and is fetched when it is first wanted. Upvalue: "thread" or "process". */
static int class_index(lua_State *L) {
  lua_settop(L, 2);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "concur.class");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, lua_tostring(L, lua_upvalueindex(1)));
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

/* For concur.class: the next default name of a process or thread, used up when the second argument
** is true. */
static int default_name(lua_State *L) {
  char name[RUN_NAME];
  bool take = lua_toboolean(L, 2), process = strcmp(luaL_checkstring(L, 1), "process") == 0;
  size_t n = process ? run_process_default_name(name, take) : run_thread_default_name(name, take);
  lua_pushlstring(L, name, n);
  return 1;
}

/* For concur.class. */
static int instances(lua_State *L) {
  bind_push_instances(L);
  return 1;
}

/* ==} */

static void open_type(lua_State *L, cc_kind kind) {
  static const luaL_Reg methods[] = {{"start", thread_start},
                                     {"join", thread_join},
                                     {"is_alive", thread_is_alive},
                                     {"status", thread_status},
                                     {"cancel", thread_cancel},
                                     {"traceback", thread_traceback},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__newindex", thread_newindex}, {"__tostring", thread_tostring}, {NULL, NULL}};
  static const luaL_Reg process_methods[] = {
      {"terminate", process_terminate}, {"kill", process_kill}, {"signal", process_signal}, {NULL, NULL}};
  bind_type(L, kind, methods, metamethods);
  codec_handle *h = handle_new(L, kind, 0);
  (void)h;
  lua_getmetatable(L, -1);
  lua_getfield(L, -1, "__index");
  if (kind == CC_PROCESS) luaL_setfuncs(L, process_methods, 0);
  lua_pushcclosure(L, thread_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 2);
}

/* A callable table. */
static void open_class(lua_State *L, const char *name, lua_CFunction call) {
  lua_newtable(L);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, call);
  lua_setfield(L, -2, "__call");
  lua_pushstring(L, name);
  lua_pushcclosure(L, class_index, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, name);
}

void bind_open_thread(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"spawn", spawn},     {"timer", timer},     {"current", current},           {"main", main_thread},
      {"threads", threads}, {"active_count", active_count}, {"exit", exit_thread},
      {"current_process", current_process}, {"parent_process", parent_process},
      {"active_children", active_children},
      {"_excepthook", excepthook}, {"_instances", instances}, {"_default_name", default_name},     {NULL, NULL}};
  open_type(L, CC_THREAD);
  open_type(L, CC_TIMER);
  open_type(L, CC_PROCESS);
  luaL_setfuncs(L, functions, 0);
  open_class(L, "thread", call_thread);
  open_class(L, "process", call_process);
}
