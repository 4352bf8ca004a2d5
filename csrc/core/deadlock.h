/*
** Deadlock: finds that every thread of the family waits for another, or that
** owners of rlocks wait for each other in a circle, and tells all of them.
**
** A thread counts as blocked once it sleeps on an object without a deadline; one that runs a loop, once all
** its tasks wait so. The
** family counts its active threads, the blocked ones among them, and what else could
** end a wait (threads about to run, pending timers, host threads). Only when the
** counters agree does anybody look closer.
*/
#ifndef CC_DEADLOCK_H
#define CC_DEADLOCK_H

#include "core/parcel.h"
#include "core/slot.h"

/* How the floor above names a thread object: writes text, cut to size. */
void cc_deadlock_set_namer(void (*name)(cc_object *thread, char *text, size_t size));

/* Around a sleep without deadline on o. `enter` returns true when this sleep may
** complete a deadlock: sleep for CC_DEADLOCK_PAUSE at first and then look. */
bool cc_deadlock_enter(cc_self *me, cc_object *o);
void cc_deadlock_leave(cc_self *me);
#define CC_DEADLOCK_PAUSE 20000000

/* Before the thread of a loop is blocked: where one of its tasks waits, in that slot. */
void cc_deadlock_place(cc_self *me, cc_slot *task, const char *place);

/* Looks for a deadlock that the calling thread, which is between enter and leave, is part
** of, and delivers the report to all concerned, the caller included. */
void cc_deadlock_look(cc_self *me);

/* The calling thread begins or ceases to count as one that could signal. */
void cc_deadlock_active(cc_self *me, bool active);

/* Something begins or ceases to be pending that will run or signal by itself; 0: something else
** has ceased that could signal. */
void cc_deadlock_pending(int change);

/* The same, but it is that process which will: its end would end it. */
void cc_deadlock_pending_in(uint32_t process, int change);

/* Whether the caller was told of a deadlock since it last forgot: the report is in
** me->report then, one reference. */
bool cc_deadlock_told(cc_self *me);
void cc_deadlock_forget(cc_self *me);

#endif
