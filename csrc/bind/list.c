/* concur.list */
#include "core/list.h"

#include <lualib.h>
#include <stdio.h>

#include "bind/batch.h"
#include "codec/item.h"
#include "bind/turn.h"
#include "core/parcel.h"

static cc_list *self(lua_State *L) { return (cc_list *)bind_object(L, 1, CC_LIST); }

static int in_turn(lua_State *L, cc_list *l, lua_CFunction f) {
  bind_turn t = {&l->object, &l->object.guard, &l->turn};
  return bind_change_in_turn(L, 1, &t, f);
}

/* {== arguments */

/* The position at idx, which need not exist; 0 for one that cannot. */
static size_t position(lua_State *L, int idx) {
  lua_Integer i = luaL_checkinteger(L, idx);
  return i > 0 ? (size_t)i : 0;
}

static void get_value(lua_State *L, int idx, cc_item *item) {
  if (lua_isnoneornil(L, idx)) luaL_error(L, "a list cannot hold nil");
  codec_item(L, idx, item);
}

static size_t bytes_of(const cc_item *item) {
  return cc_item_has_parcel(item->kind) ? item->u.parcel->size : 0;
}

/* Packs the values of a table: all of them, before any is stored. */
static cc_records *pack(lua_State *L, int table) {
  cc_records *r = bind_open_batch(L);
  lua_Integer n = luaL_len(L, table);
  cc_item item;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, table, i);
    get_value(L, lua_gettop(L), &item);
    bind_batch_add(L, r, &item);
    lua_pop(L, 1);
  }
  return r;
}

/* ==} {== changes */

/* What an outcome means that is neither success nor somebody else's turn. */
static void raise(lua_State *L, cc_list *l, cc_outcome outcome) {
  if (outcome == CC_CLOSED) luaL_error(L, "position out of range (the list has %I values)", (lua_Integer)cc_list_size(l));
  bind_raise(L, outcome);
}

static int list_set(lua_State *L) {
  cc_list *l = self(L);
  cc_item item, old;
  if (lua_type(L, 2) != LUA_TNUMBER)
    return luaL_error(L, "a %s cannot be a position in a concur.list", luaL_typename(L, 2));
  size_t i = position(L, 2);
  lua_settop(L, 3);
  get_value(L, 3, &item);
  size_t bytes = bytes_of(&item);
  cc_outcome outcome = cc_list_set(cc_self_get(), l, i, &item, &old);
  cc_item_drop(outcome == CC_OK ? &old : &item);
  if (outcome == CC_TIMEOUT) return in_turn(L, l, list_set);
  raise(L, l, outcome);
  if (bytes > 0) bind_owe_bytes(L, bytes);
  return 0;
}

static int insert(lua_State *L, size_t i, int idx, lua_CFunction f) {
  cc_list *l = self(L);
  cc_item item;
  get_value(L, idx, &item);
  size_t bytes = bytes_of(&item);
  cc_outcome outcome = cc_list_insert(cc_self_get(), l, i, &item);
  if (outcome != CC_OK) cc_item_drop(&item);
  if (outcome == CC_TIMEOUT) return in_turn(L, l, f);
  raise(L, l, outcome);
  if (bytes > 0) bind_owe_bytes(L, bytes);
  return 0;
}

static int list_append(lua_State *L) {
  self(L);
  return insert(L, 0, 2, list_append);
}

static int list_insert(lua_State *L) {
  self(L);
  size_t i = position(L, 2);
  return insert(L, i == 0 ? SIZE_MAX : i, 3, list_insert);
}

/* The last one of an empty list is nil. */
static int list_pop(lua_State *L) {
  cc_list *l = self(L);
  cc_item item = {0, CC_ITEM_NIL, {0}};
  size_t i = 0;
  if (!lua_isnoneornil(L, 2)) i = position(L, 2) == 0 ? SIZE_MAX : position(L, 2);
  cc_outcome outcome = cc_list_pop(cc_self_get(), l, i, &item);
  if (outcome == CC_TIMEOUT) return in_turn(L, l, list_pop);
  if (outcome != CC_CLOSED || i != 0) raise(L, l, outcome);
  codec_push_item(L, &item);
  return 1;
}

static int list_copy(lua_State *L);

/* The table at idx, on top of the stack; of another list a copy. */
static void check_table(lua_State *L, int idx) {
  codec_handle *other = handle_test(L, idx);
  if (other != NULL && other->kind == CC_LIST) {
    lua_pushcfunction(L, list_copy);
    lua_insert(L, idx);
    lua_call(L, 1, 1);
  }
  luaL_checktype(L, idx, LUA_TTABLE);
}

