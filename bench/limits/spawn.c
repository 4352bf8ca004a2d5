/* Making things that run: kernel threads, Lua states, both, processes. */
#include "limits.h"

#include <sys/wait.h>
#include <unistd.h>

/* microseconds each of n calls took */
static double each(double n, void (*f)(void)) {
  long count = times(n);
  double start = now();
  for (long i = 0; i < count; i++) f();
  return (now() - start) / (double)count * 1e6;
}

static void in_thread(void *(*f)(void *)) {
  pthread_t t;
  thread_start(&t, f, NULL);
  pthread_join(t, NULL);
}

static void *nothing(void *unused) { return unused; }

static void use_state(int libraries) {
  lua_State *L = luaL_newstate();
  if (L == NULL) die("cannot make a state");
  if (libraries) luaL_openlibs(L);
  if (luaL_loadstring(L, "return 1") != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) die("run");
  if (lua_tointeger(L, -1) != 1) die("the result is wrong");
  lua_close(L);
}

static void *with_libraries(void *unused) {
  use_state(1);
  return unused;
}
static void *without_libraries(void *unused) {
  use_state(0);
  return unused;
}

static void spawn_nothing(void) { in_thread(nothing); }
static void spawn_state(void) { in_thread(with_libraries); }
static void spawn_bare_state(void) { in_thread(without_libraries); }
static void state_only(void) { use_state(1); }

static void fork_and_wait(void) {
  int status;
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) die("fork");
}

static double pthread_spawn(void) { return each(2e4, spawn_nothing); }
static double lua_spawn(void) { return each(5e3, spawn_state); }
static double lua_spawn_nolibs(void) { return each(5e3, spawn_bare_state); }
static double lua_state_only(void) { return each(5e3, state_only); }
static double fork_wait(void) { return each(2e3, fork_and_wait); }

const limit spawn_limits[] = {
    {"pthread_spawn", "us/op", pthread_spawn},
    {"lua_spawn", "us/op", lua_spawn},
    {"lua_spawn_nolibs", "us/op", lua_spawn_nolibs},
    {"lua_state_only", "us/op", lua_state_only},
    {"fork_wait", "us/op", fork_wait},
    {NULL, NULL, NULL},
};
