/* concur.array */
#include "core/array.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bind/bind.h"
#include "codec/item.h"

static const char *const names[] = {"i8", "u8", "i16", "u16", "i32", "u32", "i64", "f32", "f64", NULL};

static const struct {
  lua_Integer least, most;
} ranges[CC_ELEMENTS] = {{INT8_MIN, INT8_MAX},   {0, UINT8_MAX},          {INT16_MIN, INT16_MAX},
                         {0, UINT16_MAX},        {INT32_MIN, INT32_MAX},  {0, UINT32_MAX},
                         {INT64_MIN, INT64_MAX}, {0, 0},                  {0, 0}};

static cc_array *self(lua_State *L) { return (cc_array *)bind_object(L, 1, CC_ARRAY); }

/* {== elements: read and written in one piece, in no order with others */

static bool is_float(const cc_array *a) { return a->type >= CC_F32; }

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a type in parentheses is a cast */
#define AT(type, a, i) ((_Atomic type *)(void *)(a)->bytes + (i))
#define LOAD(type, a, i) atomic_load_explicit(AT(type, a, i), memory_order_relaxed)
#define STORE(type, a, i, v) atomic_store_explicit(AT(type, a, i), (type)(v), memory_order_relaxed)

typedef union number {
  lua_Integer i;
  lua_Number f;
} number;

static inline void push_element(lua_State *L, const cc_array *a, size_t i) {
  switch (a->type) {
    case CC_I8: lua_pushinteger(L, LOAD(int8_t, a, i)); break;
    case CC_U8: lua_pushinteger(L, LOAD(uint8_t, a, i)); break;
    case CC_I16: lua_pushinteger(L, LOAD(int16_t, a, i)); break;
    case CC_U16: lua_pushinteger(L, LOAD(uint16_t, a, i)); break;
    case CC_I32: lua_pushinteger(L, LOAD(int32_t, a, i)); break;
    case CC_U32: lua_pushinteger(L, LOAD(uint32_t, a, i)); break;
    case CC_I64: lua_pushinteger(L, LOAD(int64_t, a, i)); break;
    case CC_F32: lua_pushnumber(L, (lua_Number)LOAD(float, a, i)); break;
    default: lua_pushnumber(L, LOAD(double, a, i));
  }
}

static inline void write_element(const cc_array *a, size_t i, number n) {
  switch (a->type) {
    case CC_I8: STORE(int8_t, a, i, n.i); break;
    case CC_U8: STORE(uint8_t, a, i, n.i); break;
    case CC_I16: STORE(int16_t, a, i, n.i); break;
    case CC_U16: STORE(uint16_t, a, i, n.i); break;
    case CC_I32: STORE(int32_t, a, i, n.i); break;
    case CC_U32: STORE(uint32_t, a, i, n.i); break;
    case CC_I64: STORE(int64_t, a, i, n.i); break;
    case CC_F32: STORE(float, a, i, n.f); break;
    default: STORE(double, a, i, n.f);
  }
}

static bool in_range(const cc_array *a, number n) {
  if (a->type == CC_F32) return !isfinite(n.f) || isfinite((float)n.f);
  return is_float(a) || (n.i >= ranges[a->type].least && n.i <= ranges[a->type].most);
}

static void out_of_range(lua_State *L, const cc_array *a) {
  luaL_error(L, "value out of range for %s", names[a->type]);
}

/* The number at idx as the array's elements are. */
static number get_number(lua_State *L, const cc_array *a, int idx) {
  number n;
  int whole;
  if (cc_unlikely(lua_type(L, idx) != LUA_TNUMBER)) luaL_typeerror(L, idx, "number");
  if (is_float(a)) {
    n.f = lua_tonumber(L, idx);
  } else {
    n.i = lua_tointegerx(L, idx, &whole);
    if (!whole) luaL_error(L, "number has no integer representation, as %s needs", names[a->type]);
  }
  return n;
}

static number get_value(lua_State *L, const cc_array *a, int idx) {
  number n = get_number(L, a, idx);
  if (cc_unlikely(!in_range(a, n))) out_of_range(L, a);
  return n;
}

/* ==} {== positions */

