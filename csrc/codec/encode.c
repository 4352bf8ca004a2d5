/*
** Encode: Lua values to bytes in one walk.
**
** The first attempt walks bare: it calls only functions of Lua that cannot
** raise, so it needs no protection and leaves nothing behind. It is enough for
** scalars, strings, handles and tables without metatables. When it meets more
** (functions, metatables, names, deep nesting, something to refuse), the walk
** starts again, carefully: under lua_pcall, where anything may raise and the
** writer is given back before the error goes on.
*/
#include "codec/encode.h"

#include <lauxlib.h>

#include "codec/handle.h"
#include "codec/names.h"
#include "codec/scalar.h"

enum { STACK_STEP = 16 }; /* levels for which stack slots are asked at a time */

/* {== parts */

bool encode_tag(codec_writer *w, unsigned tag) {
  if (!writer_room(w, 1)) return false;
  *w->at++ = (unsigned char)tag;
  return true;
}

bool encode_tagged(codec_writer *w, unsigned tag, uint64_t v) {
  if (!writer_room(w, 1 + VARINT_MAX)) return false;
  *w->at = (unsigned char)tag;
  w->at = format_put_varint(w->at + 1, v);
  return true;
}

bool encode_seen(codec_writer *w, const void *key, bool *done) {
  writer_identity *e = writer_entry(w, key);
  *done = writer_knows(w, e);
  if (!*done) return writer_add(w, e, key, w->numbers++);
  w->flags |= FORMAT_REFS;
  return encode_tagged(w, TAG_REF, e->number);
}

/* ==} {== tables */

/* The number of pairs, in a byte: for lua_createtable, which rounds up to a
** power of two anyhow. */
unsigned encode_hint(uint64_t pairs) {
  unsigned bits = 0;
  if (pairs <= HINT_EXACT) return pairs == 0 ? 1 : (unsigned)pairs;
  while (((uint64_t)1 << bits) < pairs) bits++;
  return HINT_EXACT + bits;
}

/* Whether the key at idx is the integer i. */
static bool is_index(lua_State *L, int idx, size_t i) {
  return lua_isinteger(L, idx) && lua_tointegerx(L, idx, NULL) == (lua_Integer)i;
}

static bool in_array(lua_State *L, int idx, size_t n) {
  return lua_isinteger(L, idx) && (lua_Unsigned)lua_tointegerx(L, idx, NULL) - 1 < n;
}

static bool other_value(codec_writer *w, lua_State *L, int idx, int type, int depth,
                        const path_link *up);

/* encode_value, for the inner loops. */
static inline bool value(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up) {
  const int type = lua_type(L, idx);
  if (type == LUA_TSTRING) return scalar_string(w, L, idx);
  if (!writer_room(w, VALUE_ROOM)) return false;
  if (type != LUA_TNUMBER) return other_value(w, L, idx, type, depth, up);
  scalar_number(w, L, idx);
  return true;
}

static bool key(codec_writer *w, lua_State *L, int idx, int depth, path_link *here) {
  bool ok;
  if (cc_likely(lua_type(L, idx) == LUA_TSTRING)) return scalar_string(w, L, idx);
  here->kind = PATH_KEY;
  lua_pushvalue(L, idx); /* a table to be walked must be on top, not below its value */
  ok = encode_value(w, L, idx + 2, depth, here);
  here->kind = PATH_FIELD;
  if (ok) lua_settop(L, idx + 1);
  return ok;
}

/* The pairs of the table at t after the array; the first one is on the stack. */
static bool pairs(codec_writer *w, lua_State *L, int t, size_t n, size_t hint_at, int depth,
                  path_link *here) {
  const int k = here->index;
  uint64_t count = 0; /* of those that go into the hash part */
  do {
    if (n == 0 || !in_array(L, k, n)) count++;
    if (!key(w, L, k, depth, here) || !value(w, L, k + 1, depth, here)) return false;
    lua_settop(L, k);
  } while (lua_next(L, t));
  w->start[hint_at] = (unsigned char)encode_hint(count);
  return encode_tag(w, TAG_END);
}

