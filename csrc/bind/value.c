/* concur.value */
#include "core/value.h"

#include <string.h>

#include "bind/bind.h"
#include "codec/item.h"
#include "bind/turn.h"
#include "core/parcel.h"
#include "run/context.h"

static cc_value *self(lua_State *L) { return (cc_value *)bind_object(L, 1, CC_VALUE); }

/* {== turns */

static bind_turn turn_of(cc_value *v) {
  bind_turn t = {&v->object, &v->object.guard, &v->turn};
  return t;
}

/* Calls f again with its arguments, once nobody else updates the value. */
static int in_turn(lua_State *L, cc_value *v, lua_CFunction f) {
  bind_turn t = turn_of(v);
  return bind_change_in_turn(L, 1, &t, f);
}

/* ==} */

static int value_get(lua_State *L) {
  cc_item item;
  cc_value_get(cc_self_get(), self(L), &item);
  codec_push_item(L, &item);
  return 1;
}

static int value_set(lua_State *L) {
  cc_value *v = self(L);
  cc_item item;
  luaL_checkany(L, 2);
  codec_item(L, 2, &item);
  size_t bytes = cc_item_has_parcel(item.kind) ? item.u.parcel->size : 0;
  bool done = cc_value_exchange(cc_self_get(), v, &item) == CC_OK;
  cc_item_drop(&item);
  if (!done) return in_turn(L, v, value_set);
  if (bytes > 0) bind_owe_bytes(L, bytes);
  return 0;
}

static int value_swap(lua_State *L) {
  cc_value *v = self(L);
  cc_item item;
  luaL_checkany(L, 2);
  codec_item(L, 2, &item);
  if (cc_value_exchange(cc_self_get(), v, &item) != CC_OK) {
    cc_item_drop(&item);
    return in_turn(L, v, value_swap);
  }
  codec_push_item(L, &item);
  return 1;
}

static int push_number(lua_State *L, const cc_item *item) {
  cc_item number = *item;
  codec_push_item(L, &number);
  return 1;
}

static int value_add(lua_State *L) {
  cc_value *v = self(L);
  int64_t result;
  int is_integer;
  lua_Integer n = lua_tointegerx(L, 2, &is_integer);
  if (cc_likely(is_integer && lua_isinteger(L, 2) && cc_value_add_integer(v, n, &result))) {
    lua_pushinteger(L, result);
    return 1;
  }
  cc_item change, sum;
  luaL_checktype(L, 2, LUA_TNUMBER);
  codec_item(L, 2, &change);
  cc_outcome outcome = cc_value_add(cc_self_get(), v, &change, &sum);
  if (outcome == CC_TIMEOUT) return in_turn(L, v, value_add);
  if (outcome == CC_MISUSE) return luaL_error(L, "attempt to add to a value that holds no number");
  return push_number(L, &sum);
}

static int fill_item(lua_State *L) {
  codec_item(L, 2, lua_touserdata(L, 1));
  return 0;
}

/* codec_item for index 3, dropping what was made before when it raises. */
static void second_item(lua_State *L, cc_item *item, cc_item *first) {
  lua_pushcfunction(L, fill_item);
  lua_pushlightuserdata(L, item);
  lua_pushvalue(L, 3);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return;
  cc_item_drop(first);
  lua_error(L);
}

static int value_compare_swap(lua_State *L) {
  cc_value *v = self(L);
  cc_item expected, item;
  bool swapped;
  int type = lua_type(L, 2);
  luaL_checkany(L, 3);
  if (type == LUA_TTABLE || type == LUA_TFUNCTION || (type == LUA_TUSERDATA && !handle_test(L, 2)))
    luaL_typeerror(L, 2, "nil, boolean, number, string or handle");
  codec_item(L, 2, &expected);
  if (cc_item_has_parcel(expected.kind))
    second_item(L, &item, &expected);
  else
    codec_item(L, 3, &item);
  cc_outcome outcome = cc_value_compare_swap(cc_self_get(), v, &expected, &item, &swapped);
  cc_item_drop(&expected);
  cc_item_drop(&item);
  if (outcome == CC_TIMEOUT) return in_turn(L, v, value_compare_swap);
  lua_pushboolean(L, swapped);
  return 1;
}

/* Called with the value, the function and its arguments. */
static int call_and_store(lua_State *L) {
  cc_value *v = self(L);
  cc_item item;
  cc_value_get(cc_self_get(), v, &item);
  codec_push_item(L, &item);
  lua_insert(L, 3);
  lua_call(L, lua_gettop(L) - 2, LUA_MULTRET);
  if (lua_gettop(L) == 1) lua_pushnil(L);
  codec_item(L, 2, &item);
  cc_value_exchange(cc_self_get(), v, &item);
  cc_item_drop(&item);
  return lua_gettop(L) - 1;
}

static bool call_held(lua_State *L, int first, const bind_turn *t) {
  cc_value *v = (cc_value *)t->object;
  cc_self *me = cc_self_get();
  cc_value_hold(me, v);
  int status = run_pcall(L, lua_gettop(L) - first, LUA_MULTRET);
  cc_value_settle(me, v);
  return status == LUA_OK;
}

static int value_update(lua_State *L) {
  cc_value *v = self(L);
  bind_turn t = turn_of(v);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  luaL_checkstack(L, 4, NULL);
  lua_pushcfunction(L, call_and_store);
  lua_insert(L, 1);
  return bind_with_turn(L, 1, &t, call_held);
}

static int value_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  cc_item item;
  cc_value_get(cc_self_get(), self(L), &item);
  if (cc_item_sized(item.kind) || cc_item_has_parcel(item.kind)) {
    cc_item_drop(&item);
    return bind_tostring(L, NULL);
  }
  codec_push_item(L, &item);
  return bind_tostring(L, luaL_tolstring(L, -1, NULL));
}

static int new_value(lua_State *L) {
  cc_item item;
  lua_settop(L, 1);
  codec_handle *h = handle_new(L, CC_VALUE, 0);
  codec_item(L, 1, &item);
  cc_value *v = cc_value_new();
  h->object = (cc_object *)v;
  if (v != NULL) cc_value_exchange(cc_self_get(), v, &item);
  cc_item_drop(&item);
  return bind_made(L, h, (cc_object *)v);
}

void bind_open_value(lua_State *L) {
  static const luaL_Reg methods[] = {{"get", value_get},
                                     {"set", value_set},
                                     {"add", value_add},
                                     {"swap", value_swap},
                                     {"compare_swap", value_compare_swap},
                                     {"update", value_update},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", value_tostring}, {NULL, NULL}};
  bind_type(L, CC_VALUE, methods, metamethods);
  lua_pushcfunction(L, new_value);
  lua_setfield(L, -2, "value");
}
