/*
** Require: the global `require`, made to learn the names of a module when its
** loading is over, and the receiver's way from a path to a value.
**
** The search is done here as `require` itself does it, not by calling the
** original: an error "module not found" is then blamed on the caller's line, and
** a traceback shows the module's frames. Anything else found in the place of the
** original is called.
*/
#include <lauxlib.h>

#include <string.h>

#include "codec/codec.h"
#include "codec/format.h"
#include "codec/names.h"

/* Registry: the wrapped `require`. */
static const char require_key;

static const char require_path[] = "\2_G\7require";

/* {== require */

enum { UPVALUE_ORIGINAL = 1, UPVALUE_PACKAGE }; /* package: nil unless stock */

static int try_searchers(lua_State *L, const char *name) {
  luaL_Buffer message;
  lua_Integer i;
  if (lua_getfield(L, lua_upvalueindex(UPVALUE_PACKAGE), "searchers") != LUA_TTABLE)
    return luaL_error(L, "'package.searchers' must be a table");
  luaL_buffinit(L, &message);
  for (i = 1;; i++) {
    luaL_addstring(&message, "\n\t");
    if (lua_rawgeti(L, 3, i) == LUA_TNIL) {
      lua_pop(L, 1);
      luaL_buffsub(&message, 2);
      luaL_pushresult(&message);
      return luaL_error(L, "module '%s' not found:%s", name, lua_tostring(L, -1));
    }
    lua_pushstring(L, name);
    lua_call(L, 1, 2);
    if (lua_isfunction(L, -2)) return 2; /* the loader and its data */
    if (lua_isstring(L, -2)) {
      lua_pop(L, 1);
      luaL_addvalue(&message);
    } else {
      lua_pop(L, 2);
      luaL_buffsub(&message, 2);
    }
  }
}

/* Loads a module as the stock `require` does: the value and the loader data
** become stack indices 3 and 4, the last. */
static void load_module(lua_State *L, const char *name) {
  try_searchers(L, name);
  lua_rotate(L, -2, 1); /* data, loader */
  lua_pushvalue(L, 1);
  lua_pushvalue(L, -3);
  lua_call(L, 2, 1);
  if (!lua_isnil(L, -1))
    lua_setfield(L, 2, name);
  else
    lua_pop(L, 1);
  if (lua_getfield(L, 2, name) == LUA_TNIL) {
    lua_pushboolean(L, 1);
    lua_copy(L, -1, -2);
    lua_setfield(L, 2, name);
  }
  lua_replace(L, 3);
  lua_replace(L, 4);
  lua_settop(L, 4);
}

static int require(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_settop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, 2, name);
  if (lua_toboolean(L, -1)) return 1;
  lua_pop(L, 1);
  if (lua_isnil(L, lua_upvalueindex(UPVALUE_PACKAGE))) {
    lua_pushvalue(L, lua_upvalueindex(UPVALUE_ORIGINAL));
    lua_pushvalue(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    if (lua_gettop(L) == 2) return 0;
  } else {
    load_module(L, name);
  }
  lua_pushvalue(L, 3);
  codec_names_learn(L, name);
  lua_pop(L, 1);
  return lua_gettop(L) - 2;
}

/* Whether the function on top is the one that luaL_openlibs made. */
static bool is_stock(lua_State *L) {
  size_t size;
  const char *path = names_find(L, -1, &size);
  return path != NULL && size == sizeof require_path - 1 && memcmp(path, require_path, size) == 0;
}

void require_wrap(lua_State *L) {
  const int globals = lua_gettop(L) + 1, original = globals + 1;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
  lua_pushliteral(L, "require");
  if (lua_rawget(L, globals) == LUA_TFUNCTION) {
    const bool stock = is_stock(L);
    lua_pushvalue(L, original);
    if (stock) {
      luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
      lua_getfield(L, -1, "package");
      lua_remove(L, -2);
    } else {
      lua_pushnil(L);
    }
    lua_pushcclosure(L, require, UPVALUE_PACKAGE);
    if (stock) names_alias(L, require_path, sizeof require_path - 1);
    lua_pushliteral(L, "require");
    lua_pushvalue(L, -2);
    lua_rawset(L, globals);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &require_key);
  }
  lua_settop(L, globals - 1);
}