/* An element of an array; they tend to be of one type. */
static inline bool element(codec_writer *w, lua_State *L, int idx, bool *integers, int depth,
                           const path_link *up) {
  if (*integers) {
    if (!writer_room(w, VALUE_ROOM)) return false;
    if (lua_isinteger(L, idx)) {
      scalar_integer(w, lua_tointegerx(L, idx, NULL));
      return true;
    }
    *integers = false;
  }
  return value(w, L, idx, depth, up);
}

/* One pass of lua_next: a table's array part comes first and in order. */
static bool contents(codec_writer *w, lua_State *L, int t, int depth, const path_link *up) {
  /* in a bare walk, a nested table is on top */
  const int k = (depth == 0 || w->careful ? lua_gettop(L) : t) + 1;
  const size_t n = lua_rawlen(L, t);
  path_link here = {up, PATH_FIELD, k, NULL};
  size_t i = 0, hint_at;
  bool more, integers = true;
  if (depth % STACK_STEP == 0 && !lua_checkstack(L, STACK_STEP * 3 + LUA_MINSTACK)) {
    w->exhausted = true;
    return false;
  }
  if (!writer_room(w, VALUE_ROOM)) return false;
  w->at = format_put_varint(w->at, n);
  hint_at = (size_t)(w->at - w->start);
  *w->at++ = 0;
  lua_pushnil(L);
  while ((more = lua_next(L, t)) && i < n && is_index(L, k, i + 1)) {
    if (!element(w, L, k + 1, &integers, depth + 1, &here)) return false;
    lua_settop(L, k);
    i++;
  }
  if (i < n && !encode_tag(w, TAG_BREAK)) return false;
  return !more || pairs(w, L, t, n, hint_at, depth + 1, &here);
}

/* TAG_TABLE … or TAG_OBJECT … for the table at t, which has a metatable if so. */
static bool body(codec_writer *w, lua_State *L, int t, bool object, int depth,
                 const path_link *up) {
  path_link here = {up, PATH_METATABLE, 0, NULL};
  if (!encode_tag(w, object ? TAG_OBJECT : TAG_TABLE) || !contents(w, L, t, depth, up))
    return false;
  if (!object) return true;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!lua_getmetatable(L, t))
    return luaL_error(L, "a metatable vanished while it was transferred");
  if (!encode_value(w, L, lua_gettop(L), depth + 1, &here)) return false;
  lua_settop(L, -2);
  return true;
}

