/*
** concur.tls: a handle that reads and writes a table of the state it is in. A
** thread has a state of its own, so the table is the thread's and goes with it.
*/
#include "core/tls.h"

#include "bind/bind.h"
#include "codec/codec.h"

static const char tables_key; /* registry: object id -> this state's table */

static cc_tls *self(lua_State *L) { return (cc_tls *)bind_object(L, 1, CC_TLS); }

static int make_first(lua_State *L, cc_tls *t) {
  if (t->init == NULL) {
    lua_newtable(L);
    return 1;
  }
  cc_parcel_retain(t->init);
  codec_decode_parcel(L, t->init);
  lua_call(L, 0, 1);
  if (!lua_istable(L, -1))
    return luaL_error(L, "the init function of a tls must return a table, not a %s",
                      luaL_typename(L, -1));
  return 1;
}

/* Pushes the thread's table. */
static void push_table(lua_State *L) {
  cc_tls *t = self(L);
  luaL_checkstack(L, 6, NULL);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &tables_key) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tables_key);
  }
  if (lua_rawgeti(L, -1, (lua_Integer)t->object.id) == LUA_TNIL) {
    lua_pop(L, 1);
    make_first(L, t);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, (lua_Integer)t->object.id);
  }
  lua_remove(L, -2);
}

static int tls_index(lua_State *L) {
  push_table(L);
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

static int tls_newindex(lua_State *L) {
  push_table(L);
  lua_insert(L, 2);
  lua_settable(L, 2);
  return 0;
}

static int next_pair(lua_State *L) {
  lua_settop(L, 2);
  if (lua_next(L, 1)) return 2;
  lua_pushnil(L);
  return 1;
}

static int tls_pairs(lua_State *L) {
  lua_pushcfunction(L, next_pair);
  push_table(L);
  lua_pushnil(L);
  return 3;
}

static int new_tls(lua_State *L) {
  cc_parcel *init = NULL;
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) luaL_checktype(L, 1, LUA_TFUNCTION);
  codec_handle *h = handle_new(L, CC_TLS, 0);
  if (!lua_isnil(L, 1)) {
    init = codec_finish(codec_encode(L, 1, 1, CODEC_FAMILY, 0));
    if (init == NULL) bind_raise(L, CC_NO_MEMORY);
  }
  return bind_made(L, h, (cc_object *)cc_tls_new(init));
}

void bind_open_tls(lua_State *L) {
  static const luaL_Reg methods[] = {{NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__index", tls_index},
                                         {"__newindex", tls_newindex},
                                         {"__pairs", tls_pairs},
                                         {NULL, NULL}};
  bind_type(L, CC_TLS, methods, metamethods);
  lua_pushcfunction(L, new_tls);
  lua_setfield(L, -2, "tls");
}
