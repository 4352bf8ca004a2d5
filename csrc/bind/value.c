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

/* Puts the item in; what was there comes out in its place. False: somebody else updates it. */
static bool exchange(cc_value *v, cc_item *item) {
  cc_self *me = cc_self_get();
  cc_item old;
  cc_value_lock(me, v);
  bool mine = cc_turn_mine(me, &v->turn);
  if (mine) cc_value_write(me, v, item, &old);
  cc_value_unlock(me, v);
  if (mine) cc_item_copy(item, &old);
  return mine;
}

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
  bool done = exchange(v, &item);
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
  if (!exchange(v, &item)) {
    cc_item_drop(&item);
    return in_turn(L, v, value_swap);
  }
  codec_push_item(L, &item);
  return 1;
}

/* {== arithmetic as Lua does it, on items */

static void add(cc_item *sum, const cc_item *a, const cc_item *b) {
  if (a->kind == CC_ITEM_INTEGER && b->kind == CC_ITEM_INTEGER) {
    sum->kind = CC_ITEM_INTEGER;
    sum->u.word = a->u.word + b->u.word; /* wraps around, as in Lua */
  } else {
    lua_Number n = cc_item_number(a) + cc_item_number(b);
    sum->kind = CC_ITEM_NUMBER;
    memcpy(&sum->u.word, &n, sizeof n);
  }
}

/* ==} */

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
  cc_self *me = cc_self_get();
  cc_item change, now, sum = {0, CC_ITEM_NIL, {0}}, old;
  luaL_checktype(L, 2, LUA_TNUMBER);
  codec_item(L, 2, &change);
  cc_value_lock(me, v);
  if (!cc_turn_mine(me, &v->turn)) {
    cc_value_unlock(me, v);
    return in_turn(L, v, value_add);
  }
  for (bool done = false; !done;) {
    int64_t seen;
    /* in the lock-free form others add meanwhile: only an exchange of what was seen counts */
    bool small = cc_value_get_integer(v, &seen);
    cc_value_read(v, &now);
    done = true;
    if (!cc_item_is_number(&now)) break;
    add(&sum, &now, &change);
    if (small)
      done = cc_value_replace(me, v, now.u.word, &sum);
    else
      cc_value_write(me, v, &sum, &old);
  }
  cc_value_unlock(me, v);
  if (cc_item_is_number(&now)) return push_number(L, &sum);
  cc_item_drop(&now);
  return luaL_error(L, "attempt to add to a value that holds no number");
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
  cc_self *me = cc_self_get();
  cc_item expected, item, now, old;
  int type = lua_type(L, 2);
  luaL_checkany(L, 3);
  if (type == LUA_TTABLE || type == LUA_TFUNCTION || (type == LUA_TUSERDATA && !handle_test(L, 2)))
    luaL_typeerror(L, 2, "nil, boolean, number, string or handle");
  old.kind = CC_ITEM_NIL;
  codec_item(L, 2, &expected);
  if (cc_item_has_parcel(expected.kind))
    second_item(L, &item, &expected);
  else
    codec_item(L, 3, &item);
  bool swapped = false;
  cc_value_lock(me, v);
  if (!cc_turn_mine(me, &v->turn)) {
    cc_value_unlock(me, v);
    cc_item_drop(&expected);
    cc_item_drop(&item);
    return in_turn(L, v, value_compare_swap);
  }
  for (bool done = false; !done;) {
    int64_t seen;
    bool small = cc_value_get_integer(v, &seen);
    cc_value_read(v, &now);
    done = true;
    if (!cc_item_same(&now, &expected)) break;
    if (small) {
      done = swapped = cc_value_replace(me, v, now.u.word, &item);
    } else {
      cc_value_write(me, v, &item, &old);
      swapped = true;
    }
  }
  cc_value_unlock(me, v);
  cc_item_drop(&now);
  cc_item_drop(&expected);
  cc_item_drop(swapped ? &old : &item);
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
  exchange(v, &item);
  cc_item_drop(&item);
  return lua_gettop(L) - 1;
}

static int value_update(lua_State *L) {
  cc_value *v = self(L);
  bind_turn t = turn_of(v);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  luaL_checkstack(L, 4, NULL);
  lua_pushcfunction(L, call_and_store);
  lua_insert(L, 1);
  bind_take_turn(L, &t);
  cc_self *me = cc_self_get();
  cc_value_hold(me, v);
  int status = run_pcall(L, lua_gettop(L) - 1, LUA_MULTRET);
  cc_value_settle(me, v);
  cc_turn_give(me, t.guard, t.turn);
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
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
  if (v != NULL) exchange(v, &item);
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
