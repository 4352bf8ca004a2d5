/*
** Lock: mutual exclusion that any thread may release. Not fair: the releaser may
** take it again before a woken waiter comes, which is what makes it fast.
** Rlock: the same with an owner, who may take it again and who alone may release
** it; a thread that ends with it leaves it free and marked as abandoned.
*/
#ifndef CC_LOCK_H
#define CC_LOCK_H

#include "core/kind.h"
#include "core/park.h"
#include "core/trace.h"

typedef struct cc_lock {
  cc_object object;
  _Atomic uint32_t word;   /* 0 free, else holder's slot index + 1; top bit: waiters */
  _Atomic uint64_t holder; /* the holder's ident, for those who ask; by the holder */
  _Atomic uint32_t process; /* while holder is not 0: entry of its process; by the holder */
  _Atomic uint32_t abandoned; /* a holder ended; until the next one has been told */
  _Atomic uint32_t count;  /* of an rlock: how often it is held; by the holder */
  _Atomic int64_t since;   /* when it was taken, for a trace; by the holder */
} cc_lock;

extern const cc_ops cc_lock_ops;

cc_lock *cc_lock_new(void);

/* False when it was not held. */
bool cc_lock_release(cc_self *me, cc_lock *k);

cc_outcome cc_lock_acquire_slow(cc_self *me, cc_lock *k, int64_t deadline);

/* The process first: who buries it takes a holder of it for true. */
static inline void cc_lock_set_holder(const cc_self *me, cc_lock *k) {
  atomic_store_explicit(&k->process, cc_family_self, memory_order_relaxed);
  cc_order();
  atomic_store_explicit(&k->holder, me->slot->ident, memory_order_relaxed);
  if (cc_traced(me)) atomic_store_explicit(&k->since, cc_clock(), memory_order_relaxed);
}

/* CC_OK, CC_TIMEOUT, CC_CANCELLED or CC_INTERRUPTED. */
static inline cc_outcome cc_lock_acquire(cc_self *me, cc_lock *k, int64_t deadline) {
  uint32_t free = 0;
  if (cc_likely(atomic_compare_exchange_strong_explicit(
          &k->word, &free, me->word, memory_order_acquire, memory_order_relaxed))) {
    cc_lock_set_holder(me, k);
    return CC_OK;
  }
  return cc_lock_acquire_slow(me, k, deadline);
}

/* Puts a waiter of a condition, which its holder has taken out of that line, into the lock's;
** the caller holds the lock, and its guard in a section. After that the second is called; the
** waiter's thread calls the third. */
void cc_lock_move(cc_self *me, cc_lock *k, cc_waiter *w);
void cc_lock_moved(cc_self *me, cc_lock *k);
cc_outcome cc_lock_acquire_moved(cc_self *me, cc_lock *k);

bool cc_lock_locked(const cc_lock *k);

/* Whether the last holder abandoned it; told once. For the new holder. */
static inline bool cc_lock_was_abandoned(cc_lock *k) {
  return cc_unlikely(atomic_load_explicit(&k->abandoned, memory_order_relaxed) != 0) &&
         atomic_exchange(&k->abandoned, 0) != 0;
}

static inline bool cc_lock_mine(const cc_self *me, const cc_lock *k) {
  return atomic_load_explicit(&k->holder, memory_order_relaxed) == me->slot->ident;
}

cc_lock *cc_rlock_new(void);

/* The caller has tried to take an rlock that it did not hold, with that outcome: counts it. */
cc_outcome cc_rlock_taken(cc_self *me, cc_lock *k, cc_outcome outcome);

/* The same results; CC_NO_MEMORY in addition. */
static inline cc_outcome cc_rlock_acquire(cc_self *me, cc_lock *k, int64_t deadline) {
  if (cc_lock_mine(me, k)) {
    atomic_store_explicit(&k->count, atomic_load_explicit(&k->count, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    return CC_OK;
  }
  return cc_rlock_taken(me, k, cc_lock_acquire(me, k, deadline));
}

/* Goes on with a wait that was suspended, for either kind. */
static inline cc_outcome cc_lock_resume(cc_self *me, cc_lock *k) {
  cc_outcome outcome = cc_lock_acquire_slow(me, k, CC_FOREVER);
  return k->object.kind == CC_RLOCK ? cc_rlock_taken(me, k, outcome) : outcome;
}

/* False when the caller does not hold it. */
static inline bool cc_rlock_release(cc_self *me, cc_lock *k) {
  if (cc_unlikely(!cc_lock_mine(me, k))) return false;
  uint32_t n = atomic_load_explicit(&k->count, memory_order_relaxed) - 1;
  atomic_store_explicit(&k->count, n, memory_order_relaxed);
  if (n > 0) return true;
  cc_hold_remove(me, &k->object, 0);
  cc_commit(me, 0);
  return cc_lock_release(me, k);
}

/* How often it is held, 0 when it is free. */
uint32_t cc_rlock_count(const cc_lock *k);

/* The ident of the thread that holds it, 0 when none does. */
uint64_t cc_lock_holder(const cc_lock *k);

#endif
