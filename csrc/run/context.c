/* What concur keeps in the registry of a Lua state. */
#include "run/context.h"

#include <lauxlib.h>

#include "run/thread.h"

static const char cancelled_key, exit_key, results_key, root_key, module_key, sentinel_key;
static _Atomic uint64_t last_root;

static int cancelled_tostring(lua_State *L) {
  lua_pushliteral(L, "concur.CANCELLED");
  return 1;
}

static int exit_tostring(lua_State *L) {
  lua_pushliteral(L, "concur.exit");
  return 1;
}

/* A value that equals only itself, with a name to print. */
static void new_mark(lua_State *L, const void *key, lua_CFunction to_string) {
  lua_newtable(L);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, to_string);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "concur.mark");
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

/* The main state closes: its finalizer is where the script's end waits. */
static int end_root(lua_State *L) {
  uint64_t *root = lua_touserdata(L, 1);
  uint64_t mine = *root;
  *root = 0;
  if (mine != 0) run_thread_end_root(mine);
  return 0;
}

static void make_root(lua_State *L) {
  uint64_t *root = lua_newuserdatauv(L, sizeof *root, 0);
  *root = 0;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, end_root);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  *root = atomic_fetch_add(&last_root, 1) + 1;
  run_context_set_root(L, *root);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &sentinel_key);
}

void run_context_open(lua_State *L, bool root) {
  new_mark(L, &cancelled_key, cancelled_tostring);
  new_mark(L, &exit_key, exit_tostring);
  if (root) make_root(L);
}

uint64_t run_context_root(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &root_key);
  uint64_t root = (uint64_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return root;
}

void run_context_set_root(lua_State *L, uint64_t root) {
  lua_pushinteger(L, (lua_Integer)root);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &root_key);
}

void run_push_cancelled(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &cancelled_key); }

static bool is_mark(lua_State *L, int idx, const void *key) {
  idx = lua_absindex(L, idx);
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  bool same = lua_rawequal(L, idx, -1) && !lua_isnil(L, -1);
  lua_pop(L, 1);
  return same;
}

bool run_is_cancelled(lua_State *L, int idx) { return is_mark(L, idx, &cancelled_key); }

int run_exit(lua_State *L, int n) {
  lua_createtable(L, n, 1);
  for (int i = 1; i <= n; i++) {
    lua_pushvalue(L, lua_gettop(L) - n + i - 1);
    lua_rawseti(L, -2, i);
  }
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &results_key);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &exit_key);
  return lua_error(L);
}

int run_take_exit(lua_State *L) {
  if (!is_mark(L, -1, &exit_key)) return -1;
  lua_pop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &results_key);
  int results = lua_gettop(L);
  lua_getfield(L, results, "n");
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  luaL_checkstack(L, n + 1, "too many results");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, results, i);
  lua_remove(L, results);
  return n;
}

void run_push_module(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key); }

void run_context_set_module(lua_State *L, int idx) {
  lua_pushvalue(L, idx);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
}
