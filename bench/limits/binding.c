/* What calls from Lua into C cost: nothing, a method with its argument check, a
** mutex, an atomic counter. */
#include "limits.h"

#include <stdatomic.h>
#include <stdio.h>

#define TYPE "limits.object"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic long counter;

static int call_nothing(lua_State *L) {
  (void)L;
  return 0;
}

static int call_integer(lua_State *L) {
  lua_pushinteger(L, luaL_checkinteger(L, 1));
  return 1;
}

static int call_method(lua_State *L) {
  luaL_checkudata(L, 1, TYPE);
  return 0;
}

/* the same check against a metatable held as an upvalue: no look-up by name */
static void check_self(lua_State *L) {
  void *p = lua_touserdata(L, 1);
  if (p == NULL || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(1)))
    luaL_typeerror(L, 1, TYPE);
  lua_pop(L, 1);
}

static int call_method_fast(lua_State *L) {
  check_self(L);
  return 0;
}

static int call_lock(lua_State *L) {
  check_self(L);
  pthread_mutex_lock(&mutex);
  return 0;
}

static int call_unlock(lua_State *L) {
  check_self(L);
  pthread_mutex_unlock(&mutex);
  return 0;
}

static int call_add(lua_State *L) {
  check_self(L);
  long n = (long)luaL_optinteger(L, 2, 1);
  lua_pushinteger(L, (lua_Integer)atomic_fetch_add(&counter, n));
  return 1;
}

/* a state with the globals nothing, integer and object */
static lua_State *binding_state(void) {
  static const luaL_Reg methods[] = {
      {"fast", call_method_fast}, {"lock", call_lock}, {"unlock", call_unlock},
      {"add", call_add},          {NULL, NULL},
  };
  lua_State *L = state_new();
  lua_register(L, "nothing", call_nothing);
  lua_register(L, "integer", call_integer);
  lua_newuserdatauv(L, 8, 0);
  luaL_newmetatable(L, TYPE);
  lua_newtable(L);
  lua_pushcfunction(L, call_method);
  lua_setfield(L, -2, "method");
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setglobal(L, "object");
  return L;
}

/* {== on one thread */

/* seconds for one execution of `body`, after `before` ran once */
static double loop(double n, const char *before, const char *body) {
  char chunk[512];
  lua_State *L = binding_state();
  long count = times(n);
  snprintf(chunk, sizeof chunk, "%s for i = 1, %ld do %s end", before, count, body);
  double took = state_run(L, chunk);
  lua_close(L);
  return took / (double)count;
}

#define SELF "local o = object"

static double lua_loop_empty(void) { return loop(5e7, "", "") * 1e9; }
static double lua_ccall(void) { return loop(2e7, "local f = nothing", "f()") * 1e9; }
static double lua_ccall_int(void) { return loop(2e7, "local f = integer", "local v = f(i)") * 1e9; }
static double lua_method(void) { return loop(2e7, SELF, "o:method()") * 1e9; }
static double lua_method_fast(void) { return loop(2e7, SELF, "o:fast()") * 1e9; }
static double lua_lock_pair(void) { return loop(1e7, SELF, "o:lock() o:unlock()") * 1e9; }

/* f(x) = x * x over a list by one state: pool_map with no dispatch at all */
static double lua_map_serial(void) {
  return 1e-6 / loop(1e7, "local function f(x) return x * x end local r = {}", "r[i] = f(i)");
}

/* ==} {== threads, a state each, on one object */

static void *worker(void *chunk) {
  lua_State *L = binding_state();
  all_ready();
  state_run(L, chunk);
  lua_close(L);
  return NULL;
}

/* seconds for one execution of `body`, which each thread runs n times */
static double loops_together(long n, const char *body) {
  char chunk[256];
  snprintf(chunk, sizeof chunk, SELF " for i = 1, %ld do %s end", n, body);
  return together(worker, chunk) / (double)(threads() * n);
}

static double lua_lock_contended(void) {
  return loops_together(times(2e6), "o:lock() o:unlock()") * 1e9;
}

static double lua_atomic_inc(void) {
  long n = times(5e6);
  double each = loops_together(n, "o:add()");
  if (counter != threads() * n) die("the counter is wrong");
  return 1e-6 / each;
}

/* ==} */

const limit binding_limits[] = {
    {"lua_loop_empty", "ns/op", lua_loop_empty},
    {"lua_ccall", "ns/op", lua_ccall},
    {"lua_ccall_int", "ns/op", lua_ccall_int},
    {"lua_method", "ns/op", lua_method},
    {"lua_method_fast", "ns/op", lua_method_fast},
    {"lua_lock_pair", "ns/op", lua_lock_pair},
    {"lua_lock_contended", "ns/op", lua_lock_contended},
    {"lua_atomic_inc", "Mop/s", lua_atomic_inc},
    {"lua_map_serial", "Mop/s", lua_map_serial},
    {NULL, NULL, NULL},
};
