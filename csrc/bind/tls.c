/*
** concur.tls: a handle that reads and writes a table of the state it is in. A
** thread has a state of its own, so the table is the thread's and goes with it.
*/
#include "core/tls.h"

#include "bind/bind.h"
#include "codec/codec.h"

static const char tables_key; /* registry: object id -> this state's table */

static cc_tls *self(lua_State *L) { return (cc_tls *)bind_object(L, 1, CC_TLS); }

static void push_first(lua_State *L, cc_tls *t) {
  if (t->init == NULL) {
    lua_newtable(L);
    return;
  }
  cc_parcel_retain(t->init);
  codec_decode_parcel(L, t->init);
  lua_call(L, 0, 1);
  if (!lua_istable(L, -1))
    luaL_error(L, "the init function of a tls must return a table, not a %s", luaL_typename(L, -1));
}

/* Drops what belongs to objects that are gone. Only their handles could reach it. */
static void sweep(lua_State *L, int tables) {
  lua_Integer left = 0;
  lua_pushnil(L);
  while (lua_next(L, tables)) {
    bool entry = lua_isinteger(L, -2) && lua_istable(L, -1);
    if (entry) {
      lua_rawgeti(L, -1, 2);
      uint32_t index = (uint32_t)lua_tointeger(L, -1);
      lua_pop(L, 1);
      if (!cc_object_alive(index, (uint64_t)lua_tointeger(L, -2))) {
        lua_pushvalue(L, -2);
        lua_pushnil(L);
        lua_rawset(L, tables); /* an existing field: allowed during the walk */
      } else {
        left++;
      }
    }
    lua_pop(L, 1);
  }
  lua_pushinteger(L, left * 2 + 32);
  lua_setfield(L, tables, "limit");
  lua_pushinteger(L, left);
  lua_setfield(L, tables, "count");
}

static lua_Integer number_in(lua_State *L, int table, const char *field) {
  luaL_checkstack(L, 4, NULL);
  lua_getfield(L, table, field);
  lua_Integer n = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return n;
}

/* Entries are {the thread's table, the object's index}. */
static void add_entry(lua_State *L, int tables, cc_tls *t) {
  lua_Integer count = number_in(L, tables, "count") + 1;
  if (count > number_in(L, tables, "limit")) {
    sweep(L, tables);
    count = number_in(L, tables, "count") + 1;
  }
  lua_pushinteger(L, count);
  lua_setfield(L, tables, "count");
  lua_createtable(L, 2, 0);
  push_first(L, t);
  lua_rawseti(L, -2, 1);
  lua_pushinteger(L, (lua_Integer)t->object.index);
  lua_rawseti(L, -2, 2);
  lua_pushvalue(L, -1);
  lua_rawseti(L, tables, (lua_Integer)t->object.id);
}

/* Pushes the thread's table. */
static void push_table(lua_State *L) {
  cc_tls *t = self(L);
  luaL_checkstack(L, 10, NULL);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &tables_key) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tables_key);
  }
  int tables = lua_gettop(L);
  if (lua_rawgeti(L, tables, (lua_Integer)t->object.id) == LUA_TNIL) {
    lua_pop(L, 1);
    add_entry(L, tables, t);
  }
  lua_rawgeti(L, -1, 1);
  lua_replace(L, tables);
  lua_settop(L, tables);
}

static int tls_index(lua_State *L) {
  push_table(L);
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

static int tls_newindex(lua_State *L) {
  if (lua_isnil(L, 2)) return luaL_error(L, "index is nil");
  if (lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) != lua_tonumber(L, 2))
    return luaL_error(L, "index is NaN");
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

/* With the last handle of all goes this thread's table; other threads' wait for a
** sweep there. */
static int tls_gc(lua_State *L) {
  codec_handle *h = handle_test(L, 1);
  if (h == NULL || h->object == NULL) return 0;
  uint32_t index = h->object->index;
  uint64_t id = h->object->id;
  handle_drop(h);
  if (!cc_object_alive(index, id) &&
      lua_rawgetp(L, LUA_REGISTRYINDEX, &tables_key) == LUA_TTABLE &&
      lua_rawgeti(L, -1, (lua_Integer)id) != LUA_TNIL) {
    lua_pushnil(L);
    lua_rawseti(L, -3, (lua_Integer)id);
    lua_pushinteger(L, number_in(L, -2, "count") - 1);
    lua_setfield(L, -3, "count");
  }
  return 0;
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
                                         {"__gc", tls_gc},
                                         {NULL, NULL}};
  bind_type(L, CC_TLS, methods, metamethods);
  lua_pushcfunction(L, new_tls);
  lua_setfield(L, -2, "tls");
}
