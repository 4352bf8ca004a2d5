/* How far two processors are two: the same computation on one thread and on two,
** taken by turns, the best of four each. */
#include "limits.h"

#include <stdatomic.h>
#include <stdio.h>

/* runs all(), then half() on two threads at once; how many times faster */
static double speed_up(void *(*f)(void *), void *all, void *half) {
  double serial = 1e9, parallel = 1e9;
  for (int i = 0; i < 4; i++) {
    pthread_t a, b;
    double t0 = now();
    f(all);
    double t1 = now();
    thread_start(&a, f, half);
    thread_start(&b, f, half);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    double t2 = now();
    if (t1 - t0 < serial) serial = t1 - t0;
    if (t2 - t1 < parallel) parallel = t2 - t1;
  }
  return serial / parallel;
}

static _Atomic uint64_t sink;

static void *xorshift(void *n) {
  uint64_t x = 1;
  for (long i = *(volatile long *)n; i > 0; i--) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  atomic_fetch_xor(&sink, x);
  return NULL;
}

static double cpu_par(void) {
  long half = times(3e8), all = 2 * half;
  return speed_up(xorshift, &all, &half);
}

static void *fib(void *n) {
  char chunk[256];
  lua_State *L = state_new();
  snprintf(chunk, sizeof chunk,
           "local function fib(x) if x < 2 then return x end return fib(x-1) + fib(x-2) end "
           "for _ = 1, %ld do fib(32) end",
           *(long *)n);
  state_run(L, chunk);
  lua_close(L);
  return NULL;
}

static double lua_fib_par(void) {
  long all = 8, half = 4;
  return speed_up(fib, &all, &half);
}

const limit cpu_limits[] = {
    {"cpu_par", "x", cpu_par},
    {"lua_fib_par", "x", lua_fib_par},
    {NULL, NULL, NULL},
};
