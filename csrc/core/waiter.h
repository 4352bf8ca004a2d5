/*
** Waiter: the place of one blocked thread in an object's line. Waiters stand in
** order of arrival and are granted in that order; a grant and a withdrawal
** exclude each other under the object's guard.
*/
#ifndef CC_WAITER_H
#define CC_WAITER_H

#include "core/guard.h"

struct cc_slot;
struct cc_object;
struct cc_waitlist;

typedef struct cc_waiter {
  struct cc_waiter *next, *previous; /* under the guard of the list's object */
  struct cc_slot *slot;              /* who waits; constant while queued */
  struct cc_object *object;          /* what for; constant while queued */
  cc_guard *guard;                   /* of the line; constant while queued */
  _Atomic(struct cc_waitlist *) line; /* where it stands, also when it was granted: until its
                                     ** thread has seen that; NULL: nowhere */
  bool moved;                        /* to another line: under the guard of the first */
  bool watches;                      /* it wants to know, and takes nothing; constant while queued */
  uint32_t mode;                     /* what for, where an object has several; by the waiter. In the line of a
                                     ** lock: whether others stood behind it; by who grants */
  _Atomic uint64_t granted;          /* below 0, or the reason it was granted; above it the number of
                                     ** waits, so that it is never the same again */
} cc_waiter;

/* 0, or the reason it was granted. */
static inline uint32_t cc_granted(const cc_waiter *w) {
  return (uint32_t)atomic_load_explicit(&w->granted, memory_order_acquire);
}

typedef struct cc_waitlist {
  cc_waiter *first, *last;
} cc_waitlist;

static inline bool cc_waitlist_watched(const cc_waitlist *l) {
  return l->first != NULL && l->first->watches;
}

#endif
