/*
** Condition: threads that hold a lock give it up and wait until another, which
** holds it too, notifies them. They wake in their order of arrival.
*/
#ifndef CC_CONDITION_H
#define CC_CONDITION_H

#include "core/lock.h"

typedef struct cc_condition {
  cc_object object; /* its waiters: those who wait */
  cc_lock *lock;    /* a lock or an rlock, with a reference as a parcel has; constant */
  uint32_t held;   /* 1: the reference to it */
} cc_condition;

extern const cc_ops cc_condition_ops;

cc_condition *cc_condition_new(cc_lock *lock);

bool cc_condition_held(const cc_self *me, const cc_condition *c);

/* Gives the lock up (an rlock with all its counts), waits, takes it again; in
** every case the caller holds it afterwards. CC_OK when notified, CC_TIMEOUT,
** CC_CANCELLED, CC_INTERRUPTED; CC_MISUSE when the caller did not hold it. */
cc_outcome cc_condition_wait(cc_self *me, cc_condition *c, int64_t deadline);

/* Wakes up to n waiters; how many there were. The caller holds the lock. */
uint64_t cc_condition_notify(cc_self *me, cc_condition *c, uint64_t n);

#endif