/* Pushes the __transfer of the value at idx, whose metatable is on top and is
** popped. Returns whether there is one. */
static bool push_transfer(codec_writer *w, lua_State *L) {
  const void *metatable = lua_topointer(L, -1);
  if (metatable != w->no_transfer) {
    lua_pushliteral(L, "__transfer");
    if (lua_rawget(L, -2) != LUA_TNIL) {
      lua_remove(L, -2);
      return true;
    }
    w->no_transfer = metatable;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return false;
}

/* A table not seen before, while careful. */
static bool any_table(codec_writer *w, lua_State *L, int t, int depth, const path_link *up) {
  bool done, object = false;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (lua_getmetatable(L, t)) {
    if (push_transfer(w, L)) return encode_transfer(w, L, t, depth, up);
    object = w->mode != CODEC_NETWORK;
  }
  if (!encode_seen(w, lua_topointer(L, t), &done)) return false;
  if (!encode_name(w, L, t, up, &done)) return false;
  if (done) return true;
  if (object && w->mode == CODEC_PLAIN) encode_refuse_as(w, L, "table with a metatable", up);
  if (depth < FORMAT_DEPTH) return body(w, L, t, object, depth, up);
  return encode_tag(w, TAG_DEFERRED) && encode_later(w, L, t, up);
}

static bool bare_table(codec_writer *w, lua_State *L, int t, const void *p, int depth) {
  if (!w->names_known) {
    w->names = names_of(L);
    w->names_known = true;
    if (w->names != NULL && w->names->awaited > 0 && names_due(L, w->names)) return false;
  }
  if (depth >= FORMAT_DEPTH || (w->names != NULL && names_maybe(w->names, p))) return false;
  if (lua_getmetatable(L, t)) return false;
  return true;
}

static bool table(codec_writer *w, lua_State *L, int t, int depth, const path_link *up) {
  const void *p = lua_topointer(L, t);
  writer_identity *e;
  if (w->careful && p == w->globals && !codec_is_plain(w->mode)) return encode_tag(w, TAG_GLOBALS);
  e = writer_entry(w, p);
  if (writer_knows(w, e)) {
    if (cc_unlikely(e->number == NUMBER_OPEN))
      encode_refuse_as(w, L, "table that its own __transfer arguments refer to", up);
    w->flags |= FORMAT_REFS;
    return encode_tagged(w, TAG_REF, e->number);
  }
  if (w->careful) return any_table(w, L, t, depth, up);
  if (!bare_table(w, L, t, p, depth) || !writer_add(w, e, p, w->numbers++)) return false;
  *w->at++ = TAG_TABLE;
  return contents(w, L, t, depth, up);
}

/* ==} {== userdata */

static bool handle(codec_writer *w, lua_State *L, int idx, const codec_handle *h,
                   const path_link *up) {
  uint32_t index;
  bool done;
  if (h->object == NULL) {
    if (w->careful) encode_refuse_as(w, L, "closed handle", up);
    return false;
  }
  if (!encode_seen(w, lua_topointer(L, idx), &done)) return false;
  return done || (writer_object(w, h->object, &index) && encode_tagged(w, TAG_HANDLE, index));
}

static bool userdata(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up) {
  const codec_handle *h = handle_test(L, idx);
  /* an empty userdata may end where the next object begins: odd addresses */
  const void *identity = (const char *)lua_topointer(L, idx) + 1;
  writer_identity *e;
  bool done;
  if (h != NULL && w->mode == CODEC_FAMILY) return handle(w, L, idx, h, up);
  if (!w->careful) return false;
  if (h != NULL) encode_refuse(w, L, idx, up);
  e = writer_entry(w, identity);
  if (writer_knows(w, e) && e->number == NUMBER_OPEN)
    encode_refuse_as(w, L, "userdata that its own __transfer arguments refer to", up);
  if (!writer_knows(w, e)) {
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (lua_getmetatable(L, idx) && push_transfer(w, L))
      return encode_transfer(w, L, idx, depth, up);
  }
  if (!encode_seen(w, identity, &done) || done) return !w->exhausted;
  if (!encode_name(w, L, idx, up, &done)) return false;
  return done || encode_refuse(w, L, idx, up);
}

/* ==} {== any value */

/* Neither a number nor a string; there is VALUE_ROOM. */
static bool other_value(codec_writer *w, lua_State *L, int idx, int type, int depth,
                        const path_link *up) {
  switch (type) {
    case LUA_TTABLE: return table(w, L, idx, depth, up);
    case LUA_TBOOLEAN: *w->at++ = lua_toboolean(L, idx) ? TAG_TRUE : TAG_FALSE; return true;
    case LUA_TNIL: *w->at++ = TAG_NIL; return true;
    case LUA_TUSERDATA: return userdata(w, L, idx, depth, up);
    case LUA_TFUNCTION: return w->careful && encode_function(w, L, idx, depth, up);
    default: return w->careful && encode_refuse(w, L, idx, up);
  }
}

bool encode_value(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up) {
  return value(w, L, idx, depth, up);
}

bool encode_name(codec_writer *w, lua_State *L, int idx, const path_link *up, bool *done) {
  size_t size;
  const char *path = names_find(L, idx, &size);
  *done = path != NULL;
  if (path == NULL) return true;
  if (codec_is_plain(w->mode)) encode_refuse(w, L, idx, up);
  return encode_tagged(w, TAG_NAME, size) && writer_put(w, path, size);
}

bool encode_later(codec_writer *w, lua_State *L, int idx, const path_link *up) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  w->flags |= FORMAT_DEFERRED;
  if (lua_isnil(L, w->pending)) {
    lua_newtable(L);
    lua_replace(L, w->pending);
  }
  lua_pushvalue(L, idx);
  lua_rawseti(L, w->pending, 2 * w->noted + 1);
  path_push_prefix(w, L, up);
  lua_rawseti(L, w->pending, 2 * w->noted + 2);
  w->noted++;
  return true;
}

