/*
** What concur.log stands on: functions that cost next to nothing while their level is off, the family's settings,
** and writing in one piece. Policy is in lua/concur/log.lua.
*/
#include <string.h>

#include "bind/bind.h"
#include "core/family.h"
#include "core/output.h"

/* The function that a level has: upvalues are the level and what is called, with the level and the arguments,
** when the family's level lets it through. */
static int say(lua_State *L) {
  uint64_t word = atomic_load_explicit(&cc_family_root->log.word, memory_order_relaxed);
  lua_Integer level = lua_tointeger(L, lua_upvalueindex(1));
  if (cc_likely(level < cc_log_level_of(word))) return 0;
  int n = lua_gettop(L);
  luaL_checkstack(L, 2, "too many arguments");
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_rotate(L, 1, 2);
  lua_call(L, n + 1, 0);
  return 0;
}

static int log_function(lua_State *L) {
  luaL_checkinteger(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushcclosure(L, say, 2);
  return 1;
}

/* The version of the settings; also the level and the text if it is not the one given. */
static int log_settings(lua_State *L) {
  uint64_t word = atomic_load(&cc_family_root->log.word);
  if (lua_isinteger(L, 1) && (uint64_t)lua_tointeger(L, 1) == cc_log_version_of(word)) {
    lua_settop(L, 1);
    return 1;
  }
  size_t size;
  char *text = lua_newuserdatauv(L, CC_LOG_ROOM, 0);
  word = cc_log_read(&cc_family_root->log, text, &size);
  lua_pushinteger(L, (lua_Integer)cc_log_version_of(word));
  lua_pushinteger(L, cc_log_level_of(word));
  lua_pushlstring(L, text, size);
  return 3;
}

/* version, level, text: whether that version still held, and the others do now; nil: the text is too long. */
static int log_set(lua_State *L) {
  size_t size;
  lua_Integer version = luaL_checkinteger(L, 1), level = luaL_checkinteger(L, 2);
  const char *text = luaL_checklstring(L, 3, &size);
  luaL_argcheck(L, level >= INT8_MIN && level <= INT8_MAX, 2, "out of range");
  if (size > CC_LOG_ROOM) return 0;
  lua_pushboolean(L, cc_log_write(&cc_family_root->log, (uint64_t)version, (int)level, text, size));
  return 1;
}

/* A path, or 1 or 2 for a standard stream, and what is added to it. Nothing, or why it could not be. */
static int log_append(lua_State *L) {
  size_t size;
  const char *line = luaL_checklstring(L, 2, &size);
  int error = lua_type(L, 1) == LUA_TNUMBER ? cc_output_write((int)lua_tointeger(L, 1), line, size, true)
                                            : cc_file_append(luaL_checkstring(L, 1), line, size);
  if (error == 0) return 0;
  lua_pushstring(L, cc_error_text(error));
  return 1;
}

/* Seconds since the epoch, and the milliseconds of the current one. */
static int log_time(lua_State *L) {
  int64_t now = cc_clock_calendar();
  lua_pushinteger(L, (lua_Integer)(now / 1000000000));
  lua_pushinteger(L, (lua_Integer)(now / 1000000 % 1000));
  return 2;
}

static int working_directory(lua_State *L) {
  char path[4096];
  if (!cc_directory(path, sizeof path)) return 0;
  lua_pushstring(L, path);
  return 1;
}

void bind_open_log(lua_State *L) {
  static const luaL_Reg functions[] = {{"_log_function", log_function},
                                       {"_log_settings", log_settings},
                                       {"_log_set", log_set},
                                       {"_log_append", log_append},
                                       {"_log_time", log_time},
                                       {"_working_directory", working_directory},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  bind_lazy_module(L, "log");
}
