/*
** Decode: bytes to Lua values. Trusts nothing of the bytes in CODEC_PLAIN: no
** length, number or nesting beyond what is there, and no memory beyond a fixed
** factor of the input.
*/
#include "codec/codec.h"

#include <limits.h>
#include <string.h>

#include <lauxlib.h>

#include "codec/handle.h"
#include "codec/names.h"
#include "codec/reader.h"

#define ANY_DEPTH INT64_MAX

enum {
  STACK_STEP = 16, /* levels for which stack slots are asked at a time */
  MOST_VALUES = 200000, /* of a message that somebody may have meant */
  COPY_MAX = 512   /* smaller parcels are let go before they are decoded */
};

int reader_malformed(codec_reader *r) {
  luaL_where(r->L, r->level);
  lua_pushliteral(r->L, "malformed data");
  lua_concat(r->L, 2);
  return lua_error(r->L);
}

/* {== numbers of values */

void decode_number(codec_reader *r) {
  r->numbers++;
  if (r->flags & FORMAT_REFS) {
    lua_pushvalue(r->L, -1);
    lua_rawseti(r->L, r->refs, (lua_Integer)r->numbers);
  }
}

static uint32_t reference(codec_reader *r) {
  uint64_t number = reader_varint(r);
  if (!(r->flags & FORMAT_REFS) || number >= r->numbers) reader_malformed(r);
  lua_rawgeti(r->L, r->refs, (lua_Integer)number + 1);
  return (uint32_t)number;
}

/* ==} {== tables */

static int clamp(codec_reader *r, uint64_t n, unsigned cost) {
  size_t most = r->budget / cost;
  if (n > most) n = most;
  if (n > INT_MAX / 64) n = INT_MAX / 64;
  r->budget -= (size_t)n * cost;
  return (int)n;
}

static uint64_t pairs_hinted(codec_reader *r, unsigned hint) {
  if (hint <= HINT_EXACT) return hint;
  if (hint > HINT_EXACT + 62) reader_malformed(r);
  return (uint64_t)1 << (hint - HINT_EXACT);
}

static void other_value(codec_reader *r, unsigned tag, int depth);

/* decode_value, for the inner loops. */
static inline void value(codec_reader *r, unsigned tag, int depth) {
  if (tag < TAG_STRING) {
    lua_pushinteger(r->L, (lua_Integer)tag);
  } else if (tag < TAG_NIL) {
    size_t n = tag - TAG_STRING;
    lua_pushlstring(r->L, (const char *)reader_take(r, n), n);
  } else {
    other_value(r, tag, depth);
  }
}

/* A key that is neither of those two. */
static void other_key(codec_reader *r, unsigned tag, int depth) {
  lua_State *L = r->L;
  other_value(r, tag, depth);
  if (lua_isnil(L, -1)) reader_malformed(r);
  if (lua_type(L, -1) == LUA_TNUMBER && !lua_isinteger(L, -1)) {
    lua_Number v = lua_tonumber(L, -1);
    if (v != v) reader_malformed(r);
  }
}

/* Fills the table on top. */
static void contents(codec_reader *r, uint64_t n, unsigned hint, int depth) {
  lua_State *L = r->L;
  uint64_t i;
  unsigned tag;
  for (i = 1; i <= n; i++) {
    if ((tag = reader_byte(r)) == TAG_BREAK) break;
    value(r, tag, depth);
    lua_rawseti(L, -2, (lua_Integer)i);
  }
  if (hint == 0) return;
  while ((tag = reader_byte(r)) != TAG_END) {
    if (cc_likely(tag < TAG_NIL))
      value(r, tag, depth);
    else
      other_key(r, tag, depth);
    value(r, reader_byte(r), depth);
    lua_rawset(L, -3);
  }
}

static bool is_open(const codec_reader *r, uint32_t number, int depth) {
  int i;
  for (i = 0; i <= depth; i++)
    if (r->open[i] == number) return true;
  return false;
}

/* Sets the metatable of the table on top. Lua looks for __gc when it is set; so
** one that is not filled yet is set again at the end. */
static void metatable(codec_reader *r, int depth) {
  lua_State *L = r->L;
  unsigned tag = reader_byte(r);
  bool partial = false;
  if (tag == TAG_REF)
    partial = is_open(r, reference(r), depth);
  else
    decode_value(r, tag, depth + 1);
  if (!lua_istable(L, -1)) reader_malformed(r);
  if (partial || r->bodies > 0) {
    lua_pushvalue(L, -2);
    lua_rawseti(L, r->again, ++r->nagain);
    lua_pushvalue(L, -1);
    lua_rawseti(L, r->again, ++r->nagain);
  }
  lua_setmetatable(L, -2);
}

static void set_again(codec_reader *r) {
  lua_State *L = r->L;
  lua_Integer i;
  for (i = 1; i <= r->nagain; i += 2) {
    lua_rawgeti(L, r->again, i);
    lua_rawgeti(L, r->again, i + 1);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
  }
}

