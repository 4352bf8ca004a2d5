/* Queues of integers without Lua: the mutex ring, a single-producer ring, and
** Vyukov's bounded many-to-many queue (1024cores.net, "Bounded MPMC queue"). */
#include "limits.h"

#include <sched.h>
#include <stdatomic.h>

static long per_producer; /* it sends 1 … per_producer */

static inline void backoff(int *spins) {
  if (++*spins <= 200) {
    pause_cpu();
  } else {
    sched_yield();
    *spins = 0;
  }
}

/* Runs `pairs` producers and as many consumers (which store the sum of what they
** got) over n items in all; millions of items a second. */
static double pass(double n, int pairs, void *(*producer)(void *), void *(*consumer)(void *)) {
  pthread_t p[MAX_THREADS], c[MAX_THREADS];
  uint64_t sum[MAX_THREADS], total = 0;
  per_producer = times(n) / pairs;
  double start = now();
  for (int i = 0; i < pairs; i++) {
    thread_start(&c[i], consumer, &sum[i]);
    thread_start(&p[i], producer, NULL);
  }
  for (int i = 0; i < pairs; i++) {
    pthread_join(p[i], NULL);
    pthread_join(c[i], NULL);
    total += sum[i];
  }
  double took = now() - start;
  uint64_t k = (uint64_t)per_producer;
  if (total != (uint64_t)pairs * (k * (k + 1) / 2)) die("the sum is wrong");
  return (double)per_producer * pairs / took / 1e6;
}

/* {== the mutex ring */

static void *ring_producer(void *unused) {
  for (long i = 1; i <= per_producer; i++) ring_put((uint64_t)i);
  return unused;
}

static void *ring_consumer(void *sum) {
  uint64_t s = 0;
  for (long i = 0; i < per_producer; i++) s += ring_take();
  *(uint64_t *)sum = s;
  return NULL;
}

static double spsc_mutex(void) { return pass(4e6, 1, ring_producer, ring_consumer); }
static double mpmc_mutex(void) { return pass(4e6, threads(), ring_producer, ring_consumer); }

/* ==} {== one producer, one consumer: two counters, each with its cached view */

static struct {
  _Alignas(64) _Atomic size_t head; /* written by the consumer */
  _Alignas(64) _Atomic size_t tail; /* written by the producer */
  _Alignas(64) uint64_t slot[RING_SIZE];
} line;

static void *line_producer(void *unused) {
  size_t tail = 0, seen = 0;
  int spins = 0;
  for (long i = 1; i <= per_producer; i++) {
    while (tail - seen == RING_SIZE) {
      seen = atomic_load_explicit(&line.head, memory_order_acquire);
      if (tail - seen == RING_SIZE) backoff(&spins);
    }
    line.slot[tail++ % RING_SIZE] = (uint64_t)i;
    atomic_store_explicit(&line.tail, tail, memory_order_release);
  }
  return unused;
}

static void *line_consumer(void *sum) {
  size_t head = 0, seen = 0;
  uint64_t s = 0;
  int spins = 0;
  for (long i = 0; i < per_producer; i++) {
    while (head == seen) {
      seen = atomic_load_explicit(&line.tail, memory_order_acquire);
      if (head == seen) backoff(&spins);
    }
    s += line.slot[head++ % RING_SIZE];
    atomic_store_explicit(&line.head, head, memory_order_release);
  }
  *(uint64_t *)sum = s;
  return NULL;
}

static double spsc_lockfree(void) { return pass(2e7, 1, line_producer, line_consumer); }

/* ==} {== many to many: a sequence number in each cell */

static struct {
  _Alignas(16) _Atomic size_t sequence;
  uint64_t value;
} cell[RING_SIZE];
static struct {
  _Alignas(64) _Atomic size_t put;
  _Alignas(64) _Atomic size_t taken;
} count;

/* Claims the position of `counter` once its cell shows position + ahead. */
static size_t claim(_Atomic size_t *counter, size_t ahead) {
  int spins = 0;
  size_t at = atomic_load_explicit(counter, memory_order_relaxed);
  for (;;) {
    size_t seen = atomic_load_explicit(&cell[at % RING_SIZE].sequence, memory_order_acquire);
    if (seen == at + ahead) {
      if (atomic_compare_exchange_weak_explicit(counter, &at, at + 1, memory_order_relaxed,
                                                memory_order_relaxed))
        return at;
    } else {
      if ((intptr_t)(seen - (at + ahead)) < 0) backoff(&spins);
      at = atomic_load_explicit(counter, memory_order_relaxed);
    }
  }
}

static void *cell_producer(void *unused) {
  for (long i = 1; i <= per_producer; i++) {
    size_t at = claim(&count.put, 0);
    cell[at % RING_SIZE].value = (uint64_t)i;
    atomic_store_explicit(&cell[at % RING_SIZE].sequence, at + 1, memory_order_release);
  }
  return unused;
}

static void *cell_consumer(void *sum) {
  uint64_t s = 0;
  for (long i = 0; i < per_producer; i++) {
    size_t at = claim(&count.taken, 1);
    s += cell[at % RING_SIZE].value;
    atomic_store_explicit(&cell[at % RING_SIZE].sequence, at + RING_SIZE, memory_order_release);
  }
  *(uint64_t *)sum = s;
  return NULL;
}

static double mpmc_lockfree(void) {
  for (size_t i = 0; i < RING_SIZE; i++) atomic_store(&cell[i].sequence, i);
  return pass(4e6, threads(), cell_producer, cell_consumer);
}

/* ==} */

const limit queue_limits[] = {
    {"spsc_mutex", "Mmsg/s", spsc_mutex},
    {"spsc_lockfree", "Mmsg/s", spsc_lockfree},
    {"mpmc_mutex", "Mmsg/s", mpmc_mutex},
    {"mpmc_lockfree", "Mmsg/s", mpmc_lockfree},
    {NULL, NULL, NULL},
};
