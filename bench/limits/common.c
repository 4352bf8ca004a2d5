/* Clock, threads and errors, for all limits. */
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

long times(double n) {
  const char *scale = getenv("BENCH_SCALE");
  if (scale != NULL) n *= atof(scale);
  return n < 2 ? 2 : (long)n;
}

_Noreturn void die(const char *what) {
  fprintf(stderr, "limits: %s\n", what);
  exit(1);
}

void thread_start(pthread_t *t, void *(*f)(void *), void *arg) {
  if (pthread_create(t, NULL, f, arg) != 0) die("cannot make a thread");
}

int threads(void) {
  const char *wanted = getenv("BENCH_THREADS");
  int n = wanted != NULL ? atoi(wanted) : 2;
  return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

static pthread_barrier_t ready;

void all_ready(void) { pthread_barrier_wait(&ready); }

double together(void *(*f)(void *), void *arg) {
  pthread_t t[MAX_THREADS];
  int n = threads();
  pthread_barrier_init(&ready, NULL, (unsigned)n + 1);
  for (int i = 0; i < n; i++) thread_start(&t[i], f, arg);
  pthread_barrier_wait(&ready);
  double start = now();
  for (int i = 0; i < n; i++) pthread_join(t[i], NULL);
  double end = now();
  pthread_barrier_destroy(&ready);
  return end - start;
}
