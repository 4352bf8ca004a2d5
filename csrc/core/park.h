/*
** Park: where every blocking call of every primitive sleeps. Deadlines,
** cancellation, interruption by signals, the state "waiting", and spinning
** before a sleep are written here once. A primitive is a word, a transition and
** a call to cc_wait.
*/
#ifndef CC_PARK_H
#define CC_PARK_H

#include "core/slot.h"

typedef enum cc_outcome {
  CC_OK,
  CC_TIMEOUT,
  CC_CANCELLED,   /* the thread was asked to stop and is not shielded */
  CC_INTERRUPTED, /* a signal came and self->interrupted said yes */
  CC_CLOSED,
  CC_NO_MEMORY,
  CC_DEADLOCK,    /* the wait can never end; the report is in self->report */
  CC_SUSPENDED,   /* only of a task: it stands in line, and the same call is to be made again later */
  CC_MISUSE
} cc_outcome;

#define CC_NOW 0 /* a deadline that has passed: do not wait */

/* Whether the calling task goes on with a wait that was suspended: then it stands in line already,
** and the deadline is that of the first call. */
static inline bool cc_resumes(const cc_self *me, int64_t *deadline) {
  if (cc_likely(!me->suspended)) return false;
  *deadline = me->deadline;
  return true;
}

/* Stands in a line of o: call under its guard, inside a section, which it leaves open. */
void cc_waitlist_append(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l, cc_waiter *w,
                        cc_slot *slot);
void cc_waitlist_prepend(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l, cc_waiter *w,
                         cc_slot *slot);
void cc_waitlist_remove(cc_self *me, cc_waitlist *l, cc_waiter *w);

/* The calling thread stands in the line l of o with its slot's waiter, and the section is done. */
void cc_stand_in(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l);

/* The same in the line that every object has. */
static inline void cc_stand(cc_self *me, cc_object *o) {
  cc_stand_in(me, o, &o->guard, &o->waiters);
}

/* Takes the first waiter out of the line and tells it `reason` (not 0); under the
** guard. With that the section is done, all that it has noted so far included: it may only
** begin another. The result is to be woken by cc_wake after the guard is released (or
** before); NULL when nobody waits. */
cc_slot *cc_grant_first(cc_self *me, cc_waitlist *l, uint32_t reason);

/* Wakes the thread of a slot; s may be NULL. Never blocks. */
void cc_wake(cc_slot *s);

/* Blocks until w, which stands in l, is granted (CC_OK), or the deadline, a
** cancellation or an interruption takes it out of the line. A grant that came
** first wins. `o`: what the thread waits for. */
cc_outcome cc_wait(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l, cc_waiter *w,
                   int64_t deadline);

/* Blocks in the same way until one of n waiters, each of which stands in a line, is granted.
** All stay where they are: the caller takes them out, whatever the outcome. o: what is told
** of the wait; NULL: it is no part of a deadlock. */
cc_outcome cc_wait_any(cc_self *me, cc_object *o, const cc_waiter *w, size_t n, int64_t deadline);

/* Sleeps until the deadline, with the same exceptions. */
cc_outcome cc_sleep(cc_self *me, int64_t deadline);

/* Waits until one of n descriptors is ready, with the same exceptions: CC_OK. */
cc_outcome cc_wait_ready(cc_self *me, cc_polled *list, size_t n, int64_t deadline);

/* Waits for a token alone: a worker for its next job. False at the deadline. */
bool cc_rest(cc_self *me, int64_t deadline);

/* Grants all who stand in l. Takes and releases the guard. */
uint32_t cc_grant_all(cc_self *me, cc_guard *guard, cc_waitlist *l, uint32_t reason);

/* In a child: nobody spins yet. */
void cc_park_forget(void);

/* Whether another thread can run while this one spins. */
bool cc_park_parallel(void);

static inline bool cc_cancelled(const cc_self *me) {
  return me->shield == 0 && atomic_load_explicit(&me->slot->cancel, memory_order_relaxed) != 0;
}

#endif
