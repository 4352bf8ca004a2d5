/*
** concur.priority_queue: what items are ordered by is worked out here, in the putting
** thread, and goes with the item as bytes (key.h).
*/
#include "bind/queue.h"

#include <string.h>

#include "codec/codec.h"
#include "core/key.h"

#define DEEPEST 100 /* arrays in arrays */

/* {== writing keys */

/* Where a key goes; at first nowhere, to learn its size. */
typedef struct sink {
  unsigned char *at; /* NULL: only count */
  size_t size;
} sink;

static void add(sink *s, const void *bytes, size_t n) {
  if (s->at != NULL) memcpy(s->at + s->size, bytes, n);
  s->size += n;
}

static void add_tag(sink *s, unsigned char tag) { add(s, &tag, 1); }

static void no_order(lua_State *L, int idx) {
  luaL_error(L, "a %s has no order (use the option 'key')", luaL_typename(L, idx));
}

static void add_number(lua_State *L, sink *s, int idx) {
  unsigned char bytes[CC_KEY_NUMBER_SIZE];
  lua_Number n = lua_tonumber(L, idx);
  if (n != n) luaL_error(L, "NaN has no order");
  if (lua_isinteger(L, idx))
    cc_key_integer(bytes, lua_tointeger(L, idx));
  else
    cc_key_float(bytes, n);
  add(s, bytes, sizeof bytes);
}

static void add_string(lua_State *L, sink *s, int idx) {
  size_t n;
  const char *text = lua_tolstring(L, idx, &n);
  if (n > INT32_MAX) luaL_error(L, "the key is too long");
  uint32_t length = (uint32_t)n;
  add_tag(s, CC_KEY_STRING);
  add(s, &length, sizeof length);
  add(s, text, n);
}

/* A table that has keys, but no first element, is no array. */
static bool is_array(lua_State *L, int idx) {
  if (lua_rawlen(L, idx) > 0) return true;
  lua_pushnil(L);
  if (lua_next(L, idx) == 0) return true;
  lua_pop(L, 2);
  return false;
}

static void add_value(lua_State *L, sink *s, int idx, int depth) {
  switch (lua_type(L, idx)) {
    case LUA_TNUMBER: add_number(L, s, idx); return;
    case LUA_TSTRING: add_string(L, s, idx); return;
    case LUA_TTABLE:
      if (is_array(L, idx)) break; /* fall through */
    default:
      if (depth == 0) no_order(L, idx);
      add_tag(s, CC_KEY_OTHER);
      return;
  }
  if (depth == DEEPEST) luaL_error(L, "the key is nested too deeply");
  luaL_checkstack(L, 3, NULL);
  lua_Integer n = (lua_Integer)lua_rawlen(L, idx);
  add_tag(s, CC_KEY_ARRAY);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, idx, i);
    add_value(L, s, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
  }
  add_tag(s, CC_KEY_STOP);
}

/* ==} {== finding keys */

/* Pushes a field's name or a function. It is decoded once per handle: the handle that was made
** with the queue keeps the original. */
static void push_finder(lua_State *L, const cc_queue *q, int handle) {
  if (lua_getiuservalue(L, handle, 1) != LUA_TNIL) return;
  lua_pop(L, 1);
  cc_parcel_retain(q->key);
  codec_decode_parcel(L, q->key);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, handle, 1);
}

/* Pushes what the item at idx is ordered by. */
static void push_key(lua_State *L, const cc_queue *q, int handle, int idx) {
  if (q->key == NULL) {
    lua_pushvalue(L, idx);
    return;
  }
  push_finder(L, q, handle);
  if (lua_type(L, -1) == LUA_TFUNCTION) {
    lua_pushvalue(L, idx);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) luaL_error(L, "the item has no key");
    return;
  }
  const char *name = lua_tostring(L, -1);
  if (!lua_istable(L, idx)) luaL_error(L, "a %s has no key '%s'", luaL_typename(L, idx), name);
  lua_pushvalue(L, -1);
  if (lua_gettable(L, idx) == LUA_TNIL) luaL_error(L, "the item has no key '%s'", name);
  lua_remove(L, -2);
}

#define SHORT 200 /* bytes of keys that need no memory of Lua */

/* Pushes two values, which keep the key's bytes alive. */
static const unsigned char *make_key(lua_State *L, cc_queue *q, int handle, int idx,
                                     unsigned char *buffer, size_t *size) {
  sink s = {NULL, 0};
  luaL_checkstack(L, 4, NULL);
  push_key(L, q, handle, idx);
  int key = lua_gettop(L);
  add_value(L, &s, key, 0);
  *size = s.size;
  s.at = buffer;
  if (s.size > SHORT)
    s.at = lua_newuserdatauv(L, s.size, 0);
  else
    lua_pushnil(L);
  s.size = 0;
  add_value(L, &s, key, 0);
  return s.at;
}

void bind_queue_node(lua_State *L, cc_queue *q, int handle, int idx, cc_item *item) {
  unsigned char buffer[SHORT];
  const unsigned char *key = NULL;
  size_t size = 0;
  int top = lua_gettop(L);
  if (q->object.kind == CC_PRIORITY_QUEUE) key = make_key(L, q, handle, idx, buffer, &size);
  codec_item(L, idx, item);
  cc_node *n = cc_node_new(item, key, size);
  if (n == NULL) {
    cc_item_drop(item);
    luaL_error(L, "out of shared memory");
  }
  lua_settop(L, top);
  item->kind = CC_ITEM_NODE;
  item->u.node = n;
}

/* ==} {== making */

static void check_options(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (strcmp(name, "maxsize") != 0 && strcmp(name, "key") != 0) {
      luaL_tolstring(L, -2, NULL);
      luaL_error(L, "unknown option '%s' for a priority_queue", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
}

/* Encodes the option `key` on top; NULL when there is none. */
static cc_parcel *encode_key(lua_State *L) {
  int type = lua_type(L, -1);
  if (type == LUA_TNIL) return NULL;
  if (type != LUA_TSTRING && type != LUA_TFUNCTION)
    luaL_error(L, "bad option 'key' (string or function expected, got %s)", luaL_typename(L, -1));
  cc_parcel *p = codec_finish(codec_encode(L, lua_gettop(L), 1, CODEC_FAMILY, 0));
  if (p == NULL) luaL_error(L, "out of shared memory");
  return p;
}

static lua_Integer get_maxsize(lua_State *L) {
  int ok = 1;
  lua_Integer n = 0;
  if (lua_getfield(L, 1, "maxsize") != LUA_TNIL) n = lua_tointegerx(L, -1, &ok);
  if (!ok || n < 0) luaL_error(L, "bad option 'maxsize' (a whole number, not negative, expected)");
  lua_pop(L, 1);
  return n;
}

int bind_new_priority_queue(lua_State *L) {
  if (!lua_istable(L, 1)) {
    lua_Integer n = luaL_optinteger(L, 1, 0);
    luaL_argcheck(L, n >= 0, 1, "maxsize must not be negative");
    return bind_queue_made(L, CC_PRIORITY_QUEUE, n);
  }
  lua_settop(L, 1);
  check_options(L);
  lua_Integer n = get_maxsize(L);
  codec_handle *h = handle_new(L, CC_PRIORITY_QUEUE, 1);
  lua_getfield(L, 1, "key");
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, 1);
  cc_parcel *key = encode_key(L);
  lua_pop(L, 1);
  cc_queue *q = cc_queue_new(CC_PRIORITY_QUEUE, (uint64_t)n, key);
  if (q == NULL) cc_parcel_release(key);
  return bind_made(L, h, (cc_object *)q);
}

/* ==} */
