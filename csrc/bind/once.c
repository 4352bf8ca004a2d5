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

typedef struct outcome {
  cc_parcel *result;
  bool packing; /* the function has returned */
} outcome;

/* Calls the function with its arguments and packs what it returns. */
static int call_and_pack(lua_State *L) {
  outcome *o = lua_touserdata(L, lua_upvalueindex(1));
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  o->packing = true;
  o->result = codec_finish(codec_encode(L, 1, lua_gettop(L), CODEC_FAMILY, 0));
  if (o->result == NULL) bind_raise(L, CC_NO_MEMORY);
  return lua_gettop(L);
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
  outcome got = {NULL, false};
  lua_pushlightuserdata(L, &got);
  lua_pushcclosure(L, call_and_pack, 1);
  lua_insert(L, 2);
  int status = run_pcall(L, lua_gettop(L) - 2, LUA_MULTRET);
  cc_once_end(me, o, status == LUA_OK ? got.result : NULL);
  if (status != LUA_OK && got.packing && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1); /* a mistake of the caller's */
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  if (status != LUA_OK) return lua_error(L);
  return lua_gettop(L) - 1;
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
