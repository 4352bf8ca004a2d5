/*
** Loop: what wakes a thread that runs many tasks. A task that waits for an object stands in its
** line as a thread does, with a slot of its own, but its thread goes on with other tasks. Whoever
** grants it sets the bit of its slot in the loop and raises the loop's descriptor, which an event
** loop polls together with all else.
**
** A bit may be set twice or for nothing: the task then looks, and goes on waiting.
*/
#ifndef CC_LOOP_H
#define CC_LOOP_H

#include "core/kind.h"
#include "core/park.h"

#define CC_LOOP_WORDS 1024 /* of 64 slots each */

typedef struct cc_loop {
  cc_object object;
  _Atomic uint32_t asleep; /* its thread polls, or is about to; by its thread */
  _Atomic uint32_t rescan; /* a process has ended, which may have been about to set a bit */
  _Atomic uint64_t summary[CC_LOOP_WORDS / 64]; /* words that are not 0 */
  _Atomic uint64_t words[CC_LOOP_WORDS];        /* a bit per slot: set by who grants, cleared by its thread */
} cc_loop;

extern const cc_ops cc_loop_ops;

cc_loop *cc_loop_new(void);

/* The task of that slot, which was suspended, is to go on. */
void cc_loop_push(cc_slot *s);

/* Its thread is going to poll: false when there is something to take. cc_loop_take ends that. */
bool cc_loop_sleep(cc_loop *l);

/* Its thread is awake. Calls f with the slot of each task that is to go on. True: a process has
** ended, which may have granted one and not said so: each suspended task is to look. */
bool cc_loop_take(cc_loop *l, void (*f)(void *arg, cc_slot *s), void *arg);

/* The time of a suspended task is up, or it was cancelled: true when it is to go on now; false when it
** was granted, and will be taken. */
bool cc_loop_expire(cc_slot *s);

/* Whether its thread polls, and nothing was granted to its tasks. */
bool cc_loop_quiet(const cc_loop *l);

/* Waits until a descriptor, an event loop's, is readable: CC_OK; with the exceptions of cc_wait.
** The loop's descriptor is among what that shows. blocked: all its tasks stand in lines without deadline, or
** wait for such, and nothing else can happen; then CC_DEADLOCK tells that their slots have a report. */
cc_outcome cc_loop_poll(cc_self *me, cc_loop *l, int fd, int64_t deadline, bool blocked);

#endif