/* ==} {== modules loaded before */

/* Whether a module of that name could be loaded by another state. */
static bool can_be_found(lua_State *L, const char *name) {
  static const char *const paths[] = {"path", "cpath"};
  const int package = lua_gettop(L) + 1;
  bool found = false;
  size_t i;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "package");
  lua_remove(L, -2);
  if (lua_istable(L, package)) {
    if (lua_getfield(L, package, "preload") == LUA_TTABLE)
      found = lua_getfield(L, -1, name) != LUA_TNIL;
    for (i = 0; i < 2 && !found; i++) {
      lua_getfield(L, package, "searchpath");
      lua_pushstring(L, name);
      lua_getfield(L, package, paths[i]);
      found = lua_pcall(L, 2, 1, 0) == LUA_OK && !lua_isnil(L, -1);
    }
  }
  lua_settop(L, package - 1);
  return found;
}

/* The modules whose `require` is running now return later. */
static void await_running(lua_State *L) {
  lua_Debug ar;
  int level;
  lua_getglobal(L, "require");
  for (level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "f", &ar);
    if (lua_rawequal(L, -1, -2) && lua_getlocal(L, &ar, 1) != NULL) {
      if (lua_type(L, -1) == LUA_TSTRING) names_await(L, lua_tostring(L, -1));
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

void require_learn_loaded(lua_State *L) {
  const int loaded = lua_gettop(L) + 1;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    if (lua_type(L, -2) == LUA_TSTRING) {
      const char *name = lua_tostring(L, -2);
      if (!pristine_module(name) && can_be_found(L, name)) codec_names_learn(L, name);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  await_running(L);
}

/* ==} {== from a path to a value */

/* Raises `the receiver has no 'a.b'`, for the path up to `end`. */
static void missing(lua_State *L, int level, const unsigned char *p, const unsigned char *end) {
  luaL_Buffer b;
  const char *dot = "";
  luaL_where(L, level);
  luaL_buffinit(L, &b);
  while (p < end) {
    uint64_t n = 0;
    p = format_get_varint(p, end, &n);
    luaL_addstring(&b, dot);
    luaL_addlstring(&b, (const char *)p, (size_t)n);
    dot = ".";
    p += n;
  }
  luaL_pushresult(&b);
  lua_pushfstring(L, "%sthe receiver has no '%s'", lua_tostring(L, -2), lua_tostring(L, -1));
  lua_error(L);
}

/* Replaces the name on top by the module; by nil in a state without `require`. */
static void push_module(lua_State *L) {
  const int name = lua_gettop(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, name);
  lua_rawget(L, -2);
  if (!lua_toboolean(L, -1)) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &require_key) == LUA_TFUNCTION) {
      lua_pushvalue(L, name);
      lua_call(L, 1, 1);
    }
  }
  lua_replace(L, name);
  lua_settop(L, name);
}

static bool is_indexable(lua_State *L, int idx) {
  if (lua_istable(L, idx)) return true;
  if (luaL_getmetafield(L, idx, "__index") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}

/* Replaces the value and the key on top by the field, or nil. */
static void push_field(lua_State *L) {
  const int value = lua_gettop(L) - 1, field = value + 2;
  lua_pushnil(L);
  if (lua_istable(L, value)) {
    lua_pushvalue(L, value + 1);
    lua_rawget(L, value);
    lua_replace(L, field);
  }
  if (lua_isnil(L, field) && is_indexable(L, value)) {
    lua_pushvalue(L, value + 1);
    lua_gettable(L, value);
    lua_replace(L, field);
  }
  lua_replace(L, value);
  lua_settop(L, value);
}

bool names_push(lua_State *L, const char *path, size_t size, int level) {
  const unsigned char *start = (const unsigned char *)path, *p = start, *end = start + size;
  if (size == 0) return false;
  while (p < end) {
    const bool first = p == start;
    uint64_t n = 0;
    p = format_get_varint(p, end, &n);
    if (p == NULL || n > (uint64_t)(end - p)) return false;
    lua_pushlstring(L, (const char *)p, (size_t)n);
    p += n;
    if (first)
      push_module(L);
    else
      push_field(L);
    if (lua_isnil(L, -1)) missing(L, level, start, p);
  }
  return true;
}

/* ==} */
