/*
** A C program that registers a module of its own in every Lua state: its main state, and those of
** all threads, pools and processes that scripts start.
**
**   cc own_module.c -o own_module $(pkg-config --cflags --libs concur) -llua5.4 -pthread
**
** Look for: the script sends a function that uses `geometry` to a pool; it finds the module there.
*/
#include <concur.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int prepared;

static int distance(lua_State *L) {
  double x = luaL_checknumber(L, 1), y = luaL_checknumber(L, 2);
  lua_pushnumber(L, sqrt(x * x + y * y));
  return 1;
}

static int open_geometry(lua_State *L) {
  static const luaL_Reg functions[] = {{"distance", distance}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

/* Called once in each state, before anything else runs there. */
static int prepare(lua_State *L) {
  atomic_int *count = lua_touserdata(L, 1);
  atomic_fetch_add(count, 1);
  luaL_requiref(L, "geometry", open_geometry, 0);
  return 0;
}

static const char script[] =
    "local concur, geometry = require 'concur', require 'geometry'\n"
    "local points = {}\n"
    "for i = 1, 100 do points[i] = {3 * i, 4 * i} end\n"
    "local pool <close> = concur.thread_pool{workers = 2}\n"
    "local sum = 0\n"
    "for _, d in ipairs(pool:map(function(p) return geometry.distance(p[1], p[2]) end, points)) do sum = sum + d end\n"
    "local ok, far = concur.process(function() return geometry.distance(5, 12) end):start():join()\n"
    "assert(ok and far == 13)\n"
    "return sum";

int main(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL) return 1;
  luaL_openlibs(L);
  concur_set_prepare(prepare, &prepared);
  luaL_requiref(L, "concur", luaopen_concur, 0);
  concur_prepare(L); /* the main state, too */
  lua_settop(L, 0);
  if (luaL_dostring(L, script) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 1;
  }
  double sum = lua_tonumber(L, -1);
  lua_close(L);
  printf("sum of distances: %g; states prepared here: %d\n", sum, atomic_load(&prepared));
  assert(sum == 5 * 5050 && atomic_load(&prepared) >= 2);
  return 0;
}
