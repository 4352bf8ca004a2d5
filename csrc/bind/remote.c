/*
** Calls over links. A call that an interruption has withdrawn is made again once the hook has
** returned, with what is left of its timeout.
*/
#include "bind/remote.h"

#include <string.h>

#include "bind/pack.h"
#include "run/context.h"

#define OK 0
#define FAILED 1

void bind_link_check(lua_State *L, const cc_link *k) {
  if (cc_unlikely(!cc_link_ours(k))) luaL_error(L, "the connection belongs to another process");
}

/* {== what comes back */

typedef struct result {
  cc_link *link;
  uint64_t remote; /* whose method it was; its proxy is at index 1 */
  cc_reply reply;
} result;

static int malformed(lua_State *L) { return luaL_error(L, "malformed data"); }

static cc_kind kind_of(const uint8_t *name, size_t size) {
  for (int i = 1; i < CC_KINDS; i++) {
    const char *known = cc_kind_name((cc_kind)i);
    if (strlen(known) == size && memcmp(known, name, size) == 0) return (cc_kind)i;
  }
  return (cc_kind)0;
}

/* An object among the results: its place, its id, the name of its kind. */
typedef struct mention {
  unsigned place;
  uint64_t remote;
  cc_kind kind;
} mention;

/* Reads one of them. Returns what follows. */
static const uint8_t *read_mention(lua_State *L, const uint8_t *at, const uint8_t *end, mention *m) {
  if (end - at < 10 || end - at - 10 < at[9]) malformed(L);
  m->place = at[0];
  m->remote = 0;
  for (int i = 0; i < 8; i++) m->remote |= (uint64_t)at[1 + i] << (8 * i);
  m->kind = kind_of(at + 10, at[9]);
  if (m->remote == 0) malformed(L);
  return at + 10 + at[9];
}

/* Puts the proxy in its place among the n values from stack index `first` on. */
static void put_proxy(lua_State *L, const result *r, const mention *m, int first, int n) {
  if (m->place < 1 || m->place > (unsigned)n || !lua_isnil(L, first + (int)m->place - 1)) malformed(L);
  codec_handle *h = handle_new(L, CC_PROXY, 0);
  bind_made(L, h, (cc_object *)cc_link_proxy(cc_self_get(), r->link, m->remote, m->kind));
  if (m->remote == r->remote) { /* the very same handle */
    handle_drop(h);
    lua_pushvalue(L, 1);
    lua_replace(L, -2);
  }
  lua_replace(L, first + (int)m->place - 1);
}

static int push_values(lua_State *L, const result *r) {
  const uint8_t *at = r->reply.bytes + 1, *end = r->reply.bytes + r->reply.size, *mentions;
  const int first = lua_gettop(L) + 1;
  mention m;
  if (at == end) malformed(L);
  unsigned count = *at++;
  mentions = at;
  for (unsigned i = 0; i < count; i++) at = read_mention(L, at, end, &m);
  int n = codec_decode_within(L, at, (size_t)(end - at), r->link->max_depth);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  for (at = mentions; count > 0; count--) {
    at = read_mention(L, at, end, &m);
    put_proxy(L, r, &m, first, n);
  }
  return n;
}

/* Pushes the position of who called the method, which may be protected by another function in C. */
static void where_called(lua_State *L) {
  luaL_where(L, 1);
  if (lua_rawlen(L, -1) > 0) return;
  lua_pop(L, 1);
  luaL_where(L, 2);
}

/* An error that is a string comes with where the server was. A mistake of the caller's has the caller's position. */
static int raise_remote(lua_State *L, const result *r) {
  lua_settop(L, 0);
  codec_decode_within(L, r->reply.bytes + 1, r->reply.size - 1, r->link->max_depth);
  lua_settop(L, 3);
  if (lua_type(L, 1) != LUA_TSTRING) {
    lua_settop(L, 1);
    return lua_error(L);
  }
  if (lua_toboolean(L, 3)) where_called(L);
  else lua_pushliteral(L, "");
  lua_pushvalue(L, 1);
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushliteral(L, "\n\nserver's ");
    lua_pushvalue(L, 2);
  }
  lua_concat(L, lua_gettop(L) - 3);
  return lua_error(L);
}

static int push_result(lua_State *L, const result *r) {
  switch (r->reply.bytes[0]) {
    case OK: return push_values(L, r);
    case FAILED: return raise_remote(L, r);
    default: return malformed(L);
  }
}

/* Arguments: whose method it was, the result. */
static int push_result_protected(lua_State *L) {
  const result *r = lua_touserdata(L, 2);
  return push_result(L, r);
}

/* Pushes what the reply says and drops it, whatever happens. */
static int finish(lua_State *L, result *r) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL); /* of a stack that has room for a call */
  if (r->reply.bytes == r->reply.inlined) return push_result(L, r);
  lua_pushcfunction(L, push_result_protected);
  lua_pushvalue(L, 1);
  lua_pushlightuserdata(L, r);
  int status = lua_pcall(L, 2, LUA_MULTRET, 0);
  cc_reply_drop(&r->reply);
  if (status != LUA_OK) lua_error(L);
  return lua_gettop(L) - top;
}

/* ==} {== what is sent */

/* Puts what is left of the time in the timeout's place. */
static void lessen(lua_State *L, int timeout, int64_t deadline) {
  int64_t left = deadline - cc_clock();
  if (timeout == 0 || deadline == CC_FOREVER || deadline == CC_NOW) return;
  lua_pushnumber(L, left > 0 ? (lua_Number)left / 1e9 : 0);
  lua_replace(L, timeout);
}

/* ==} */

/* Room for the reply; the caller pops the message. In a clean-up cancellation is held back. */
static cc_outcome call(lua_State *L, bind_wait *wait, result *r, const char *name) {
  size_t size = 0;
  const char *message = bind_resumes() ? NULL : lua_tolstring(L, -1, &size);
  cc_self *me = bind_enter_task(L, wait);
  bool held_back = run_in_cleanup(L);
  bind_rearm(me, wait);
  if (held_back) me->shield++;
  cc_outcome outcome =
      cc_link_call(me, r->link, r->remote, name, strlen(name), message, size, &r->reply);
  if (held_back) me->shield--;
  return outcome;
}

int bind_remote_call(lua_State *L, cc_link *k, uint64_t remote, const char *name, int first,
                     int timeout) {
  const int last = lua_gettop(L);
  bind_wait wait;
  result r;
  cc_outcome outcome;
  bool again;
  if (timeout > last) timeout = 0;
  int64_t deadline = timeout == 0 ? CC_FOREVER : bind_deadline(L, timeout);
  bind_link_check(L, k);
  r.link = k;
  r.remote = remote;
  do {
    if (!bind_resumes()) bind_push_packed(L, first, last, CODEC_NETWORK);
    outcome = call(L, &wait, &r, name);
    lua_settop(L, last);
    again = outcome != CC_OK && outcome != CC_CLOSED && outcome != CC_MISUSE &&
            bind_again(L, &wait, outcome);
    bind_leave(cc_self_get()); /* the next turn may raise before it waits */
    if (again) lessen(L, timeout, deadline);
  } while (again);
  if (outcome == CC_OK) return finish(L, &r);
  if (outcome == CC_MISUSE) return luaL_error(L, "message too large");
  lua_pushnil(L);
  lua_pushliteral(L, "connection lost");
  return 2;
}
