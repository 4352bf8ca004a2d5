/*
** Steward: the kernel thread of a process that starts the workers of its pools. Anybody in the
** family may want a worker, but only this process can start one; so a crew is told whom to wake.
*/
#ifndef RUN_STEWARD_H
#define RUN_STEWARD_H

#include "core/crew.h"
#include "run/thread.h"

/* A new crew, which is complete: it is looked after from now on. 0 or an errno value. */
int run_crew_open(cc_crew *c);

/* A thread or process has ended, its status set: if it was a pool's worker, the crew is told. */
void run_crew_member_ended(run_thread *t);

/* A root ends: its pools are ended. */
void run_crews_end_root(cc_self *me, uint64_t root);

/* Ends a crew at once: what runs is stopped, and worker processes that do not stop are killed. */
void run_crew_terminate(cc_self *me, cc_crew *c);

/* In a child: the parent's pools are not its own. */
void run_crews_forget(void);

#endif
