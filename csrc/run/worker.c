/*
** Workers. An idle one stands in a list, the one that became idle last in front:
** its memory is warm and it may still be spinning. A launch puts the job into the worker
** and wakes it; only if nobody is idle a kernel thread is made.
*/
#include "run/worker.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "core/deadlock.h"
#include "run/state.h"
#include "run/timer.h"

#define IDLE_TIME 2000000000 /* ns after which an idle worker ends */

typedef struct job {
  run_thread *thread; /* one reference; NULL: no job */
  run_message message;
} job;

typedef struct worker {
  struct worker *next, *previous; /* in the list of idle ones; under `guard` */
  bool idle;                      /* in that list; under `guard` */
  bool single;                    /* has options of its own: runs one job; constant */
  job job;                        /* under `guard`, until taken by the worker */
  cc_slot *slot;
} worker;

_Thread_local bool run_worker_closing;

static cc_guard guard;
static worker *idle; /* under guard */
static uint32_t nidle;

static uint32_t idle_limit(void) {
  uint32_t n = 2 * cc_cpu_count();
  return n < 8 ? 8 : n;
}

/* {== the list; under guard */

static void push_idle(worker *w) {
  w->idle = true;
  w->previous = NULL;
  w->next = idle;
  if (idle != NULL) idle->previous = w;
  idle = w;
  nidle++;
}

static void remove_idle(worker *w) {
  w->idle = false;
  if (w->previous != NULL)
    w->previous->next = w->next;
  else
    idle = w->next;
  if (w->next != NULL) w->next->previous = w->previous;
  nidle--;
}

/* ==} */

/* Before the joiners hear of the end the worker is idle already, so that their next thread
** finds it. False: it shall end. */
static bool offer(cc_self *me, worker *w) {
  bool stays;
  if (w->single) return false;
  cc_guard_lock(&guard, me->word);
  stays = nidle < idle_limit();
  if (stays) push_idle(w);
  cc_guard_unlock(&guard);
  return stays;
}

/* The next job; false when none came for long and the worker left the list. */
static bool next_job(cc_self *me, worker *w, job *j) {
  int64_t deadline = cc_clock() + IDLE_TIME;
  for (bool in_time = true;;) {
    bool got = false, gone = false;
    cc_guard_lock(&guard, me->word);
    if (w->job.thread != NULL) {
      *j = w->job;
      w->job.thread = NULL;
      got = true;
    } else if (!in_time) {
      remove_idle(w);
      gone = true;
    }
    cc_guard_unlock(&guard);
    if (got || gone) return got;
    cc_deadlock_active(me, false);
    in_time = cc_rest(me, deadline);
  }
}

/* Runs one job; true when the worker is to wait for another. */
static bool run_job(cc_self *me, worker *w, run_state *s, job *j) {
  cc_parcel *result = NULL, *traceback = NULL;
  run_status status = RUN_FAILED;
  run_thread_begin(j->thread, s);
  if (s != NULL) {
    status = run_body(run_state_lua(s), j->thread, atomic_load(&j->thread->root), &j->message, &result, &traceback);
    run_thread_unreach(j->thread);
    me->shield++; /* finalizers run undisturbed */
    run_worker_closing = true;
    run_state_close(s);
    run_worker_closing = false;
    me->shield--;
  } else {
    run_message_drop(&j->message);
  }
  bool stays = s != NULL && offer(me, w);
  if (status == RUN_DONE && run_timer_again(j->thread)) {
    cc_parcel_release(result);
    cc_parcel_release(traceback);
  } else {
    /* what would have gone on and does not, though it ran well, was cancelled */
    run_timer_forget(j->thread);
    bool stopped = status == RUN_DONE && run_timer_repeats(j->thread);
    run_thread_end(j->thread, stopped ? RUN_CANCELLED : status, result, traceback);
  }
  cc_object_release(&j->thread->object);
  return stays;
}

static void work(void *arg) {
  worker *w = arg;
  cc_self *me = cc_self_get();
  run_state *s = run_state_new();
  job j = w->job;
  w->job.thread = NULL;
  w->slot = me->slot;
  me->no_signals = true;
  while (run_job(me, w, s, &j)) {
    if (!run_state_renew(s)) {
      run_state_free(s);
      s = run_state_new(); /* NULL: the next job fails for lack of memory */
    }
    if (!next_job(me, w, &j)) break;
  }
  run_worker_closing = true;
  if (s != NULL) run_state_free(s);
  free(w);
  codec_thread_end();
  cc_self_detach();
}

static int launch_new(run_thread *t, const run_message *m, const run_options *options) {
  cc_thread_options o = {options->stack, options->cpus, options->ncpus};
  worker *w = calloc(1, sizeof *w);
  if (w == NULL) return ENOMEM;
  w->single = options->stack != 0 || options->ncpus != 0;
  w->job = (job){t, *m};
  int error = cc_thread_start(work, w, &o);
  if (error != 0) free(w);
  return error;
}

void run_worker_forget(void) {
  guard = (cc_guard){0};
  idle = NULL;
  nidle = 0;
}

int run_worker_launch(run_thread *t, const run_message *m, const run_options *options) {
  worker *w = NULL;
  cc_slot *slot = NULL;
  if (options->stack == 0 && options->ncpus == 0) {
    cc_guard_lock(&guard, cc_self_word());
    w = idle;
    if (w != NULL) {
      remove_idle(w);
      w->job = (job){t, *m};
      slot = w->slot;
    }
    cc_guard_unlock(&guard);
  }
  if (w == NULL) return launch_new(t, m, options);
  cc_wake(slot);
  return 0;
}
