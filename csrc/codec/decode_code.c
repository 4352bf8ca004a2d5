/*
** Decode code: functions with their upvalues, and objects that a rebuild
** function makes. Only for trusted bytes: Lua does not verify bytecode.
*/
#include <lauxlib.h>

#include "codec/reader.h"

/* A cell has two numbers: a function, and which of its upvalues the cell is. */
static void new_cell(codec_reader *r, int i) {
  lua_State *L = r->L;
  if (r->flags & FORMAT_REFS) {
    lua_pushvalue(L, -1);
    decode_number(r);
    lua_pop(L, 1);
    lua_pushinteger(L, i);
    decode_number(r);
    lua_pop(L, 1);
  }
}

static void join_cell(codec_reader *r, int fn, int i) {
  lua_State *L = r->L;
  uint64_t number = reader_varint(r);
  int other;
  if (!(r->flags & FORMAT_REFS) || r->numbers < 2 || number > r->numbers - 2) reader_malformed(r);
  lua_rawgeti(L, r->refs, (lua_Integer)number + 1);
  lua_rawgeti(L, r->refs, (lua_Integer)number + 2);
  other = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : 0;
  if (!lua_isfunction(L, -2) || lua_iscfunction(L, -2) || lua_upvalueid(L, -2, other) == NULL)
    reader_malformed(r);
  lua_upvaluejoin(L, fn, i, -2, other);
  lua_pop(L, 2);
}

void decode_upvalues(codec_reader *r, int depth) {
  lua_State *L = r->L;
  const int fn = lua_gettop(L);
  const int n = (int)reader_byte(r);
  int i;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  for (i = 1; i <= n; i++) {
    unsigned tag = reader_byte(r);
    if (lua_upvalueid(L, fn, i) == NULL) reader_malformed(r);
    if (tag == TAG_CELL_REF) {
      join_cell(r, fn, i);
    } else if (tag == TAG_CELL) {
      new_cell(r, i);
      decode_value(r, reader_byte(r), depth + 1);
      lua_setupvalue(L, fn, i);
    } else {
      reader_malformed(r);
    }
  }
}

void decode_function(codec_reader *r, bool deferred, int depth) {
  lua_State *L = r->L;
  size_t size = format_get32(reader_take(r, 4));
  const unsigned char *code = reader_take(r, size);
  int i;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (luaL_loadbufferx(L, (const char *)code, size, "=transfer", "b") != LUA_OK) lua_error(L);
  decode_number(r);
  for (i = 1; lua_upvalueid(L, -1, i) != NULL; i++) { /* lua_load set the first */
    lua_pushnil(L);
    lua_setupvalue(L, -2, i);
  }
  if (deferred)
    decode_later(r, depth);
  else
    decode_upvalues(r, depth);
}

void decode_transfer(codec_reader *r, int depth) {
  lua_State *L = r->L;
  const int fn = lua_gettop(L) + 1;
  const lua_Integer noted = r->noted;
  size_t n = reader_size(r), i;
  if (depth >= FORMAT_DEPTH_HARD || n > INT32_MAX / 2) reader_malformed(r);
  luaL_checkstack(L, (int)n + LUA_MINSTACK, "too many arguments of a rebuild function");
  for (i = 0; i <= n; i++) decode_value(r, reader_byte(r), depth + 1);
  decode_bodies(r, noted, depth + 1);
  if (!lua_isfunction(L, fn)) reader_malformed(r);
  lua_call(L, (int)n, 1);
  decode_number(r);
}
