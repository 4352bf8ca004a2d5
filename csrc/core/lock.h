/*
** Lock: mutual exclusion that any thread may release. Not fair: the releaser may
** take it again before a woken waiter comes, which is what makes it fast.
*/
#ifndef CC_LOCK_H
#define CC_LOCK_H

#include "core/park.h"

typedef struct cc_lock {
  cc_object object;
  _Atomic uint32_t word;   /* 0 free, else holder's slot index + 1; top bit: waiters */
  _Atomic uint64_t holder; /* the holder's ident, for those who ask; by the holder */
} cc_lock;

cc_lock *cc_lock_new(void);

cc_outcome cc_lock_acquire_slow(cc_self *me, cc_lock *k, int64_t deadline);

/* CC_OK, CC_TIMEOUT, CC_CANCELLED or CC_INTERRUPTED. */
static inline cc_outcome cc_lock_acquire(cc_self *me, cc_lock *k, int64_t deadline) {
  uint32_t free = 0;
  if (cc_likely(atomic_compare_exchange_strong_explicit(
          &k->word, &free, me->word, memory_order_acquire, memory_order_relaxed))) {
    atomic_store_explicit(&k->holder, me->slot->ident, memory_order_relaxed);
    return CC_OK;
  }
  return cc_lock_acquire_slow(me, k, deadline);
}

/* False when it was not held. */
bool cc_lock_release(cc_self *me, cc_lock *k);

bool cc_lock_locked(const cc_lock *k);

/* The ident of the thread that holds it, 0 when none does. */
uint64_t cc_lock_holder(const cc_lock *k);

#endif
