/*
** A program that embeds Lua and uses concur from several states, run by
** spec/module_spec.lua. Its argument says what to do; it prints "ok".
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static _Noreturn void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static lua_State *open_state(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL) die("luaL_newstate", "no memory");
  luaL_openlibs(L);
  return L;
}

static void run(lua_State *L, const char *script) {
  if (luaL_dostring(L, script) != LUA_OK) die(script, lua_tostring(L, -1));
}

static const char work[] =
    "local concur = require 'concur'\n"
    "assert(concur == require 'concur')\n"
    "local q, list = concur.queue(), {}\n"
    "for i = 1, 4 do list[i] = concur.spawn(function(n) q:put(n) return n * 2 end, i) end\n"
    "local sum = 0\n"
    "for i = 1, 4 do local ok, n = list[i]:join(10) assert(ok and n == 2 * i) sum = sum + q:get(10) end\n"
    "assert(sum == 10)\n"
    "local l = concur.lock()\n"
    "l:with(function() assert(not l:acquire(0)) end)\n"
    "local ok, err = concur.spawn(function() concur.exit(1, 2) end):join(10)\n"
    "assert(ok and err == 1)\n"
    "local t = concur.spawn(function() concur.event():wait(60) end)\n"
    "t:cancel()\n"
    "ok, err = t:join(10)\n"
    "assert(not ok and err == concur.CANCELLED)\n"
    "assert(concur.current():is_alive() and concur.main():is_alive())\n";

/* All threads but the main one have gone, or go in a moment: who ran them lets go of
** a thread after its joiners heard of the end. */
static const char settled[] =
    "collectgarbage() collectgarbage()\n"
    "local concur = require 'concur'\n"
    "local deadline = concur.now() + 5\n"
    "while concur.info().objects.thread > 1 and concur.now() < deadline do concur.yield() end\n"
    "assert(concur.info().objects.thread == 1, concur.info().objects.thread .. ' thread objects')\n"
    "assert(concur.active_count() == 1, concur.active_count() .. ' alive')\n";

static void two(void) {
  lua_State *a = open_state(), *b = open_state();
  run(a, work);
  run(b, work);
  run(a, "kept = require 'concur'.queue() kept:put(1)");
  run(b, "kept = require 'concur'.queue() kept:put(2)");
  lua_close(a);
  run(b, "assert(kept:get(0) == 2)");
  run(b, work);
  a = open_state();
  run(a, work);
  lua_close(b);
  run(a, work);
  lua_close(a);
}

static void *open_and_close(void *unused) {
  for (int i = 0; i < 40; i++) {
    lua_State *L = open_state();
    run(L, work);
    run(L, "require 'concur'.spawn(function() require 'concur'.sleep(0.0005) end)");
    lua_close(L);
  }
  return unused;
}

static void threads(void) {
  pthread_t a, b;
  if (pthread_create(&a, NULL, open_and_close, NULL) != 0) die("pthread_create", "failed");
  if (pthread_create(&b, NULL, open_and_close, NULL) != 0) die("pthread_create", "failed");
  pthread_join(a, NULL);
  pthread_join(b, NULL);
}

static void repeat(void) {
  lua_State *L = open_state();
  run(L, work);
  run(L, "collectgarbage() collectgarbage()");
  for (int i = 0; i < 100; i++) {
    lua_State *other = open_state();
    run(other, work);
    lua_close(other);
  }
  run(L, work);
  run(L, settled);
  run(L, "local info = require 'concur'.info()\n"
         "assert(info.objects.queue == 0 and info.objects.lock == 0, 'objects left')\n"
         "assert(info.shared_memory < 1000000, info.shared_memory .. ' bytes left')\n");
  lua_close(L);
}

static int count; /* of the calls from Lua */

static int tick(lua_State *L) {
  (void)L;
  __atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST);
  return 0;
}

static int luaopen_ticking(lua_State *L) {
  lua_pushcfunction(L, tick);
  return 1;
}

static int flags; /* bits that threads of different states tell each other */

static int raise_flag(lua_State *L) {
  __atomic_fetch_or(&flags, (int)luaL_checkinteger(L, 1), __ATOMIC_SEQ_CST);
  return 0;
}