/* Slots for the first levels are there already. */
static void prepare(codec_reader *r, int depth) {
  if (cc_unlikely(depth >= FORMAT_DEPTH || r->base + depth >= r->max_depth)) reader_malformed(r);
  if (depth % STACK_STEP == 0 && depth > 0)
    luaL_checkstack(r->L, STACK_STEP * 3 + LUA_MINSTACK, NULL);
}

static void table(codec_reader *r, bool object, int depth) {
  uint64_t n = reader_varint(r);
  unsigned hint = reader_byte(r);
  int narray = clamp(r, n, 1);
  int npairs = clamp(r, pairs_hinted(r, hint), 2);
  prepare(r, depth);
  lua_createtable(r->L, narray, npairs);
  r->open[depth] = r->numbers;
  decode_number(r);
  contents(r, n, hint, depth + 1);
  if (object) metatable(r, depth);
}

/* ==} {== bodies */

/* Its number and how deep it lies in one integer. */
void decode_later(codec_reader *r, int depth) {
  if (!(r->flags & FORMAT_DEFERRED)) reader_malformed(r);
  lua_pushinteger(r->L, ((r->base + depth) << 32) | ((lua_Integer)r->numbers - 1));
  lua_rawseti(r->L, r->pending, 2 * r->noted + 2);
  lua_pushvalue(r->L, -1);
  lua_rawseti(r->L, r->pending, 2 * r->noted + 1);
  r->noted++;
  r->bodies++;
}

static void deferred_table(codec_reader *r, int depth) {
  lua_createtable(r->L, 0, 0);
  decode_number(r);
  decode_later(r, depth);
}

/* The body of the table on top. */
static void table_body(codec_reader *r, uint32_t number, int depth) {
  unsigned tag = reader_byte(r), hint;
  uint64_t n;
  if (tag != TAG_TABLE && tag != TAG_OBJECT) reader_malformed(r);
  if (r->base + depth >= r->max_depth) reader_malformed(r);
  if (tag == TAG_OBJECT && codec_is_plain(r->mode)) reader_malformed(r);
  n = reader_varint(r);
  hint = reader_byte(r);
  r->open[depth] = number;
  contents(r, n, hint, depth + 1);
  if (tag == TAG_OBJECT) metatable(r, depth);
}

void decode_bodies(codec_reader *r, lua_Integer noted, int depth) {
  lua_State *L = r->L;
  const int64_t base = r->base;
  lua_Integer i;
  if (noted < r->noted) luaL_checkstack(L, STACK_STEP * 3 + LUA_MINSTACK, NULL);
  for (i = noted; i < r->noted; i++) {
    lua_Integer place;
    lua_rawgeti(L, r->pending, 2 * i + 2);
    place = lua_tointeger(L, -1);
    lua_pop(L, 1);
    r->base = (place >> 32) - depth;
    lua_rawgeti(L, r->pending, 2 * i + 1);
    if (lua_istable(L, -1))
      table_body(r, (uint32_t)place, depth);
    else
      decode_upvalues(r, depth);
    lua_pop(L, 1);
    r->bodies--;
  }
  r->base = base;
  r->noted = noted;
}

/* ==} {== any value */

static void string(codec_reader *r, uint64_t n) {
  if (n > reader_left(r)) reader_malformed(r);
  lua_pushlstring(r->L, (const char *)reader_take(r, (size_t)n), (size_t)n);
}

static void number(codec_reader *r) {
  uint64_t bits = format_get64(reader_take(r, 8));
  double v;
  memcpy(&v, &bits, sizeof v);
  lua_pushnumber(r->L, (lua_Number)v);
}

static void handle(codec_reader *r) {
  uint64_t index = reader_varint(r);
  if (r->mode != CODEC_FAMILY || index >= r->nobjects) reader_malformed(r);
  handle_push(r->L, r->objects[index]);
  decode_number(r);
}

static void named(codec_reader *r) {
  size_t size = reader_size(r);
  const char *path = (const char *)reader_take(r, size);
  luaL_checkstack(r->L, LUA_MINSTACK, NULL);
  if (!names_push(r->L, path, size, r->level)) reader_malformed(r);
  decode_number(r);
}

/* What only code-bearing messages have. */
static void special(codec_reader *r, unsigned tag, int depth) {
  if (codec_is_plain(r->mode)) reader_malformed(r);
  switch (tag) {
    case TAG_OBJECT: table(r, true, depth); return;
    case TAG_GLOBALS: lua_rawgeti(r->L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); return;
    case TAG_NAME: named(r); return;
    case TAG_HANDLE: handle(r); return;
    case TAG_TRANSFER: decode_transfer(r, depth); return;
    case TAG_FUNCTION:
    case TAG_DEFERRED_FUNCTION:
      if (tag == TAG_FUNCTION && depth >= FORMAT_DEPTH) reader_malformed(r);
      decode_function(r, tag == TAG_DEFERRED_FUNCTION, depth);
      return;
    default: reader_malformed(r);
  }
}

