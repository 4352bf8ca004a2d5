/*
** concur.sodium: sessions for the server, which is written in Lua, and for specs; and the table
** of functions by which the client in the core reaches them. The only module that needs
** libsodium.
*/
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "concur.h"
#include "sodium/session.h"

#define SESSION "concur.session"
#define MAX_MESSAGE ((lua_Integer)64 << 20)

typedef struct holder {
  cc_session *session; /* NULL: before it is made and after close */
} holder;

static cc_session *self(lua_State *L) {
  holder *h = luaL_checkudata(L, 1, SESSION);
  if (h->session == NULL) luaL_error(L, "the session is closed");
  return h->session;
}

/* The bytes at index 2, which must be that many. */
static const uint8_t *exactly(lua_State *L, size_t size) {
  size_t n;
  const char *s = luaL_checklstring(L, 2, &n);
  if (n != size) luaL_argerror(L, 2, lua_pushfstring(L, "%d bytes expected", (int)size));
  return (const uint8_t *)s;
}

static int push_bytes(lua_State *L, bool ok, const uint8_t *bytes, size_t size) {
  if (ok)
    lua_pushlstring(L, (const char *)bytes, size);
  else
    lua_pushnil(L);
  return 1;
}

/* {== the handshake */

static int server_hello(lua_State *L) {
  uint8_t to[CC_ANSWER];
  cc_session *s = self(L);
  return push_bytes(L, session_greet(s, exactly(L, CC_HELLO), to), to, sizeof to);
}

static int server_prove(lua_State *L) {
  uint8_t to[SESSION_MAC];
  cc_session *s = self(L);
  return push_bytes(L, session_prove(s, exactly(L, CC_PROOF), to), to, sizeof to);
}

static int client_hello(lua_State *L) {
  uint8_t to[CC_HELLO];
  return push_bytes(L, session_hello(self(L), to), to, sizeof to);
}

static int client_answer(lua_State *L) {
  uint8_t to[CC_PROOF];
  cc_session *s = self(L);
  return push_bytes(L, session_answer(s, exactly(L, CC_ANSWER), to), to, sizeof to);
}

static int client_confirm(lua_State *L) {
  cc_session *s = self(L);
  if (session_confirm(s, exactly(L, CC_VERDICT)))
    lua_pushboolean(L, true);
  else
    lua_pushnil(L);
  return 1;
}

/* Whose hello it is depends on the side. */
static int hello(lua_State *L) { return lua_isnone(L, 2) ? client_hello(L) : server_hello(L); }

/* ==} {== frames */

static int seal(lua_State *L) {
  size_t n;
  luaL_Buffer b;
  cc_session *s = self(L);
  const char *plaintext = luaL_checklstring(L, 2, &n);
  luaL_argcheck(L, session_fits(s, n), 2, n == 0 ? "empty message" : "message too large");
  char *frame = luaL_buffinitsize(L, &b, n + CC_FRAME_EXTRA);
  memcpy(frame + 4, plaintext, n);
  if (!session_seal(s, (uint8_t *)frame, n)) return luaL_error(L, "the session is not open");
  luaL_pushresultsize(&b, n + CC_FRAME_EXTRA);
  return 1;
}

/* open(ciphertext[, length word]) */
static int unseal(lua_State *L) {
  size_t n, nword = 0;
  luaL_Buffer b;
  cc_session *s = self(L);
  const char *bytes = luaL_checklstring(L, 2, &n);
  const char *word = luaL_optlstring(L, 3, NULL, &nword);
  bool fits = n > CC_FRAME_EXTRA - 4 && session_fits(s, n - (CC_FRAME_EXTRA - 4));
  if (word != NULL) {
    uint8_t expected[4] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)};
    fits = fits && nword == 4 && memcmp(word, expected, 4) == 0;
  }
  char *to = luaL_buffinitsize(L, &b, n);
  memcpy(to, bytes, n);
  if (!session_unseal(s, (uint8_t *)to, fits ? n : 0)) {
    lua_pushnil(L);
    return 1;
  }
  luaL_pushresultsize(&b, n - (CC_FRAME_EXTRA - 4));
  return 1;
}

static int feed(lua_State *L) {
  size_t n, room;
  cc_session *s = self(L);
  const char *bytes = luaL_checklstring(L, 2, &n);
  while (n > 0) {
    uint8_t *to = session_room(s, &room);
    if (to == NULL) return luaL_error(L, "not enough memory");
    if (room > n) room = n;
    memcpy(to, bytes, room);
    session_came(s, room);
    bytes += room;
    n -= room;
  }
  return 0;
}

static int next(lua_State *L) {
  const uint8_t *plaintext;
  size_t n;
  int result = session_next(self(L), &plaintext, &n);
  if (result > 0)
    lua_pushlstring(L, (const char *)plaintext, n);
  else if (result == 0)
    lua_pushnil(L);
  else
    lua_pushboolean(L, false);
  return 1;
}

/* ==} {== making and ending */

static int finish(lua_State *L) {
  holder *h = luaL_checkudata(L, 1, SESSION);
  session_end(h->session);
  h->session = NULL;
  return 0;
}

static int new(lua_State *L, cc_session *(*make)(const void *, size_t, size_t)) {
  size_t n;
  const char *key = luaL_checklstring(L, 1, &n);
  lua_Integer most = luaL_optinteger(L, 2, MAX_MESSAGE);
  luaL_argcheck(L, n > 0 && n <= UINT32_MAX, 1, "the key must not be empty");
  luaL_argcheck(L, most > 0 && (lua_Unsigned)most <= SESSION_LARGEST, 2, "out of range");
  holder *h = lua_newuserdatauv(L, sizeof *h, 0);
  h->session = NULL;
  luaL_setmetatable(L, SESSION);
  h->session = make(key, n, (size_t)most);
  if (h->session == NULL) return luaL_error(L, "not enough memory");
  return 1;
}

static int new_server(lua_State *L) { return new(L, session_server); }

static int new_client(lua_State *L) { return new(L, session_client); }

CONCUR_API int luaopen_concur_sodium(lua_State *L) {
  static const luaL_Reg methods[] = {{"hello", hello}, {"prove", server_prove},
                                     {"answer", client_answer}, {"confirm", client_confirm},
                                     {"seal", seal},   {"open", unseal},
                                     {"feed", feed},   {"next", next},
                                     {"close", finish}, {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__gc", finish}, {"__close", finish}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"server", new_server}, {"client", new_client}, {NULL, NULL}};
  luaL_checkversion(L);
  if (!session_open()) return luaL_error(L, "concur.sodium: libsodium does not work here");
  luaL_newmetatable(L, SESSION);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&session_cipher);
  lua_setfield(L, -2, "cipher");
  return 1;
}
