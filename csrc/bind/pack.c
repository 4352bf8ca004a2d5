/* concur.pack, unpack, pack_code, unpack_code: the transfer format as strings. */
#include "bind/pack.h"

typedef struct text {
  const void *bytes;
  size_t size;
} text;

static int push_text(lua_State *L) {
  const text *t = lua_touserdata(L, 1);
  lua_pushlstring(L, t->bytes, t->size);
  return 1;
}

/* Making the string may raise for lack of memory, and the writer must end first. */
void bind_push_packed(lua_State *L, int first, int last, codec_mode mode) {
  text t;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  codec_writer *w = codec_encode(L, first, last - first + 1, mode, 0);
  t.bytes = codec_bytes(w, &t.size);
  lua_pushcfunction(L, push_text);
  lua_pushlightuserdata(L, &t);
  int status = lua_pcall(L, 1, 1, 0);
  codec_cancel(w);
  if (status != LUA_OK) lua_error(L);
}

static int pack_in(lua_State *L, codec_mode mode) {
  bind_push_packed(L, 1, lua_gettop(L), mode);
  return 1;
}

static int pack(lua_State *L) { return pack_in(L, CODEC_PLAIN); }

static int pack_code(lua_State *L) { return pack_in(L, CODEC_CODE); }

static int unpack_in(lua_State *L, codec_mode mode) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  lua_settop(L, 1);
  return codec_decode(L, (const unsigned char *)s, n, NULL, 0, mode);
}

static int unpack(lua_State *L) { return unpack_in(L, CODEC_PLAIN); }

static int unpack_code(lua_State *L) { return unpack_in(L, CODEC_CODE); }

/* For managers. _network_pack(...): metatables are left out. */
static int network_pack(lua_State *L) { return pack_in(L, CODEC_NETWORK); }

/* _network_unpack(s, from, max_depth): the message is the rest of s. */
static int network_unpack(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  lua_Integer from = luaL_optinteger(L, 2, 1), max_depth = luaL_optinteger(L, 3, CODEC_MAX_DEPTH);
  luaL_argcheck(L, from >= 1 && (lua_Unsigned)from <= n + 1, 2, "out of range");
  lua_settop(L, 1);
  n -= (size_t)from - 1;
  return codec_decode_within(L, (const unsigned char *)s + from - 1, n, max_depth);
}

void bind_open_pack(lua_State *L) {
  static const luaL_Reg functions[] = {{"pack", pack},
                                       {"unpack", unpack},
                                       {"pack_code", pack_code},
                                       {"unpack_code", unpack_code},
                                       {"_network_pack", network_pack},
                                       {"_network_unpack", network_unpack},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