static int bad_index(lua_State *L, const cc_array *a, int idx) {
  if (lua_type(L, idx) != LUA_TNUMBER)
    return luaL_error(L, "a %s cannot be an index of a concur.array", luaL_typename(L, idx));
  return luaL_error(L, "index %s out of bounds (1 to %I)", luaL_tolstring(L, idx, NULL), (lua_Integer)a->n);
}

/* The element at idx, from 0. */
static inline size_t element(lua_State *L, const cc_array *a, int idx) {
  int whole;
  lua_Integer i = lua_tointegerx(L, idx, &whole);
  if (cc_unlikely(!whole || (lua_Unsigned)i - 1 >= a->n || lua_type(L, idx) != LUA_TNUMBER))
    bad_index(L, a, idx);
  return (size_t)i - 1;
}

/* The part from idx to idx + 1, by default all; it may be empty, but not outside. */
static size_t part(lua_State *L, const cc_array *a, int idx, size_t *n) {
  lua_Integer i = luaL_optinteger(L, idx, 1), j = luaL_optinteger(L, idx + 1, (lua_Integer)a->n);
  if (i < 1 || (lua_Unsigned)i - 1 > a->n) bad_index(L, a, idx);
  if (j < i - 1 || (j > 0 && (lua_Unsigned)j > a->n)) bad_index(L, a, idx + 1);
  *n = (size_t)(j - i + 1);
  return (size_t)i - 1;
}

/* ==} {== one element */

/* Methods are in the upvalue. */
static int array_index(lua_State *L) {
  cc_array *a = self(L);
  if (cc_unlikely(lua_type(L, 2) == LUA_TSTRING)) {
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
  }
  push_element(L, a, element(L, a, 2));
  return 1;
}

static int array_set(lua_State *L) {
  cc_array *a = self(L);
  size_t i = element(L, a, 2);
  write_element(a, i, get_value(L, a, 3));
  return 0;
}

/* Adds with a compare-and-swap; false when the sum is out of range. */
#define ADD(type)                                                                               \
  do {                                                                                          \
    type before = LOAD(type, a, i);                                                             \
    number sum;                                                                                 \
    do {                                                                                        \
      if (__builtin_add_overflow((lua_Integer)before, n.i, &sum.i) || !in_range(a, sum))        \
        return false;                                                                           \
    } while (!atomic_compare_exchange_weak(AT(type, a, i), &before, (type)sum.i));              \
    *result = sum;                                                                              \
    return true;                                                                                \
  } while (0)

static bool add_integer(cc_array *a, size_t i, number n, number *result) {
  switch (a->type) {
    case CC_I8: ADD(int8_t);
    case CC_U8: ADD(uint8_t);
    case CC_I16: ADD(int16_t);
    case CC_U16: ADD(uint16_t);
    case CC_I32: ADD(int32_t);
    case CC_U32: ADD(uint32_t);
    default: ADD(int64_t);
  }
}

static bool add_float(cc_array *a, size_t i, number n, number *result) {
  if (a->type == CC_F64) {
    double before = LOAD(double, a, i);
    do result->f = before + n.f;
    while (!atomic_compare_exchange_weak(AT(double, a, i), &before, result->f));
    return true;
  }
  float before = LOAD(float, a, i);
  do {
    result->f = (lua_Number)before + n.f;
    if (!in_range(a, *result)) return false;
  } while (!atomic_compare_exchange_weak(AT(float, a, i), &before, (float)result->f));
  result->f = (lua_Number)(float)result->f;
  return true;
}

static int array_add(lua_State *L) {
  cc_array *a = self(L);
  size_t i = element(L, a, 2);
  number n = get_number(L, a, 3), sum;
  if (!(is_float(a) ? add_float : add_integer)(a, i, n, &sum)) out_of_range(L, a);
  if (is_float(a))
    lua_pushnumber(L, sum.f);
  else
    lua_pushinteger(L, sum.i);
  return 1;
}

static int next_element(lua_State *L) {
  cc_array *a = self(L);
  lua_Integer i = luaL_checkinteger(L, 2);
  if (i < 0 || (lua_Unsigned)i >= a->n) return 0;
  lua_pushinteger(L, i + 1);
  push_element(L, a, (size_t)i);
  return 2;
}

