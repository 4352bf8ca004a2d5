/* Items. Scalars and strings pass without the codec. */
#include "codec/item.h"

#include <lauxlib.h>

#include <string.h>

#include "codec/codec.h"

static void of_string(lua_State *L, int idx, cc_item *item) {
  size_t n;
  const char *s = lua_tolstring(L, idx, &n);
  if (n <= CC_INLINE) {
    item->kind = CC_ITEM_STRING;
    item->size = (uint32_t)n;
    memcpy(item->u.bytes, s, n);
    return;
  }
  cc_parcel *p = cc_parcel_new(n, NULL, 0);
  if (p == NULL) luaL_error(L, "out of shared memory");
  memcpy(p->bytes, s, n);
  item->kind = CC_ITEM_TEXT;
  item->u.parcel = p;
}

bool codec_finish_item(codec_writer *w, cc_item *item) {
  size_t n;
  const unsigned char *bytes = codec_bytes(w, &n);
  if (n <= CC_INLINE && codec_nobjects(w) == 0) {
    item->kind = CC_ITEM_BYTES;
    item->size = (uint32_t)n;
    memcpy(item->u.bytes, bytes, n);
    codec_cancel(w);
    return true;
  }
  item->kind = CC_ITEM_PARCEL;
  item->u.parcel = codec_finish(w);
  return item->u.parcel != NULL;
}

void codec_message(lua_State *L, int first, int count, int nameless, cc_item *item) {
  if (!codec_finish_item(codec_encode(L, first, count, CODEC_FAMILY, nameless), item))
    luaL_error(L, "out of shared memory");
}

void codec_item(lua_State *L, int idx, cc_item *item) {
  switch (lua_type(L, idx)) {
    case LUA_TNUMBER:
      if (lua_isinteger(L, idx)) {
        item->kind = CC_ITEM_INTEGER;
        item->u.word = (uint64_t)lua_tointeger(L, idx);
      } else {
        lua_Number n = lua_tonumber(L, idx);
        item->kind = CC_ITEM_NUMBER;
        memcpy(&item->u.word, &n, sizeof n);
      }
      break;
    case LUA_TNIL:
      item->kind = CC_ITEM_NIL;
      item->u.word = 0;
      break;
    case LUA_TBOOLEAN:
      item->kind = CC_ITEM_BOOLEAN;
      item->u.word = (uint64_t)lua_toboolean(L, idx);
      break;
    case LUA_TSTRING: of_string(L, idx, item); break;
    default: codec_message(L, idx, 1, 0, item);
  }
}

void codec_items(lua_State *L, int first, int n, cc_item *item) {
  if (n == 1)
    codec_item(L, first, item);
  else
    codec_message(L, first, n, 0, item);
}

static int push_text(lua_State *L) {
  cc_parcel *p = lua_touserdata(L, 1);
  lua_pushlstring(L, (const char *)p->bytes, p->size);
  return 1;
}

void codec_push_text(lua_State *L, cc_parcel *p) {
  lua_pushcfunction(L, push_text);
  lua_pushlightuserdata(L, p);
  int status = lua_pcall(L, 1, 1, 0);
  cc_parcel_release(p);
  if (status != LUA_OK) lua_error(L);
}

/* What is no parcel. */
static int push_plain(lua_State *L, const cc_item *item) {
  lua_Number n;
  switch (item->kind) {
    case CC_ITEM_INTEGER: lua_pushinteger(L, (lua_Integer)item->u.word); break;
    case CC_ITEM_NUMBER:
      memcpy(&n, &item->u.word, sizeof n);
      lua_pushnumber(L, n);
      break;
    case CC_ITEM_NIL: lua_pushnil(L); break;
    case CC_ITEM_BOOLEAN: lua_pushboolean(L, item->u.word != 0); break;
    case CC_ITEM_STRING: lua_pushlstring(L, (const char *)item->u.bytes, item->size); break;
    default: return codec_decode(L, item->u.bytes, item->size, NULL, 0, CODEC_FAMILY);
  }
  return 1;
}

int codec_push_item(lua_State *L, cc_item *item) {
  if (cc_likely(!cc_item_has_parcel(item->kind))) return push_plain(L, item);
  if (item->kind != CC_ITEM_TEXT) return codec_decode_parcel(L, item->u.parcel);
  codec_push_text(L, item->u.parcel);
  return 1;
}

int codec_read_item(lua_State *L, const cc_item *item) {
  const cc_parcel *p = item->u.parcel;
  if (!cc_item_has_parcel(item->kind)) return push_plain(L, item);
  if (item->kind != CC_ITEM_TEXT)
    return codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  lua_pushlstring(L, (const char *)p->bytes, p->size);
  return 1;
}