static int has_flag(lua_State *L) {
  int bit = (int)luaL_checkinteger(L, 1);
  lua_pushboolean(L, (__atomic_load_n(&flags, __ATOMIC_SEQ_CST) & bit) != 0);
  return 1;
}

static int luaopen_flags(lua_State *L) {
  static const luaL_Reg functions[] = {{"raise", raise_flag}, {"has", has_flag}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

/* Preload functions cross to threads. */
static void preload(lua_State *L, const char *name, lua_CFunction open) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

enum { CLOSING_B = 2 }; /* 1: the first may go on */

/* The first state's thread goes on when the second's has seen the main thread wait, as it
** does while it closes the first; then the second's waits for its own state's closing. */
static void closing(void) {
  lua_State *a = open_state(), *b = open_state();
  preload(a, "ticking", luaopen_ticking);
  preload(a, "flags", luaopen_flags);
  preload(b, "ticking", luaopen_ticking);
  preload(b, "flags", luaopen_flags);
  run(b, "function till(fn) local concur = require 'concur' local deadline = concur.now() + 20\n"
         "while not fn() do assert(concur.now() < deadline) concur.yield() end end\n");
  run(a, "local concur = require 'concur'\n"
         "concur.spawn(function() local flags, deadline = require 'flags', concur.now() + 20\n"
         "while not flags.has(1) do assert(concur.now() < deadline) concur.yield() end\n"
         "require 'ticking'() end)");
  run(b, "local till, concur = till, require 'concur'\n"
         "other = concur.spawn(function() local flags, main = require 'flags', concur.main()\n"
         "local function waits() return main:status() == 'waiting' end\n"
         "till(waits) flags.raise(1) till(function() return flags.has(2) end) till(waits)\n"
         "require 'ticking'() end)");
  lua_close(a);
  if (count != 1) die("closing", "did not wait for its thread, or waited for another state's");
  run(b, "assert(other:is_alive())");
  __atomic_fetch_or(&flags, CLOSING_B, __ATOMIC_SEQ_CST);
  lua_close(b);
  if (count != 2) die("closing", "did not wait for the second");
}

static int open_another(lua_State *L) {
  lua_State *other = open_state();
  (void)L;
  run(other, work);
  lua_close(other);
  count++;
  return 0;
}

static void nested(void) {
  lua_State *L = open_state();
  lua_register(L, "open_another", open_another);
  run(L, work);
  run(L, "a = setmetatable({}, { __gc = open_another })");
  lua_close(L);
  if (count != 1) die("nested", "no finalizer");
}

static void *use(void *script) {
  lua_State *L = open_state();
  run(L, script);
  lua_close(L);
  return NULL;
}

static void gone(void) {
  lua_State *L = open_state();
  run(L, work);
  for (int i = 0; i < 50; i++) {
    pthread_t t;
    if (pthread_create(&t, NULL, use, (void *)work) != 0) die("pthread_create", "failed");
    pthread_join(t, NULL);
  }
  run(L, work);
  run(L, settled);
  lua_close(L);
}

static void daemons(void) {
  for (int i = 0; i < 5; i++) {
    lua_State *L = open_state();
    run(L, "local concur = require 'concur'\n"
           "for i = 1, 2 do concur.thread { daemon = true, target = function() concur.event():wait(60) end }:start() end\n"
           "concur.thread { daemon = true, target = function() concur.queue():get() end }:start()\n");
    double before = now();
    lua_close(L);
    if (now() - before > 2) die("daemons", "closing took too long");
  }
  lua_State *L = open_state();
  run(L, "local concur = require 'concur'\n"
         "concur.thread { daemon = true, target = function() while true do end end }:start()\n");
  lua_close(L);
  L = open_state();
  run(L, work);
  lua_close(L);
}

static void never(void) {
  lua_State *L = open_state();
  run(L, work);
  run(L, "t = require 'concur'.spawn(function() require 'concur'.event():wait(60) end)");
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } modes[] = {{"two", two},       {"threads", threads}, {"repeat", repeat},   {"closing", closing},
               {"nested", nested}, {"gone", gone},       {"daemons", daemons}, {"never", never}};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (argc == 2 && strcmp(argv[1], modes[i].name) == 0) {
      modes[i].run();
      puts("ok");
      return 0;
    }
  }
  die("host", "what to do?");
}