/* Neither a small integer nor a short string. */
static void other_value(codec_reader *r, unsigned tag, int depth) {
  lua_State *L = r->L;
  switch (tag) {
    case TAG_NIL: lua_pushnil(L); return;
    case TAG_FALSE:
    case TAG_TRUE: lua_pushboolean(L, tag == TAG_TRUE); return;
    case TAG_INT8: lua_pushinteger(L, (int8_t)reader_byte(r)); return;
    case TAG_INT16: lua_pushinteger(L, (int16_t)format_get16(reader_take(r, 2))); return;
    case TAG_INT32: lua_pushinteger(L, (int32_t)format_get32(reader_take(r, 4))); return;
    case TAG_INT64: lua_pushinteger(L, (lua_Integer)format_get64(reader_take(r, 8))); return;
    case TAG_FLOAT: number(r); return;
    case TAG_STRING8: string(r, reader_byte(r)); return;
    case TAG_STRING32: string(r, format_get32(reader_take(r, 4))); return;
    case TAG_STRING64: string(r, format_get64(reader_take(r, 8))); return;
    case TAG_TABLE: table(r, false, depth); return;
    case TAG_DEFERRED: deferred_table(r, depth); return;
    case TAG_REF: reference(r); return;
    default: special(r, tag, depth);
  }
}

void decode_value(codec_reader *r, unsigned tag, int depth) {
  value(r, tag, depth);
}

/* ==} {== the whole message */

static int message(codec_reader *r) {
  lua_State *L = r->L; /* cppcheck-suppress ctuuninitvar ; decode has filled it */
  const int top = lua_gettop(L);
  const size_t size = reader_left(r);
  size_t n, i;
  if (reader_byte(r) != FORMAT_MAGIC) reader_malformed(r);
  r->flags = reader_byte(r);
  if (r->flags & ~(unsigned)(FORMAT_REFS | FORMAT_DEFERRED)) reader_malformed(r);
  n = reader_size(r); /* a value takes at least a byte */
  if (n > INT_MAX / 2) reader_malformed(r);
  r->budget = size;
  r->numbers = 0;
  r->noted = r->bodies = r->nagain = 0;
  r->base = 0;
  if (!lua_checkstack(L, (int)n + STACK_STEP * 3 + LUA_MINSTACK)) {
    if (n > MOST_VALUES) reader_malformed(r);
    luaL_error(L, "stack overflow"); /* or no memory for a larger stack: not the message's fault */
  }
  if (r->flags != 0) {
    r->refs = top + 1;
    r->pending = top + 2;
    r->again = top + 3;
    for (i = 0; i < 3; i++) lua_newtable(L);
    memset(r->open, 0xff, sizeof r->open); /* no number */
  }
  for (i = 0; i < n; i++) value(r, reader_byte(r), 0);
  if (r->flags != 0) {
    decode_bodies(r, 0, 0);
    set_again(r);
    for (i = 0; i < 3; i++) lua_remove(L, top + 1);
  }
  if (r->at != r->end) reader_malformed(r);
  return (int)n;
}

static int decode(lua_State *L, const unsigned char *bytes, size_t size, cc_object *const *objects,
                  uint32_t nobjects, codec_mode mode, int64_t max_depth, int level) {
  codec_reader r; /* filled here and in message(): `open` is large */
  r.L = L;
  r.at = bytes;
  r.end = bytes + size;
  r.objects = objects;
  r.nobjects = nobjects;
  r.mode = mode;
  r.max_depth = max_depth;
  r.level = level;
  return message(&r);
}

int codec_decode(lua_State *L, const unsigned char *bytes, size_t size, cc_object *const *objects,
                 uint32_t nobjects, codec_mode mode) {
  return decode(L, bytes, size, objects, nobjects, mode, ANY_DEPTH, 1);
}

int codec_decode_within(lua_State *L, const unsigned char *bytes, size_t size, int64_t max_depth) {
  return decode(L, bytes, size, NULL, 0, CODEC_PLAIN, max_depth, 1);
}

static int decode_protected(lua_State *L) {
  const cc_parcel *p = lua_touserdata(L, 1);
  return decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY,
                ANY_DEPTH, 2);
}

int codec_decode_parcel(lua_State *L, cc_parcel *p) {
  const int top = lua_gettop(L);
  int status;
  if (p->nobjects == 0 && p->size <= COPY_MAX) {
    /* released first, so that whatever raises afterwards leaks nothing */
    unsigned char copy[COPY_MAX];
    size_t size = p->size;
    memcpy(copy, p->bytes, size);
    cc_parcel_release(p);
    return decode(L, copy, size, NULL, 0, CODEC_FAMILY, ANY_DEPTH, 1);
  }
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    cc_parcel_release(p);
    return luaL_error(L, "stack overflow");
  }
  lua_pushcfunction(L, decode_protected);
  lua_pushlightuserdata(L, p);
  status = lua_pcall(L, 1, LUA_MULTRET, 0);
  cc_parcel_release(p);
  if (status != LUA_OK) return lua_error(L);
  return lua_gettop(L) - top;
}

/* ==} */
