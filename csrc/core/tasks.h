/*
** Tasks: counts which of a queue's items were marked done, and lets others wait
** until all are.
*/
#ifndef CC_TASKS_H
#define CC_TASKS_H

#include "core/kind.h"
#include "core/park.h"

typedef struct cc_tasks {
  cc_guard guard;
  _Atomic uint32_t waiting; /* whether somebody waits */
  cc_waitlist waiters;      /* under guard */
  _Atomic uint64_t done;    /* never more than the total */
} cc_tasks;

/* Marks n more as done, at most as many as there are; returns how many that were. */
uint64_t cc_tasks_done(cc_self *me, cc_tasks *t, const _Atomic uint64_t *total, uint64_t n);

/* See mend in kind.h. */
void cc_tasks_mend(cc_self *me, cc_tasks *t, const _Atomic uint64_t *total, uint32_t process);

/* Waits until as many are done as *total says. o: what is told of the wait. */
cc_outcome cc_tasks_join(cc_self *me, cc_tasks *t, const _Atomic uint64_t *total, cc_object *o,
                         int64_t deadline);

#endif