bool encode_bodies(codec_writer *w, lua_State *L, lua_Integer noted, int depth) {
  const int idx = lua_gettop(L) + 1;
  lua_Integer i;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  for (i = noted; i < w->noted; i++) {
    path_link here = {NULL, PATH_PREFIX, idx + 1, NULL};
    bool ok;
    lua_rawgeti(L, w->pending, 2 * i + 1);
    lua_rawgeti(L, w->pending, 2 * i + 2);
    if (lua_istable(L, idx)) {
      bool object = w->mode != CODEC_NETWORK && lua_getmetatable(L, idx) != 0;
      ok = body(w, L, idx, object, depth, &here);
    } else {
      ok = encode_upvalues(w, L, idx, depth, &here);
    }
    if (!ok) return false;
    lua_settop(L, idx - 1);
  }
  w->noted = noted;
  return true;
}

/* ==} {== the whole message */

static bool values(codec_writer *w, lua_State *L, int first, int n) {
  path_link here = {NULL, PATH_ARGUMENT, 0, NULL};
  int i;
  if (!writer_room(w, VALUE_ROOM)) return false;
  w->at[0] = FORMAT_MAGIC;
  w->at[1] = 0;
  w->at = format_put_varint(w->at + 2, (uint64_t)n);
  for (i = 0; i < n; i++) {
    here.index = i;
    if (!value(w, L, first + i, 0, &here)) return false;
  }
  if (cc_unlikely(w->careful) && !encode_bodies(w, L, 0, 0)) return false;
  w->start[1] = (unsigned char)w->flags;
  return true;
}

/* Arguments: the writer, then the values. */
static int walk_carefully(lua_State *L) {
  codec_writer *w = lua_touserdata(L, 1);
  int n = lua_gettop(L) - 1;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  w->names = names_of(L);
  if (w->names != NULL && w->names->awaited > 0) names_settle(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  w->globals = lua_topointer(L, -1);
  lua_pop(L, 1);
  lua_settop(L, n + 3);
  w->pending = n + 2;
  w->anchors = n + 3;
  if (values(w, L, 2, n)) return 0;
  w->refused = w->shared;
  lua_pushstring(L, w->shared ? "out of shared memory" : "not enough memory");
  return lua_error(L);
}

/* Releases the writer and raises the error on top. */
static void fail(codec_writer *w, lua_State *L) {
  bool refused = w->refused;
  codec_cancel(w);
  if (refused) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  lua_error(L);
}

static void encode_carefully(codec_writer *w, lua_State *L, int first, int n, int nameless) {
  int i;
  if (!lua_checkstack(L, n + LUA_MINSTACK)) {
    codec_cancel(w);
    luaL_error(L, "stack overflow (too many values to transfer)");
  }
  writer_restart(w);
  w->careful = true;
  w->no_transfer = NULL;
  w->noted = w->nanchors = 0;
  w->arguments = n;
  w->nameless = nameless;
  lua_pushcfunction(L, walk_carefully);
  lua_pushlightuserdata(L, w);
  for (i = 0; i < n; i++) lua_pushvalue(L, first + i);
  if (lua_pcall(L, n + 1, 0, 0) != LUA_OK) fail(w, L);
}

codec_writer *codec_encode_plain(lua_State *L, int first, int n) {
  const int top = lua_gettop(L);
  codec_writer *w = writer_take(CODEC_FAMILY);
  if (w == NULL || values(w, L, first, n)) return w;
  lua_settop(L, top);
  codec_cancel(w);
  return NULL;
}

codec_writer *codec_encode(lua_State *L, int first, int n, codec_mode mode, int nameless) {
  const int top = lua_gettop(L);
  codec_writer *w;
  if (first < 0) first = lua_absindex(L, first);
  w = writer_take(mode);
  if (cc_likely(w != NULL)) {
    if (cc_likely(values(w, L, first, n))) return w;
    lua_settop(L, top);
    if (!w->exhausted) {
      encode_carefully(w, L, first, n, nameless);
      return w;
    }
    bool shared = w->shared;
    codec_cancel(w);
    if (shared) luaL_error(L, "out of shared memory");
  }
  lua_pushliteral(L, "not enough memory");
  lua_error(L);
  return NULL;
}

/* ==} */
