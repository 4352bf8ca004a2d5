/* concur.barrier */
#include "core/barrier.h"

#include <stdio.h>

#include "bind/bind.h"
#include "codec/codec.h"
#include "run/context.h"

static cc_barrier *self(lua_State *L) { return (cc_barrier *)bind_object(L, 1, CC_BARRIER); }

static int push_broken(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "broken");
  return 2;
}

static int call_action(lua_State *L) {
  cc_parcel *action = lua_touserdata(L, 1);
  codec_decode_parcel(L, action);
  lua_call(L, 0, 0);
  return 0;
}

/* Runs the action before anybody leaves; its error breaks the barrier and is this
** thread's. */
static int act(lua_State *L, cc_barrier *b, uint32_t index, uint64_t round) {
  cc_parcel_retain(b->action);
  lua_pushcfunction(L, call_action);
  lua_pushlightuserdata(L, b->action);
  bool ok = run_pcall(L, 1, 0) == LUA_OK;
  cc_outcome outcome = cc_barrier_acted(cc_self_get(), b, round, ok);
  if (!ok) return lua_error(L);
  if (outcome != CC_OK) return push_broken(L);
  lua_pushinteger(L, (lua_Integer)index);
  return 1;
}

/* Arrives once: an interruption or a cancellation has broken the barrier. So whether a
** clean-up holds a cancellation back is asked before. */
static int barrier_wait(lua_State *L) {
  cc_barrier *b = self(L);
  int64_t deadline = bind_deadline(L, 2);
  if (lua_isnoneornil(L, 2) && b->timeout != CC_FOREVER)
    deadline = b->timeout == 0 ? CC_NOW : cc_clock() + b->timeout;
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  bool held_back = run_in_cleanup(L);
  bind_rearm(me, &wait);
  uint32_t index = 0;
  uint64_t round = 0;
  bool last;
  if (held_back) me->shield++;
  cc_outcome outcome = cc_barrier_arrive(me, b, deadline, &index, &last, &round);
  if (held_back) me->shield--;
  if (outcome == CC_SUSPENDED) bind_again(L, &wait, outcome);
  bind_leave(me);
  if (outcome != CC_OK) {
    if (outcome != CC_CLOSED && outcome != CC_TIMEOUT) bind_again(L, &wait, outcome);
    return push_broken(L);
  }
  if (last) return act(L, b, index, round);
  lua_pushinteger(L, (lua_Integer)index);
  return 1;
}

static int barrier_parties(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)self(L)->parties);
  return 1;
}

static int barrier_n_waiting(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_barrier_waiting(cc_self_get(), self(L)));
  return 1;
}

static int barrier_is_broken(lua_State *L) {
  lua_pushboolean(L, cc_barrier_broken(cc_self_get(), self(L)));
  return 1;
}

static int barrier_abort(lua_State *L) {
  cc_barrier_abort(cc_self_get(), self(L));
  return 0;
}

static int barrier_reset(lua_State *L) {
  cc_barrier_reset(cc_self_get(), self(L));
  return 0;
}

static int barrier_tostring(lua_State *L) {
  char text[64];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  cc_barrier *b = self(L);
  cc_self *me = cc_self_get();
  snprintf(text, sizeof text, "%u/%u%s", cc_barrier_waiting(me, b), b->parties,
           cc_barrier_broken(me, b) ? ", broken" : "");
  return bind_tostring(L, text);
}

static int new_barrier(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  int64_t timeout = CC_FOREVER;
  cc_parcel *action = NULL;
  luaL_argcheck(L, n >= 1 && n <= 1000000, 1, "the number of parties must be positive");
  lua_settop(L, 3);
  if (!lua_isnil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  if (lua_isboolean(L, 3))
    timeout = lua_toboolean(L, 3) ? CC_FOREVER : 0;
  else if (!lua_isnil(L, 3))
    timeout = bind_seconds(L, 3);
  codec_handle *h = handle_new(L, CC_BARRIER, 0);
  if (!lua_isnil(L, 2)) {
    action = codec_finish(codec_encode(L, 2, 1, CODEC_FAMILY, 0));
    if (action == NULL) bind_raise(L, CC_NO_MEMORY);
  }
  return bind_made(L, h, (cc_object *)cc_barrier_new((uint32_t)n, action, timeout));
}

void bind_open_barrier(lua_State *L) {
  static const luaL_Reg methods[] = {{"wait", barrier_wait},       {"parties", barrier_parties},
                                     {"n_waiting", barrier_n_waiting},
                                     {"broken", barrier_is_broken},
                                     {"abort", barrier_abort},     {"reset", barrier_reset},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", barrier_tostring}, {NULL, NULL}};
  bind_type(L, CC_BARRIER, methods, metamethods);
  lua_pushcfunction(L, new_barrier);
  lua_setfield(L, -2, "barrier");
}
