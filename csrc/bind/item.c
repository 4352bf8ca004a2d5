/* Items. Scalars and strings pass without the codec. */
#include "bind/item.h"

#include <lauxlib.h>

#include <string.h>

#include "bind/bind.h"
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

static void of_message(lua_State *L, int idx, cc_item *item) {
  codec_writer *w = codec_encode(L, idx, 1, CODEC_FAMILY, 0);
  size_t n;
  const unsigned char *bytes = codec_bytes(w, &n);
  if (n <= CC_INLINE && codec_nobjects(w) == 0) {
    item->kind = CC_ITEM_BYTES;
    item->size = (uint32_t)n;
    memcpy(item->u.bytes, bytes, n);
    codec_cancel(w);
    return;
  }
  item->kind = CC_ITEM_PARCEL;
  item->u.parcel = codec_finish(w);
  if (item->u.parcel == NULL) luaL_error(L, "out of shared memory");
}

void bind_item(lua_State *L, int idx, cc_item *item) {
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
    default: of_message(L, idx, item);
  }
}

void bind_push_item(lua_State *L, cc_item *item) {
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
    case CC_ITEM_BYTES: codec_decode(L, item->u.bytes, item->size, NULL, 0, CODEC_FAMILY); break;
    case CC_ITEM_TEXT: bind_push_text(L, item->u.parcel); break;
    default: codec_decode_parcel(L, item->u.parcel);
  }
}

#define DEBT ((size_t)16 << 20) /* bytes after which the collector takes a step of that size */

void bind_owe_bytes(lua_State *L, size_t bytes) {
  static _Thread_local size_t debt;
  debt += bytes;
  if (cc_likely(debt < DEBT)) return;
  size_t kilobytes = debt >> 10;
  debt = 0;
  lua_gc(L, LUA_GCSTEP, kilobytes > 1 << 20 ? 1 << 20 : (int)kilobytes);
}
