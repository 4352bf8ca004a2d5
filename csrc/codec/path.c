/*
** Path: says where in a message a value sits, for error messages, from the links
** that the walk left on the C stack: `.config.handler`, `[3]["a key"]`,
** `.f upvalue 'x'`, `<metatable>.__index`. Long ones lose their middle.
*/
#include <lauxlib.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "codec/encode.h"

enum { KEY_MAX = 60, PATH_HEAD = 100, PATH_TAIL = 200, PREFIX_MAX = 60 };

#define ELLIPSIS "\xe2\x80\xa6"

static bool is_identifier(const char *s, size_t n) {
  size_t i;
  if (n == 0 || n > KEY_MAX || isdigit((unsigned char)s[0])) return false;
  for (i = 0; i < n; i++)
    if (!isalnum((unsigned char)s[i]) && s[i] != '_') return false;
  return true;
}

static void add_string_key(luaL_Buffer *b, const char *s, size_t n) {
  size_t i;
  if (is_identifier(s, n)) {
    luaL_addchar(b, '.');
    luaL_addlstring(b, s, n);
    return;
  }
  luaL_addstring(b, "[\"");
  for (i = 0; i < n && i < KEY_MAX; i++) {
    unsigned char c = (unsigned char)s[i];
    char escape[8];
    if (c == '"' || c == '\\') luaL_addchar(b, '\\');
    if (c >= ' ' && c != 127) {
      luaL_addchar(b, (char)c);
    } else {
      snprintf(escape, sizeof escape, "\\%03u", (unsigned)c);
      luaL_addstring(b, escape);
    }
  }
  luaL_addstring(b, n > KEY_MAX ? ELLIPSIS "\"]" : "\"]");
}

static void add_key(luaL_Buffer *b, int idx) {
  lua_State *L = b->L;
  size_t n;
  const char *s;
  switch (lua_type(L, idx)) {
    case LUA_TSTRING:
      s = lua_tolstring(L, idx, &n);
      add_string_key(b, s, n);
      return;
    case LUA_TNUMBER:
      if (lua_isinteger(L, idx))
        lua_pushfstring(L, "[%I]", (LUAI_UACINT)lua_tointeger(L, idx));
      else
        lua_pushfstring(L, "[%f]", (LUAI_UACNUMBER)lua_tonumber(L, idx));
      break;
    case LUA_TBOOLEAN: lua_pushstring(L, lua_toboolean(L, idx) ? "[true]" : "[false]"); break;
    default: lua_pushfstring(L, "[%s]", luaL_typename(L, idx));
  }
  luaL_addvalue(b);
}

static void add_link(luaL_Buffer *b, const codec_writer *w, const path_link *p) {
  size_t n;
  const char *s;
  switch (p->kind) {
    case PATH_ARGUMENT:
      if (p->index < w->nameless || w->arguments - w->nameless == 1) return;
      lua_pushfstring(b->L, "argument #%d", p->index - w->nameless + 1);
      luaL_addvalue(b);
      return;
    case PATH_PREFIX:
      s = lua_tolstring(b->L, p->index, &n);
      luaL_addlstring(b, s, n);
      return;
    case PATH_FIELD: add_key(b, p->index); return;
    case PATH_KEY: luaL_addstring(b, "[<key>]"); return;
    case PATH_METATABLE: luaL_addstring(b, "<metatable>"); return;
    case PATH_UPVALUE:
      lua_pushfstring(b->L, " upvalue '%s'", p->name);
      luaL_addvalue(b);
      return;
    case PATH_TRANSFER:
      lua_pushfstring(b->L, "<__transfer result %d>", p->index);
      luaL_addvalue(b);
      return;
  }
}

/* Pushes all links, from the outermost on. */
static const char *push_links(const codec_writer *w, lua_State *L, const path_link *up, size_t *n) {
  const path_link *links[2 * FORMAT_DEPTH_HARD + 8];
  const size_t max = sizeof links / sizeof *links;
  luaL_Buffer b;
  size_t count = 0;
  for (; up != NULL && count < max; up = up->up) links[count++] = up;
  luaL_buffinit(L, &b);
  while (count > 0) add_link(&b, w, links[--count]);
  luaL_pushresult(&b);
  return lua_tolstring(L, -1, n);
}

/* Not within a character of UTF-8. */
static size_t cut_at(const char *s, size_t i) {
  while (i > 0 && ((unsigned char)s[i] & 0xc0) == 0x80) i--;
  return i;
}

void path_push_prefix(const codec_writer *w, lua_State *L, const path_link *up) {
  const path_link *root = up;
  const char *s;
  size_t n;
  while (root->up != NULL) root = root->up;
  if (root->kind == PATH_PREFIX) { /* long enough already */
    lua_pushvalue(L, root->index);
    return;
  }
  s = push_links(w, L, up, &n);
  if (n > PREFIX_MAX) n = cut_at(s, PREFIX_MAX);
  lua_pushlstring(L, s, n);
  lua_pushliteral(L, ELLIPSIS);
  lua_concat(L, 2);
  lua_remove(L, -2);
}

void path_push(const codec_writer *w, lua_State *L, const path_link *up) {
  size_t n;
  const char *s = push_links(w, L, up, &n);
  if (n == 0) {
    lua_pushliteral(L, "the value itself");
  } else if (n > PATH_HEAD + PATH_TAIL) {
    size_t head = cut_at(s, PATH_HEAD), tail = cut_at(s, n - PATH_TAIL);
    lua_pushlstring(L, s, head);
    lua_pushliteral(L, ELLIPSIS);
    lua_pushlstring(L, s + tail, n - tail);
    lua_concat(L, 3);
  } else {
    lua_pushstring(L, s[0] == ' ' ? s + 1 : s);
  }
  lua_remove(L, -2);
}

int encode_refuse_as(codec_writer *w, lua_State *L, const char *what, const path_link *up) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  path_push(w, L, up);
  lua_pushfstring(L, "cannot transfer a %s (at %s)", what, lua_tostring(L, -1));
  w->refused = true;
  return lua_error(L);
}

int encode_refuse(codec_writer *w, lua_State *L, int idx, const path_link *up) {
  return encode_refuse_as(w, L, luaL_typename(L, idx), up);
}
