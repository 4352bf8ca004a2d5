/*
** The heap of pending timers, by deadline. A pending timer is alive and waiting; it
** is in the list of running threads, so that the script's end waits for it, and it
** counts as pending for the search for deadlocks.
*/
#include "run/timer.h"

#include <errno.h>
#include <stdlib.h>

#include "core/deadlock.h"
#include "run/worker.h"

#define RETRY 5000000        /* ns until a timer that got no thread is tried again */
#define IDLE_TIME 2000000000 /* ns without a timer after which the kernel thread ends */

typedef struct timer {
  run_thread thread; /* first: a timer is a thread */
  int64_t interval;  /* ns; constant */
  bool repeating;    /* constant */
  /* under `guard`: */
  int64_t deadline;
  size_t place;        /* in the heap, + 1; 0: not pending */
  run_message message; /* one reference each, as long as it is started */
} timer;

static cc_guard guard;
static timer **heap; /* each with a reference */
static size_t count, room;
static cc_slot *keeper; /* the kernel thread's slot; NULL: there is none */
static bool starting;   /* a kernel thread is being made */

/* {== the heap; under guard */

static void put_at(timer *t, size_t i) {
  heap[i] = t;
  t->place = i + 1;
}

static void up(timer *t, size_t i) {
  while (i > 0 && heap[(i - 1) / 2]->deadline > t->deadline) {
    put_at(heap[(i - 1) / 2], i);
    i = (i - 1) / 2;
  }
  put_at(t, i);
}

static void down(timer *t, size_t i) {
  for (;;) {
    size_t child = 2 * i + 1;
    if (child >= count) break;
    if (child + 1 < count && heap[child + 1]->deadline < heap[child]->deadline) child++;
    if (heap[child]->deadline >= t->deadline) break;
    put_at(heap[child], i);
    i = child;
  }
  put_at(t, i);
}

static bool push(timer *t) {
  if (count == room) {
    size_t more = room == 0 ? 64 : room * 2;
    timer **larger = realloc(heap, more * sizeof *larger);
    if (larger == NULL) return false;
    heap = larger;
    room = more;
  }
  up(t, count++);
  return true;
}

static void take_out(timer *t) {
  size_t i = t->place - 1;
  timer *last = heap[--count];
  t->place = 0;
  if (last == t) return;
  if (i > 0 && heap[(i - 1) / 2]->deadline > last->deadline)
    up(last, i);
  else
    down(last, i);
}

/* ==} {== the kernel thread */

static void launch(timer *t) {
  run_options usual = {0, NULL, 0};
  run_message m = t->message;
  if (t->repeating) {
    if (m.surroundings != NULL) cc_parcel_retain(m.surroundings);
    cc_parcel_retain(m.call);
  } else {
    t->message = (run_message){NULL, NULL}; /* it may refer to the timer itself */
  }
  int error = run_worker_launch(&t->thread, &m, &usual); /* takes over the heap's reference */
  if (error == 0) return;
  /* no thread to be had: others end, so it is tried again soon */
  cc_self *me = cc_self_get();
  cc_guard_lock(&guard, me->word);
  if (t->repeating)
    run_message_drop(&m);
  else
    t->message = m;
  t->deadline = cc_clock() + RETRY;
  bool ok = push(t); /* with the reference that it came with */
  cc_guard_unlock(&guard);
  if (ok) return;
  cc_deadlock_pending(-1);
  run_message_drop(&t->message);
  run_thread_finish(&t->thread, RUN_FAILED, NULL, NULL);
  cc_object_release(&t->thread.object);
}

/* The timer whose time has come, or NULL and when to look again. */
static timer *next_due(cc_self *me, int64_t *wake) {
  timer *t = NULL;
  cc_guard_lock(&guard, me->word);
  if (count > 0 && heap[0]->deadline <= cc_clock()) {
    t = heap[0];
    take_out(t);
  }
  *wake = count > 0 ? heap[0]->deadline : 0;
  cc_guard_unlock(&guard);
  return t;
}

static bool may_end(cc_self *me) {
  cc_guard_lock(&guard, me->word);
  bool ends = count == 0;
  if (ends) keeper = NULL;
  cc_guard_unlock(&guard);
  return ends;
}

static void keep(void *unused) {
  cc_self *me = cc_self_get();
  (void)unused;
  me->no_signals = true;
  cc_deadlock_active(me, false); /* what it will do counts as pending */
  cc_thread_set_name("concur-timer");
  cc_guard_lock(&guard, me->word);
  keeper = me->slot;
  starting = false;
  cc_guard_unlock(&guard);
  for (;;) {
    int64_t wake;
    timer *t = next_due(me, &wake);
    if (t != NULL)
      launch(t);
    else if (!cc_rest(me, wake != 0 ? wake : cc_clock() + IDLE_TIME) && wake == 0 && may_end(me))
      break;
  }
  cc_self_detach();
}

