/*
** What the machine can do: for each row of the benchmark a C program that does
** the same work with as little as possible in the way. concur's figures are
** shown as ratios to these. Needs only pthreads and liblua.
*/
#ifndef LIMITS_H
#define LIMITS_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

typedef struct limit {
  const char *name;
  const char *unit;
  double (*measure)(void); /* in that unit */
} limit;

/* One table a file, ended by a NULL name. */
extern const limit lock_limits[], pingpong_limits[], spawn_limits[], queue_limits[],
    string_limits[], binding_limits[], table_limits[], cpu_limits[], cipher_limits[];

/* {== common.c */

/* Tells the processor that this is a spin loop. */
static inline void pause_cpu(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

double now(void);     /* seconds, monotonic */
long times(double n); /* n scaled by BENCH_SCALE, at least 2 */
_Noreturn void die(const char *what);
void thread_start(pthread_t *t, void *(*f)(void *), void *arg);

#define MAX_THREADS 256
int threads(void); /* how many run at once: 2, or what BENCH_THREADS says */

/* So many threads run f(arg); the seconds from the moment all are ready until all
** have ended. f calls all_ready() first. */
double together(void *(*f)(void *), void *arg);
void all_ready(void);

/* ==} {== ring.c: a bounded queue of words under a mutex and two conditions */

#define RING_SIZE 1024

void ring_limit(size_t capacity); /* at most RING_SIZE, the default */
void ring_put(uint64_t v);
uint64_t ring_take(void);

/* ==} {== states.c */

lua_State *state_new(void); /* with libraries; never NULL */
/* Runs a chunk; the seconds it took, compiling excluded. */
double state_run(lua_State *L, const char *chunk);

/* ==} */

#endif
