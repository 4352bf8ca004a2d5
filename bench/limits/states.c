/* Lua states for the limits that run Lua code. */
#include "limits.h"

lua_State *state_new(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL) die("cannot make a state");
  luaL_openlibs(L);
  return L;
}

double state_run(lua_State *L, const char *chunk) {
  if (luaL_loadstring(L, chunk) != LUA_OK) die(lua_tostring(L, -1));
  double start = now();
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) die(lua_tostring(L, -1));
  return now() - start;
}
