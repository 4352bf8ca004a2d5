/*
** Waiter: the place of one blocked thread in an object's line. Waiters stand in
** order of arrival and are granted in that order; a grant and a withdrawal
** exclude each other under the object's guard.
*/
#ifndef CC_WAITER_H
#define CC_WAITER_H

#include "os/os.h"

struct cc_slot;

typedef struct cc_waiter {
  struct cc_waiter *next, *previous; /* under the guard of the list's object */
  struct cc_slot *slot;              /* who waits; constant while queued */
  bool moved;                        /* to another line: under the guard of the first */
  bool watches;                      /* it wants to know, and takes nothing; constant while queued */
  uint32_t mode;                     /* what for, where an object has several; by the waiter */
  _Atomic uint32_t granted;          /* 0, or the reason it was granted */
} cc_waiter;

typedef struct cc_waitlist {
  cc_waiter *first, *last;
} cc_waitlist;

static inline bool cc_waitlist_watched(const cc_waitlist *l) {
  return l->first != NULL && l->first->watches;
}

#endif
