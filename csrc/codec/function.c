/*
** Function: Lua functions as bytecode and upvalues, and objects that say by
** __transfer what to call in the receiver. Upvalues are sent as variables
** (cells): functions that share one share it in the receiver, too.
*/
#include <lauxlib.h>

#include "codec/encode.h"

/* {== encoding functions */

static int write_code(lua_State *L, const void *bytes, size_t n, void *ud) {
  (void)L;
  return writer_put(ud, bytes, n) ? 0 : 1;
}

/* u32(size) bytecode, debug information included. */
static bool code(codec_writer *w, lua_State *L, int idx) {
  const size_t at = (size_t)(w->at - w->start);
  size_t size;
  int failed;
  if (!writer_room(w, 4)) return false;
  w->at += 4;
  lua_pushvalue(L, idx);
  failed = lua_dump(L, write_code, w, 0);
  lua_pop(L, 1);
  if (w->exhausted) return false;
  size = (size_t)(w->at - w->start) - at - 4;
  if (failed || size > UINT32_MAX) return luaL_error(L, "unable to dump a function");
  format_put32(w->start + at, (uint32_t)size);
  return true;
}

bool encode_upvalues(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up) {
  path_link here = {up, PATH_UPVALUE, 0, NULL};
  const int top = lua_gettop(L);
  const size_t at = (size_t)(w->at - w->start);
  int i;
  if (!encode_tag(w, 0)) return false;
  for (i = 1; (here.name = lua_getupvalue(L, idx, i)) != NULL; i++) {
    const void *cell = lua_upvalueid(L, idx, i);
    writer_identity *e = writer_entry(w, cell);
    if (writer_knows(w, e)) {
      w->flags |= FORMAT_REFS;
      if (!encode_tagged(w, TAG_CELL_REF, e->number)) return false;
    } else {
      if (!writer_add(w, e, cell, w->numbers) || !encode_tag(w, TAG_CELL)) return false;
      w->numbers += 2;
      if (!encode_value(w, L, top + 1, depth + 1, &here)) return false;
    }
    lua_settop(L, top);
  }
  w->start[at] = (unsigned char)(i - 1); /* Lua has no more than 255 */
  return true;
}

bool encode_function(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up) {
  const void *key = lua_topointer(L, idx);
  bool done;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (codec_is_plain(w->mode)) encode_refuse(w, L, idx, up);
  if (!encode_seen(w, key, &done)) return false;
  if (done) return true;
  if (!encode_name(w, L, idx, up, &done)) return false;
  if (done) return true;
  if (lua_iscfunction(L, idx)) encode_refuse(w, L, idx, up);
  if (depth < FORMAT_DEPTH)
    return encode_tag(w, TAG_FUNCTION) && code(w, L, idx) && encode_upvalues(w, L, idx, depth, up);
  return encode_tag(w, TAG_DEFERRED_FUNCTION) && code(w, L, idx) && encode_later(w, L, idx, up);
}

/* ==} {== encoding by __transfer */

/* Keeps the n values on top alive until the message ends: their addresses are
** their identities. */
static void anchor(codec_writer *w, lua_State *L, int n) {
  int i;
  if (lua_isnil(L, w->anchors)) {
    lua_newtable(L);
    lua_replace(L, w->anchors);
  }
  for (i = 0; i < n; i++) {
    lua_pushvalue(L, -1 - i);
    lua_rawseti(L, w->anchors, ++w->nanchors);
  }
}

static int refuse_transfer(codec_writer *w, lua_State *L, const char *what, const path_link *up) {
  path_push(w, L, up);
  lua_pushfstring(L, "%s (at %s)", what, lua_tostring(L, -1));
  w->refused = true;
  return lua_error(L);
}

bool encode_transfer(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up) {
  path_link here = {up, PATH_TRANSFER, 0, NULL};
  const bool is_table = lua_istable(L, idx);
  /* as in encode.c: the identities of userdata are odd */
  const void *key = (const char *)lua_topointer(L, idx) + (is_table ? 0 : 1);
  const int fn = lua_gettop(L);
  const lua_Integer noted = w->noted;
  int n;
  if (codec_is_plain(w->mode))
    encode_refuse_as(w, L, is_table ? "table with __transfer" : "userdata", up);
  if (depth >= FORMAT_DEPTH_HARD)
    return refuse_transfer(w, L, "__transfer results nested too deeply", up);
  if (!writer_add(w, writer_entry(w, key), key, NUMBER_OPEN)) return false;
  lua_pushvalue(L, idx);
  lua_call(L, 1, LUA_MULTRET);
  w->no_transfer = NULL;
  n = lua_gettop(L) - fn; /* arguments of the rebuild function, which is at fn */
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (n < 0 || !lua_isfunction(L, fn))
    return refuse_transfer(w, L, "__transfer returned no function", up);
  anchor(w, L, n + 1);
  if (!encode_tagged(w, TAG_TRANSFER, (uint64_t)n)) return false;
  for (here.index = 1; here.index <= n + 1; here.index++)
    if (!encode_value(w, L, fn + here.index - 1, depth + 1, &here)) return false;
  /* the rebuild function must find its arguments whole */
  if (!encode_bodies(w, L, noted, depth + 1)) return false;
  writer_entry(w, key)->number = w->numbers++;
  lua_settop(L, fn - 1);
  return true;
}

/* ==} */
