/*
** Timer: threads that start by themselves later, once or again and again. One kernel
** thread per process keeps them in a heap by time; when the time of one comes, a
** worker runs it as it runs any thread.
*/
#ifndef RUN_TIMER_H
#define RUN_TIMER_H

#include "core/kind.h"
#include "run/thread.h"

extern const cc_ops run_timer_ops;

/* An unstarted timer: a thread object of kind CC_TIMER. name NULL: the next default one. */
run_thread *run_timer_new(const char *name, size_t length, bool daemon, int64_t interval,
                          bool repeating);

/* As run_thread_start: the thread begins after the interval. */
int run_timer_start(run_thread *t, run_message *m, uint64_t root);

/* Takes a timer out before its time; false when it is not there. */
bool run_timer_withdraw(run_thread *t);

/* Whether it is a repeating timer. */
bool run_timer_repeats(const run_thread *t);

/* Drops its message at its end: that may refer to the timer itself. For every kind of thread. */
void run_timer_forget(run_thread *t);

/* In a child: there are no timers yet. */
void run_timers_forget(void);

/* A run of a repeating timer has ended well: notes the next one. False when there is
** none: the timer is not repeating, was cancelled, or there is no memory. */
bool run_timer_again(run_thread *t);

#endif
