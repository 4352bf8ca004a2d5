/*
** Sleeping on a word. Linux has the futex; elsewhere (or with CC_NO_FUTEX) a
** small table of process-private mutexes and conditions stands in, which serves
** threads but not processes.
*/
#include <errno.h>
#include <limits.h>
#include <time.h>

#include "os/os.h"

#if defined(__linux__) && !defined(CC_NO_FUTEX)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Never the _PRIVATE forms: the word may lie in memory shared with a child. */
int cc_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline) {
  struct timespec t, *limit = NULL;
  if (deadline != CC_FOREVER) {
    if (deadline < 0) deadline = 0;
    t.tv_sec = (time_t)(deadline / 1000000000);
    t.tv_nsec = (long)(deadline % 1000000000);
    limit = &t;
  }
  /* the BITSET form takes an absolute time on the monotonic clock */
  if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, limit, NULL,
              FUTEX_BITSET_MATCH_ANY) == 0)
    return 0;
  return errno;
}

void cc_futex_wake(_Atomic uint32_t *word, int n) {
  int saved = errno;
  syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
  errno = saved;
}

#else

#include <pthread.h>

#define BUCKETS 64

static struct bucket {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} buckets[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
#if !defined(__APPLE__)
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
  for (int i = 0; i < BUCKETS; i++) {
    pthread_mutex_init(&buckets[i].mutex, NULL);
    pthread_cond_init(&buckets[i].changed, &attributes);
  }
  pthread_condattr_destroy(&attributes);
}

static struct bucket *bucket_of(const void *word) {
  pthread_once(&once, prepare);
  return &buckets[((uintptr_t)word >> 6) % BUCKETS];
}

int cc_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline) {
  struct bucket *b = bucket_of((const void *)word);
  int result = 0;
  pthread_mutex_lock(&b->mutex);
  if (atomic_load(word) != expected) {
    result = EAGAIN;
  } else {
    /* a signal does not end pthread_cond_wait, so look around now and then */
    int64_t limit = cc_clock() + 50000000;
    bool last = deadline <= limit;
    struct timespec t;
    if (last) limit = deadline;
#if defined(__APPLE__)
    limit -= cc_clock();
    if (limit < 0) limit = 0;
    t.tv_sec = (time_t)(limit / 1000000000);
    t.tv_nsec = (long)(limit % 1000000000);
    result = pthread_cond_timedwait_relative_np(&b->changed, &b->mutex, &t);
#else
    t.tv_sec = (time_t)(limit / 1000000000);
    t.tv_nsec = (long)(limit % 1000000000);
    result = pthread_cond_timedwait(&b->changed, &b->mutex, &t);
#endif
    if (result == ETIMEDOUT && !last) result = EINTR;
  }
  pthread_mutex_unlock(&b->mutex);
  return result;
}

void cc_futex_wake(_Atomic uint32_t *word, int n) {
  struct bucket *b = bucket_of((const void *)word);
  (void)n; /* words share buckets, so all must look */
  pthread_mutex_lock(&b->mutex);
  pthread_cond_broadcast(&b->changed);
  pthread_mutex_unlock(&b->mutex);
}

#endif