static int list_extend(lua_State *L) {
  cc_list *l = self(L);
  lua_settop(L, 2);
  check_table(L, 2);
  cc_records *r = pack(L, 2);
  cc_outcome outcome = cc_list_extend(cc_self_get(), l, r, false);
  if (outcome == CC_TIMEOUT) {
    lua_settop(L, 2); /* drops the batch */
    return in_turn(L, l, list_extend);
  }
  raise(L, l, outcome);
  return 0;
}

static int replace_all(lua_State *L) {
  cc_list *l = self(L);
  cc_records *r = pack(L, 2);
  cc_outcome outcome = cc_list_extend(cc_self_get(), l, r, true);
  if (outcome == CC_TIMEOUT) {
    lua_settop(L, 2);
    return in_turn(L, l, replace_all);
  }
  raise(L, l, outcome);
  return 0;
}

static int list_clear(lua_State *L) {
  self(L);
  lua_settop(L, 1);
  lua_newtable(L);
  return replace_all(L);
}

/* Called with the list and perhaps a function: sorts a copy and puts it in the list's place. */
static int sort(lua_State *L) {
  lua_settop(L, 2);
  lua_pushcfunction(L, replace_all);
  lua_pushvalue(L, 1);
  lua_pushcfunction(L, list_copy);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, LUA_TABLIBNAME) == LUA_TNIL) luaL_error(L, "the library 'table' is not there");
  lua_getfield(L, -1, "sort");
  lua_pushvalue(L, -4);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 0);
  lua_pop(L, 2);
  lua_call(L, 2, 0);
  return 0;
}

static int list_sort(lua_State *L) {
  cc_list *l = self(L);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  bind_turn t = {&l->object, &l->object.guard, &l->turn};
  return bind_in_turn(L, 1, &t, sort);
}

/* ==} {== looks */

static int push_value(lua_State *L, cc_list *l, size_t i) {
  cc_item item;
  cc_list_get(cc_self_get(), l, i, &item);
  codec_push_item(L, &item);
  return 1;
}

/* Methods are in the upvalue. */
static int list_index(lua_State *L) {
  cc_list *l = self(L);
  int whole;
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
  }
  lua_Integer i = lua_tointegerx(L, 2, &whole);
  if (!whole || i < 1) {
    lua_pushnil(L);
    return 1;
  }
  return push_value(L, l, (size_t)i);
}

static int list_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_list_size(self(L)));
  return 1;
}

static int list_find(lua_State *L) {
  cc_list *l = self(L);
  cc_item item;
  int type = lua_type(L, 2);
  if (type == LUA_TTABLE || type == LUA_TFUNCTION || (type == LUA_TUSERDATA && !handle_test(L, 2)))
    luaL_typeerror(L, 2, "boolean, number, string or handle");
  luaL_checkany(L, 2);
  codec_item(L, 2, &item);
  size_t i = cc_list_index(cc_self_get(), l, &item);
  cc_item_drop(&item);
  if (i == 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, (lua_Integer)i);
  return 1;
}

static int list_copy(lua_State *L) {
  cc_list *l = self(L);
  cc_item item;
  cc_records *r = bind_open_batch(L);
  if (!cc_list_copy(cc_self_get(), l, r)) luaL_error(L, "not enough memory");
  lua_createtable(L, (int)(r->left < INT32_MAX ? r->left : INT32_MAX), 0);
  for (lua_Integer i = 1; cc_records_next(r, &item); i++) {
    codec_push_item(L, &item);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

static int list_pairs(lua_State *L) { return bind_pairs(L, list_copy); }

static int list_tostring(lua_State *L) {
  char text[40];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  snprintf(text, sizeof text, "%llu", (unsigned long long)cc_list_size(self(L)));
  return bind_tostring(L, text);
}

/* ==} */

static int new_list(lua_State *L) {
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) check_table(L, 1);
  codec_handle *h = handle_new(L, CC_LIST, 0);
  bind_made(L, h, (cc_object *)cc_list_new());
  if (lua_istable(L, 1)) {
    cc_list *l = (cc_list *)h->object;
    raise(L, l, cc_list_extend(cc_self_get(), l, pack(L, 1), false));
  }
  lua_settop(L, 2);
  return 1;
}

void bind_open_list(lua_State *L) {
  static const luaL_Reg methods[] = {{"append", list_append},
                                     {"insert", list_insert},
                                     {"pop", list_pop},
                                     {"extend", list_extend},
                                     {"index", list_find},
                                     {"sort", list_sort},
                                     {"copy", list_copy},
                                     {"clear", list_clear},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__len", list_len},
                                         {"__newindex", list_set},
                                         {"__pairs", list_pairs},
                                         {"__tostring", list_tostring},
                                         {NULL, NULL}};
  bind_type_indexed(L, CC_LIST, methods, metamethods, list_index);
  lua_pushcfunction(L, new_list);
  lua_setfield(L, -2, "list");
}
