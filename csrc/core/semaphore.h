/*
** Semaphore: a number of units to be acquired and released, by any threads
** (E. W. Dijkstra, 1965). Bounded: the number never exceeds its first value.
** Waiters are served in order of arrival; nobody overtakes them.
*/
#ifndef CC_SEMAPHORE_H
#define CC_SEMAPHORE_H

#include "core/kind.h"
#include "core/park.h"

typedef struct cc_semaphore {
  cc_object object;
  int64_t limit;             /* INT64_MAX: none; constant */
  bool owned;                /* units of a killed process come back; constant */
  _Atomic int64_t value;     /* never negative */
  _Atomic uint32_t waiting;  /* somebody stands in line; set under the guard */
} cc_semaphore;

extern const cc_ops cc_semaphore_ops;

cc_semaphore *cc_semaphore_new(cc_kind kind, int64_t n, bool owned);

/* A unit that was acquired is noted as one in the hands of its thread, if there is memory
** for that note. */
cc_outcome cc_semaphore_acquire_slow(cc_self *me, cc_semaphore *s, int64_t deadline);

static inline bool cc_semaphore_try(cc_semaphore *s) {
  int64_t n = atomic_load_explicit(&s->value, memory_order_relaxed);
  while (n > 0)
    if (atomic_compare_exchange_weak(&s->value, &n, n - 1)) return true;
  return false;
}

static inline cc_outcome cc_semaphore_acquire(cc_self *me, cc_semaphore *s, int64_t deadline) {
  /* in a family of one process nobody can be killed between the two steps */
  if (cc_likely(!atomic_load_explicit(&s->waiting, memory_order_relaxed) && cc_family_alone() &&
                cc_hold_reserve(me) && cc_semaphore_try(s))) {
    cc_hold_count_up(NULL, me->slot, &s->object);
    return CC_OK;
  }
  return cc_semaphore_acquire_slow(me, s, deadline);
}

/* Those in the caller's hands first. False, and nothing changed, when that would exceed the limit. */
bool cc_semaphore_release(cc_self *me, cc_semaphore *s, int64_t n);

/* Gives back a unit if the caller has one in its hands. */
void cc_semaphore_give_back(cc_self *me, cc_semaphore *s);

#endif
