/*
** Barrier: n threads wait until all have come. Each round has its own line:
** those who come while a round is being let go, or while its action runs, wait
** for the next.
*/
#ifndef CC_BARRIER_H
#define CC_BARRIER_H

#include "core/kind.h"
#include "core/parcel.h"
#include "core/park.h"

typedef struct cc_barrier {
  cc_object object;     /* its waiters: those of this round */
  uint32_t parties;     /* constant */
  int64_t timeout;      /* ns, CC_FOREVER: none; constant */
  cc_parcel *action;    /* a function, or NULL; constant */
  /* under the guard: */
  uint32_t count;       /* arrivals of this round */
  uint32_t broken;
  uint64_t round;       /* counts rounds and resets */
  uint32_t acting;      /* the last arrival runs the action: mark of its slot */
  uint32_t letting;     /* not 0: those in line are being let go for that reason */
  cc_waitlist late;     /* those who came meanwhile */
} cc_barrier;

extern const cc_ops cc_barrier_ops;

/* Takes over the action's reference (NULL for none), also when it fails. */
cc_barrier *cc_barrier_new(uint32_t parties, cc_parcel *action, int64_t timeout);

/* Arrives. CC_OK with the index of arrival; CC_CLOSED: the barrier is or was
** broken; CC_TIMEOUT, CC_CANCELLED, CC_INTERRUPTED: the caller has broken it. *act
** becomes true when the caller is the last and there is an action: it then runs
** it and calls cc_barrier_acted with the round that it got here. */
cc_outcome cc_barrier_arrive(cc_self *me, cc_barrier *b, int64_t deadline, uint32_t *index,
                             bool *act, uint64_t *round);

/* Lets the round go, or breaks the barrier when the action failed. CC_OK or
** CC_CLOSED (broken or reset meanwhile). */
cc_outcome cc_barrier_acted(cc_self *me, cc_barrier *b, uint64_t round, bool ok);

void cc_barrier_abort(cc_self *me, cc_barrier *b);
void cc_barrier_reset(cc_self *me, cc_barrier *b);
uint32_t cc_barrier_waiting(cc_self *me, cc_barrier *b);
bool cc_barrier_broken(cc_self *me, cc_barrier *b);

#endif
