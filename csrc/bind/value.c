/* concur.value */
#include "core/value.h"

#include <math.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/item.h"

static cc_value *self(lua_State *L) { return (cc_value *)bind_object(L, 1, CC_VALUE); }

/* Puts the item in; what was there comes out in its place. */
static void exchange(cc_value *v, cc_item *item) {
  cc_self *me = cc_self_get();
  cc_item old;
  cc_value_lock(me, v);
  cc_value_write(v, item, &old);
  cc_value_unlock(me, v);
  cc_item_copy(item, &old);
}

static int value_get(lua_State *L) {
  cc_item item;
  cc_value_get(cc_self_get(), self(L), &item);
  bind_push_item(L, &item);
  return 1;
}

static int value_set(lua_State *L) {
  cc_value *v = self(L);
  cc_item item;
  luaL_checkany(L, 2);
  bind_item(L, 2, &item);
  size_t bytes = cc_item_has_parcel(item.kind) ? item.u.parcel->size : 0;
  exchange(v, &item);
  bind_item_drop(&item);
  if (bytes > 0) bind_owe_bytes(L, bytes);
  return 0;
}

static int value_swap(lua_State *L) {
  cc_value *v = self(L);
  cc_item item;
  luaL_checkany(L, 2);
  bind_item(L, 2, &item);
  exchange(v, &item);
  bind_push_item(L, &item);
  return 1;
}

/* {== arithmetic as Lua does it, on items */

static lua_Number number_of(const cc_item *item) {
  lua_Number n;
  if (item->kind == CC_ITEM_INTEGER) return (lua_Number)(int64_t)item->u.word;
  memcpy(&n, &item->u.word, sizeof n);
  return n;
}

static bool is_number(const cc_item *item) {
  return item->kind == CC_ITEM_INTEGER || item->kind == CC_ITEM_NUMBER;
}

static void add(cc_item *sum, const cc_item *a, const cc_item *b) {
  if (a->kind == CC_ITEM_INTEGER && b->kind == CC_ITEM_INTEGER) {
    sum->kind = CC_ITEM_INTEGER;
    sum->u.word = a->u.word + b->u.word; /* wraps around, as in Lua */
  } else {
    lua_Number n = number_of(a) + number_of(b);
    sum->kind = CC_ITEM_NUMBER;
    memcpy(&sum->u.word, &n, sizeof n);
  }
}

/* Whether a float and an integer are the same number, exactly. */
static bool same_number(lua_Number f, int64_t i) {
  return f >= -0x1p63 && f < 0x1p63 && floor((double)f) == (double)f && (int64_t)f == i;
}

static bool same_bytes(const void *a, size_t na, const void *b, size_t nb) {
  return na == nb && memcmp(a, b, na) == 0;
}

/* Raw equality of values that compare by content; a parcel here is a handle alone. */
static bool same(const cc_item *a, const cc_item *b) {
  if (is_number(a) && is_number(b)) {
    if (a->kind == b->kind)
      return a->kind == CC_ITEM_INTEGER ? a->u.word == b->u.word : number_of(a) == number_of(b);
    return a->kind == CC_ITEM_NUMBER ? same_number(number_of(a), (int64_t)b->u.word)
                                     : same_number(number_of(b), (int64_t)a->u.word);
  }
  if (a->kind != b->kind) return false;
  if (cc_item_sized(a->kind)) return same_bytes(a->u.bytes, a->size, b->u.bytes, b->size);
  if (!cc_item_has_parcel(a->kind)) return a->u.word == b->u.word;
  const cc_parcel *p = a->u.parcel, *q = b->u.parcel;
  return same_bytes(p->bytes, p->size, q->bytes, q->size) && p->nobjects == q->nobjects &&
         (p->nobjects == 0 || cc_parcel_objects(p)[0] == cc_parcel_objects(q)[0]);
}

/* ==} */

static int push_number(lua_State *L, const cc_item *item) {
  cc_item number = *item;
  bind_push_item(L, &number);
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
  bind_item(L, 2, &change);
  cc_value_lock(me, v);
  for (bool done = false; !done;) {
    int64_t seen;
    /* in the lock-free form others add meanwhile: only an exchange of what was seen counts */
    bool small = cc_value_get_integer(v, &seen);
    cc_value_read(v, &now);
    done = true;
    if (!is_number(&now)) break;
    add(&sum, &now, &change);
    if (small)
      done = cc_value_replace(v, now.u.word, &sum);
    else
      cc_value_write(v, &sum, &old);
  }
  cc_value_unlock(me, v);
  if (is_number(&now)) return push_number(L, &sum);
  bind_item_drop(&now);
  return luaL_error(L, "attempt to add to a value that holds no number");
}

static int fill_item(lua_State *L) {
  bind_item(L, 2, lua_touserdata(L, 1));
  return 0;
}

/* bind_item for index 3, dropping what was made before when it raises. */
static void second_item(lua_State *L, cc_item *item, cc_item *first) {
  lua_pushcfunction(L, fill_item);
  lua_pushlightuserdata(L, item);
  lua_pushvalue(L, 3);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return;
  bind_item_drop(first);
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
  bind_item(L, 2, &expected);
  if (cc_item_has_parcel(expected.kind))
    second_item(L, &item, &expected);
  else
    bind_item(L, 3, &item);
  bool swapped = false;
  cc_value_lock(me, v);
  for (bool done = false; !done;) {
    int64_t seen;
    bool small = cc_value_get_integer(v, &seen);
    cc_value_read(v, &now);
    done = true;
    if (!same(&now, &expected)) break;
    if (small) {
      done = swapped = cc_value_replace(v, now.u.word, &item);
    } else {
      cc_value_write(v, &item, &old);
      swapped = true;
    }
  }
  cc_value_unlock(me, v);
  bind_item_drop(&now);
  bind_item_drop(&expected);
  bind_item_drop(swapped ? &old : &item);
  lua_pushboolean(L, swapped);
  return 1;
}

static int value_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  cc_item item;
  cc_value_get(cc_self_get(), self(L), &item);
  if (cc_item_sized(item.kind) || cc_item_has_parcel(item.kind)) {
    bind_item_drop(&item);
    return bind_tostring(L, NULL);
  }
  bind_push_item(L, &item);
  return bind_tostring(L, luaL_tolstring(L, -1, NULL));
}

static int new_value(lua_State *L) {
  cc_item item;
  lua_settop(L, 1);
  codec_handle *h = handle_new(L, CC_VALUE, 0);
  bind_item(L, 1, &item);
  cc_value *v = cc_value_new();
  h->object = (cc_object *)v;
  if (v != NULL) exchange(v, &item);
  bind_item_drop(&item);
  return bind_made(L, h, (cc_object *)v);
}

void bind_open_value(lua_State *L) {
  static const luaL_Reg methods[] = {{"get", value_get},
                                     {"set", value_set},
                                     {"add", value_add},
                                     {"swap", value_swap},
                                     {"compare_swap", value_compare_swap},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", value_tostring}, {NULL, NULL}};
  bind_type(L, CC_VALUE, methods, metamethods);
  lua_pushcfunction(L, new_value);
  lua_setfield(L, -2, "value");
}