/* Makes sure that there is a kernel thread, and that it knows of an earlier deadline. */
static int alert(cc_self *me) {
  cc_thread_options o = {0, NULL, 0};
  cc_guard_lock(&guard, me->word);
  cc_slot *s = keeper;
  bool make = s == NULL && !starting;
  if (make) starting = true;
  cc_guard_unlock(&guard);
  if (!make) {
    cc_wake(s);
    return 0;
  }
  int error = cc_thread_start(keep, NULL, &o);
  if (error != 0) {
    cc_guard_lock(&guard, me->word);
    starting = false;
    cc_guard_unlock(&guard);
  }
  return error;
}

/* ==} */

static void destroy(cc_object *o) {
  run_message_drop(&((timer *)(void *)o)->message);
  run_thread_destroy(o);
}

const cc_ops run_timer_ops = {.destroy = destroy, .ready = run_thread_ready, .mend = run_thread_mend};

run_thread *run_timer_new(const char *name, size_t length, bool daemon, int64_t interval,
                          bool repeating) {
  timer *t = (timer *)(void *)run_thread_new_kind(CC_TIMER, sizeof *t, name, length, daemon);
  if (t == NULL) return NULL;
  t->interval = interval;
  t->repeating = repeating;
  return &t->thread;
}

/* Puts it into the heap with a reference. */
static bool pend(cc_self *me, timer *t, int64_t deadline) {
  cc_object_retain(&t->thread.object);
  cc_guard_lock(&guard, me->word);
  t->deadline = deadline;
  bool ok = push(t);
  cc_guard_unlock(&guard);
  if (!ok) cc_object_release(&t->thread.object);
  return ok;
}

int run_timer_start(run_thread *thread, run_message *m, uint64_t root) {
  cc_self *me = cc_self_get();
  timer *t = (timer *)(void *)thread;
  int64_t now = cc_clock();
  int error = run_thread_enlist(thread, root);
  if (error != 0) {
    run_message_drop(m);
    return error;
  }
  t->message = *m;
  *m = (run_message){NULL, NULL};
  cc_deadlock_pending(1); /* until a worker has begun it */
  if (!pend(me, t, t->interval < CC_FOREVER - now ? now + t->interval : CC_FOREVER)) {
    error = ENOMEM;
  } else {
    error = alert(me);
    /* no kernel thread to keep it: take it back, unless another's has come meanwhile */
    if (error == 0 || !run_timer_withdraw(thread)) return 0;
    run_thread_delist(thread);
    return error;
  }
  cc_deadlock_pending(-1);
  run_thread_delist(thread);
  run_message_drop(&t->message);
  return error;
}

bool run_timer_withdraw(run_thread *thread) {
  timer *t = (timer *)(void *)thread;
  cc_guard_lock(&guard, cc_self_word());
  bool pending = t->place != 0;
  if (pending) take_out(t);
  cc_guard_unlock(&guard);
  if (!pending) return false;
  run_message_drop(&t->message);
  cc_deadlock_pending(-1);
  cc_object_release(&thread->object); /* the heap's; the caller has one */
  return true;
}

bool run_timer_repeats(const run_thread *thread) {
  return thread->object.kind == CC_TIMER && ((const timer *)(const void *)thread)->repeating;
}

void run_timer_forget(run_thread *thread) {
  if (thread->object.kind == CC_TIMER) run_message_drop(&((timer *)(void *)thread)->message);
}

/* Missed times are left out, so that a slow function does not pile up runs. */
bool run_timer_again(run_thread *thread) {
  cc_self *me = cc_self_get();
  timer *t = (timer *)(void *)thread;
  if (!run_timer_repeats(thread) || atomic_load(&thread->cancel)) return false;
  int64_t now = cc_clock(), next = t->deadline + t->interval;
  if (next < now) next = now;
  cc_deadlock_pending(1);
  run_thread_pause(thread);
  if (pend(me, t, next)) {
    /* who cancels looks into the heap before and after it asks, we after it is there */
    if (atomic_load(&thread->cancel)) return !run_timer_withdraw(thread);
    if (alert(me) == 0 || !run_timer_withdraw(thread)) return true;
  } else {
    cc_deadlock_pending(-1);
  }
  return false;
}

void run_timers_forget(void) {
  guard = (cc_guard){0};
  heap = NULL;
  count = room = 0;
  keeper = NULL;
  starting = false;
}
