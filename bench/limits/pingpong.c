/* Two threads that wake each other in turn: what a round trip costs asleep, with
** a short spin before sleeping, on one core, and spinning only. */
#include "limits.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static long rounds;

/* microseconds a round while `other` runs beside `mine` */
static double round_trips(double n, void *(*other)(void *), void (*mine)(long)) {
  pthread_t t;
  rounds = times(n);
  thread_start(&t, other, NULL);
  double start = now();
  for (long i = 0; i < rounds; i++) mine(i);
  double took = now() - start;
  pthread_join(t, NULL);
  return took / (double)rounds * 1e6;
}

/* {== condition variables */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static int turn;

static void *cond_other(void *unused) {
  (void)unused;
  for (long i = 0; i < rounds; i++) {
    pthread_mutex_lock(&mutex);
    while (turn != 1) pthread_cond_wait(&changed[1], &mutex);
    turn = 0;
    pthread_cond_signal(&changed[0]);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void cond_mine(long i) {
  (void)i;
  pthread_mutex_lock(&mutex);
  turn = 1;
  pthread_cond_signal(&changed[1]);
  while (turn != 0) pthread_cond_wait(&changed[0], &mutex);
  pthread_mutex_unlock(&mutex);
}

static double condvar_pingpong(void) { return round_trips(5e4, cond_other, cond_mine); }

/* ==} {== futexes */

static _Atomic uint32_t word[2];
static int polls; /* before it sleeps */

static void word_wait(_Atomic uint32_t *w) {
  for (int i = 0; i < polls; i++) {
    if (atomic_exchange(w, 0) == 1) return;
    pause_cpu();
  }
  while (atomic_exchange(w, 0) != 1) syscall(SYS_futex, w, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

/* makes the system call whether or not somebody sleeps */
static void word_post(_Atomic uint32_t *w) {
  atomic_store(w, 1);
  syscall(SYS_futex, w, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *futex_other(void *unused) {
  (void)unused;
  for (long i = 0; i < rounds; i++) {
    word_wait(&word[1]);
    word_post(&word[0]);
  }
  return NULL;
}

static void futex_mine(long i) {
  (void)i;
  word_post(&word[1]);
  word_wait(&word[0]);
}

static double futex_pingpong(void) { return round_trips(5e4, futex_other, futex_mine); }

static double futex_spin_pingpong(void) {
  polls = 2000; /* some microseconds */
  return round_trips(5e4, futex_other, futex_mine);
}

/* a direct switch, with no idle core to wake */
static double futex_1core_pingpong(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof one, &one);
  return futex_pingpong();
}

/* ==} {== spinning only */

static void *spin_other(void *unused) {
  (void)unused;
  for (long i = 1; i <= rounds; i++) {
    while (atomic_load_explicit(&word[1], memory_order_acquire) != (uint32_t)i) pause_cpu();
    atomic_store_explicit(&word[0], (uint32_t)i, memory_order_release);
  }
  return NULL;
}

static void spin_mine(long i) {
  uint32_t v = (uint32_t)i + 1;
  atomic_store_explicit(&word[1], v, memory_order_release);
  while (atomic_load_explicit(&word[0], memory_order_acquire) != v) pause_cpu();
}

static double spin_pingpong(void) { return round_trips(1e6, spin_other, spin_mine); }

/* ==} */

const limit pingpong_limits[] = {
    {"condvar_pingpong", "us/rt", condvar_pingpong},
    {"futex_pingpong", "us/rt", futex_pingpong},
    {"futex_spin_pingpong", "us/rt", futex_spin_pingpong},
    {"futex_1core_pingpong", "us/rt", futex_1core_pingpong},
    {"spin_pingpong", "us/rt", spin_pingpong},
    {NULL, NULL, NULL},
};
