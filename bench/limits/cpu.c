/* How far two processors are two (and so many, so many): the same computation on one thread and on
** all, taken by turns, the best of four each. */
#include "limits.h"

#include <stdatomic.h>

/* times that f is done faster when the threads run it at once than when one does all of it */
static double speed_up(void *(*f)(void *)) {
  pthread_t t[MAX_THREADS];
  int n = threads();
  double serial = 1e9, parallel = 1e9;
  for (int i = 0; i < 4; i++) {
    double t0 = now();
    f(NULL);
    double t1 = now();
    for (int k = 0; k < n; k++) thread_start(&t[k], f, NULL);
    for (int k = 0; k < n; k++) pthread_join(t[k], NULL);
    double t2 = now();
    if (t1 - t0 < serial) serial = t1 - t0;
    if (t2 - t1 < parallel) parallel = t2 - t1;
  }
  return n * serial / parallel;
}

static _Atomic uint64_t sink;

static void *xorshift(void *unused) {
  uint64_t x = 1;
  for (long i = times(3e8); i > 0; i--) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  atomic_fetch_xor(&sink, x);
  return unused;
}

static double cpu_par(void) { return speed_up(xorshift); }

static void *fib(void *unused) {
  lua_State *L = state_new();
  state_run(L, "local function fib(x) if x < 2 then return x end return fib(x-1) + fib(x-2) end "
               "for _ = 1, 4 do fib(32) end");
  lua_close(L);
  return unused;
}

static double lua_fib_par(void) { return speed_up(fib); }

const limit cpu_limits[] = {
    {"cpu_par", "x", cpu_par},
    {"lua_fib_par", "x", lua_fib_par},
    {NULL, NULL, NULL},
};