static int array_pairs(lua_State *L) {
  self(L);
  lua_pushcfunction(L, next_element);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

/* ==} {== many elements */

static int array_fill(lua_State *L) {
  cc_array *a = self(L);
  size_t n, i = part(L, a, 3, &n);
  number v = get_value(L, a, 2);
  unsigned char *to = a->bytes + i * a->width;
  if (n == 0) return 0;
  write_element(a, i, v);
  /* the part that is filled is copied behind itself, and so doubles */
  size_t done = a->width, size = n * a->width;
  while (done < size) {
    size_t more = done < size - done ? done : size - done;
    memcpy(to + done, to, more);
    done += more;
  }
  return 0;
}

static int push_array(lua_State *L, codec_handle *h, cc_array *a) {
  if (a != NULL && a->owner == NULL) bind_owe_bytes(L, a->n * a->width);
  return bind_made(L, h, (cc_object *)a);
}

static int array_copy(lua_State *L) {
  cc_array *a = self(L);
  codec_handle *h = handle_new(L, CC_ARRAY, 0);
  cc_array *copy = cc_array_new((cc_element)a->type, a->n);
  if (copy != NULL) memcpy(copy->bytes, a->bytes, a->n * a->width);
  return push_array(L, h, copy);
}

static int array_slice(lua_State *L) {
  cc_array *a = self(L);
  size_t n, i = part(L, a, 2, &n);
  codec_handle *h = handle_new(L, CC_ARRAY, 0);
  return push_array(L, h, cc_array_view(a, i, n));
}

static int array_bytes(lua_State *L) {
  cc_array *a = self(L);
  size_t n, i = part(L, a, 2, &n);
  lua_pushlstring(L, (const char *)a->bytes + i * a->width, n * a->width);
  return 1;
}

static int array_write(lua_State *L) {
  cc_array *a = self(L);
  size_t size, n;
  const char *s = luaL_checklstring(L, 3, &size);
  lua_settop(L, 2);
  size_t i = part(L, a, 2, &n);
  luaL_argcheck(L, size % a->width == 0, 3, "not a whole number of elements");
  luaL_argcheck(L, size <= n * a->width, 3, "does not fit into the array");
  memcpy(a->bytes + i * a->width, s, size);
  return 0;
}

/* ==} */

static int array_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)self(L)->n);
  return 1;
}

static int array_tostring(lua_State *L) {
  char text[40];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  cc_array *a = self(L);
  snprintf(text, sizeof text, "%s[%llu]", names[a->type], (unsigned long long)a->n);
  return bind_tostring(L, text);
}

static void fill_from_table(lua_State *L, cc_array *a, int table) {
  for (size_t i = 0; i < a->n; i++) {
    lua_geti(L, table, (lua_Integer)i + 1);
    if (lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L, "bad element #%I (number expected, got %s)", (lua_Integer)i + 1, luaL_typename(L, -1));
    write_element(a, i, get_value(L, a, lua_gettop(L)));
    lua_pop(L, 1);
  }
}

static int new_array(lua_State *L) {
  cc_element type = (cc_element)luaL_checkoption(L, 1, NULL, names);
  bool is_table = lua_istable(L, 2);
  lua_Integer n = is_table ? luaL_len(L, 2) : luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 0, 2, "the number of elements must not be negative");
  lua_settop(L, 2);
  codec_handle *h = handle_new(L, CC_ARRAY, 0);
  push_array(L, h, cc_array_new(type, (size_t)n));
  if (is_table) fill_from_table(L, (cc_array *)h->object, 2);
  return 1;
}

void bind_open_array(lua_State *L) {
  static const luaL_Reg methods[] = {{"add", array_add},     {"fill", array_fill},   {"copy", array_copy},
                                     {"bytes", array_bytes}, {"write", array_write}, {"slice", array_slice},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__len", array_len},
                                         {"__newindex", array_set},
                                         {"__pairs", array_pairs},
                                         {"__tostring", array_tostring},
                                         {NULL, NULL}};
  bind_type_indexed(L, CC_ARRAY, methods, metamethods, array_index);
  lua_pushcfunction(L, new_array);
  lua_setfield(L, -2, "array");
}
