/* The plainest bounded queue: a ring of words, a mutex, two conditions, and no
** wake-up when nobody waits. One for the whole program. */
#include "limits.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static uint64_t slot[RING_SIZE];
static size_t head, tail; /* taken and put so far */
static size_t limit_of_ring = RING_SIZE;
static int getters, putters; /* how many wait */

void ring_limit(size_t capacity) { limit_of_ring = capacity; }

void ring_put(uint64_t v) {
  pthread_mutex_lock(&mutex);
  while (tail - head == limit_of_ring) {
    putters++;
    pthread_cond_wait(&not_full, &mutex);
    putters--;
  }
  slot[tail++ % RING_SIZE] = v;
  int wake = getters > 0;
  pthread_mutex_unlock(&mutex);
  if (wake) pthread_cond_signal(&not_empty);
}

uint64_t ring_take(void) {
  pthread_mutex_lock(&mutex);
  while (tail == head) {
    getters++;
    pthread_cond_wait(&not_empty, &mutex);
    getters--;
  }
  uint64_t v = slot[head++ % RING_SIZE];
  int wake = putters > 0;
  pthread_mutex_unlock(&mutex);
  if (wake) pthread_cond_signal(&not_full);
  return v;
}
