/* A mutex and an atomic counter, alone and between threads. */
#include "limits.h"

#include <stdatomic.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter;
static _Atomic long atomic_counter;

static void mutex_loop(long n) {
  for (long i = 0; i < n; i++) {
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
  }
}

static double mutex_uncontended(void) {
  long n = times(2e7);
  double start = now();
  mutex_loop(n);
  return (now() - start) / (double)n * 1e9;
}

static void *mutex_worker(void *n) {
  all_ready();
  mutex_loop(*(long *)n);
  return NULL;
}

/* seconds for one pair of calls */
static double mutex_together(void) {
  long n = times(5e6);
  double t = together(mutex_worker, &n);
  if (counter != threads() * n) die("the counter is wrong");
  return t / (double)(threads() * n);
}

static double mutex_contended(void) { return mutex_together() * 1e9; }
static double mutex_inc(void) { return 1e-6 / mutex_together(); }

static void *atomic_worker(void *n) {
  all_ready();
  for (long i = *(long *)n; i > 0; i--) atomic_fetch_add(&atomic_counter, 1);
  return NULL;
}

static double atomic_inc(void) {
  long n = times(2e7);
  double t = together(atomic_worker, &n);
  if (atomic_counter != threads() * n) die("the counter is wrong");
  return (double)(threads() * n) / t / 1e6;
}

const limit lock_limits[] = {
    {"mutex_uncontended", "ns/op", mutex_uncontended},
    {"mutex_contended", "ns/op", mutex_contended},
    {"mutex_inc", "Mop/s", mutex_inc},
    {"atomic_inc", "Mop/s", atomic_inc},
    {NULL, NULL, NULL},
};
