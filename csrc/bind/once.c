/* concur.once */
#include "core/once.h"

#include "bind/bind.h"
#include "codec/codec.h"
#include "run/context.h"

static cc_once *self(lua_State *L) { return (cc_once *)bind_object(L, 1, CC_ONCE); }

static int push_result(lua_State *L, cc_once *o) {
  cc_parcel_retain(o->result);
  return codec_decode_parcel(L, o->result);
}

/* Packs what the function has returned, for the one who asked. */
static int pack(lua_State *L) {
  cc_parcel **result = lua_touserdata(L, 1);
  lua_remove(L, 1);
  *result = codec_finish(codec_encode(L, 1, lua_gettop(L), CODEC_FAMILY, 0));
  if (*result == NULL) bind_raise(L, CC_NO_MEMORY);
  return 0;
}

/* The same with values from the top; they stay. Else the error is on top. */
static bool pack_results(lua_State *L, int n, cc_parcel **result) {
  if (!lua_checkstack(L, n + LUA_MINSTACK)) {
    lua_pushliteral(L, "too many results");
    return false;
  }
  int first = lua_gettop(L) - n + 1;
  lua_pushcfunction(L, pack);
  lua_pushlightuserdata(L, result);
  for (int i = 0; i < n; i++) lua_pushvalue(L, first + i);
  return run_pcall(L, n + 1, 0) == LUA_OK;
}

/* The function has ended, perhaps after it was suspended. On the stack: the handle, the object, a message handler,
** and what came of it. */
static int finish_run(lua_State *L, int status, lua_KContext unwinding) {
  cc_once *o = lua_touserdata(L, 2);
  cc_parcel *result = NULL;
  int n = lua_gettop(L) - 3;
  bool returned = status == LUA_OK || status == LUA_YIELD;
  run_unwinding = (uint32_t)unwinding;
  bool packed = returned && pack_results(L, n, &result);
  cc_once_end(cc_self_get(), o, result);
  if (packed) return n;
  if (returned && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1); /* a mistake of the caller's */
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int once_run(lua_State *L) {
  cc_once *o = self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome turn;
  do turn = cc_once_begin(me, o);
  while (bind_again(L, &wait, turn));
  if (turn == CC_CLOSED) return push_result(L, o);
  if (turn == CC_MISUSE) return luaL_error(L, "once:run called by the function that it runs");
  lua_KContext unwinding = (lua_KContext)run_unwinding;
  lua_pushlightuserdata(L, o);
  lua_insert(L, 2);
  lua_pushcfunction(L, run_count_unwinding);
  lua_insert(L, 3);
  return finish_run(L, lua_pcallk(L, lua_gettop(L) - 4, LUA_MULTRET, 3, unwinding, finish_run), unwinding);
}

static int once_done(lua_State *L) {
  lua_pushboolean(L, atomic_load(&self(L)->done) != 0);
  return 1;
}

static int once_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  return bind_tostring(L, atomic_load(&self(L)->done) ? "done" : "not done");
}

static int new_once(lua_State *L) {
  codec_handle *h = handle_new(L, CC_ONCE, 0);
  return bind_made(L, h, (cc_object *)cc_once_new());
}

void bind_open_once(lua_State *L) {
  static const luaL_Reg methods[] = {{"run", once_run}, {"done", once_done}, {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", once_tostring}, {NULL, NULL}};
  bind_type(L, CC_ONCE, methods, metamethods);
  lua_pushcfunction(L, new_once);
  lua_setfield(L, -2, "once");
}
