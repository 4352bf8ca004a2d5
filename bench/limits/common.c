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

static pthread_barrier_t ready;

void two_ready(void) { pthread_barrier_wait(&ready); }

double two_threads(void *(*f)(void *), void *arg) {
  pthread_t a, b;
  pthread_barrier_init(&ready, NULL, 3);
  thread_start(&a, f, arg);
  thread_start(&b, f, arg);
  pthread_barrier_wait(&ready);
  double start = now();
  pthread_join(a, NULL);
  pthread_join(b, NULL);
  double end = now();
  pthread_barrier_destroy(&ready);
  return end - start;
}
