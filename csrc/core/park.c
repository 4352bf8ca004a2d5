/*
** A thread always sleeps on its own slot's token, never on an object's word, so
** that whoever wants it (a primitive, a canceller, a deadline) changes one and
** the same word. The token goes 0 (none) -> 2 (asleep) -> 1 (woken) -> 0; a
** wake-up that nobody needed is harmless, since every loop looks at its grant
** again.
**
** Before it sleeps a thread spins for as long as spinning has paid lately, at
** most MAX_SPIN: a wake-up across processors costs tens of microseconds, a hand
** over to a spinner well under one.
*/
#include <errno.h>

#include "core/arena.h"
#include "core/deadlock.h"
#include "core/loop.h"
#include "core/park.h"
#include "core/trace.h"

#define MAX_SPIN 50000 /* ns */
#define MIN_SPIN 1000
#define WORTH 300000 /* a sleep shorter than this, wake-up included, might have been a spin */
#define MISSES 4     /* full spins in vain after which spinning is given up */
#define REST 100     /* for so many waits */

/* A signal may come between the last look at the hook and the sleep, and then
** interrupts nothing: the thread that takes signals looks up now and then. No
** system call closes that gap for a futex. */
#define LOOK_UP 200000000

static _Atomic uint32_t spinners; /* threads of this process that spin now */
static _Atomic uint32_t cpus;     /* 0 until asked */

/* {== lines of waiters */

static void prepare(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l, cc_waiter *w,
                    cc_slot *slot) {
  uint64_t waits = (atomic_load_explicit(&w->granted, memory_order_relaxed) >> 32) + 1;
  w->slot = slot;
  w->object = o;
  w->guard = guard;
  w->moved = false;
  w->watches = false;
  atomic_store_explicit(&w->granted, waits << 32, memory_order_relaxed);
  cc_note(me, w->line);
  atomic_store_explicit(&w->line, l, memory_order_relaxed);
  cc_note(me, l->first);
  cc_note(me, l->last);
}

void cc_waitlist_append(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l, cc_waiter *w,
                        cc_slot *slot) {
  prepare(me, o, guard, l, w, slot);
  w->next = NULL;
  w->previous = l->last;
  if (l->last != NULL) {
    cc_note(me, l->last->next);
    l->last->next = w;
  } else {
    l->first = w;
  }
  l->last = w;
}

void cc_waitlist_prepend(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l, cc_waiter *w,
                         cc_slot *slot) {
  prepare(me, o, guard, l, w, slot);
  w->previous = NULL;
  w->next = l->first;
  if (l->first != NULL) {
    cc_note(me, l->first->previous);
    l->first->previous = w;
  } else {
    l->last = w;
  }
  l->first = w;
}

void cc_stand_in(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l) {
  cc_waitlist_append(me, o, guard, l, &me->slot->waiter, me->slot);
  cc_commit(me, 0);
}

void cc_waitlist_remove(cc_self *me, cc_waitlist *l, cc_waiter *w) {
  if (w->previous != NULL) {
    cc_note(me, w->previous->next);
    w->previous->next = w->next;
  } else {
    cc_note(me, l->first);
    l->first = w->next;
  }
  if (w->next != NULL) {
    cc_note(me, w->next->previous);
    w->next->previous = w->previous;
  } else {
    cc_note(me, l->last);
    l->last = w->previous;
  }
}

cc_slot *cc_grant_first(cc_self *me, cc_waitlist *l, uint32_t reason) {
  cc_waiter *w = l->first;
  if (w == NULL) return NULL;
  cc_slot *s = w->slot; /* w is its thread's again after the store */
  cc_waitlist_remove(me, l, w);
  uint64_t granted = atomic_load_explicit(&w->granted, memory_order_relaxed) | reason;
  cc_commit_with(me, 0, &w->granted);
  atomic_store_explicit(&w->granted, granted, memory_order_release);
  cc_commit_done(me, 0);
  return s;
}

uint32_t cc_grant_all(cc_self *me, cc_guard *guard, cc_waitlist *l, uint32_t reason) {
  uint32_t n = 0;
  cc_slot *s;
  cc_guard_lock(guard, me->word);
  for (; (s = cc_grant_first(me, l, reason)) != NULL; n++) cc_wake(s);
  cc_guard_unlock(guard);
  return n;
}

/* ==} */

void cc_wake(cc_slot *s) {
  if (s == NULL) return;
  uint32_t before = atomic_exchange(&s->token, 1);
  if (before == 2) cc_futex_wake(&s->token, 1);
  if (cc_unlikely(before == 3)) cc_loop_push(s);
}

static uint32_t cpu_count(void) {
  uint32_t n = atomic_load_explicit(&cpus, memory_order_relaxed);
  if (n == 0) {
    n = cc_cpu_count();
    atomic_store_explicit(&cpus, n, memory_order_relaxed);
  }
  return n;
}

void cc_park_forget(void) { atomic_store(&spinners, 0); }

bool cc_park_parallel(void) { return cpu_count() > 1; }

/* True when the token came while spinning. */
static bool spin(cc_self *me, int64_t start, int64_t deadline) {
  _Atomic uint32_t *token = &me->slot->token;
  uint32_t n = cpu_count();
  bool got = false;
  int64_t end = start + me->spin;
  if (n < 2) return false; /* nobody could hand over meanwhile */
  if (end > deadline) end = deadline;
  if (atomic_fetch_add_explicit(&spinners, 1, memory_order_relaxed) < n - 1) {
    do {
      for (int i = 0; i < 32 && !got; i++) {
        got = atomic_load_explicit(token, memory_order_acquire) != 0;
        if (!got) cc_pause();
      }
    } while (!got && cc_clock() < end);
  }
  atomic_fetch_sub_explicit(&spinners, 1, memory_order_relaxed);
  return got;
}

static bool interrupted(cc_self *me) {
  return me->interrupted != NULL && me->interrupted(me->interrupted_arg);
}

/* After a wait that ended in a sleep: how long to spin next time. */
static void learn(cc_self *me, int64_t waited, bool timed_out) {
  if (me->spin == MAX_SPIN && ++me->misses >= MISSES) {
    me->spin = MIN_SPIN;
    me->rest = REST;
  } else if (me->rest > 0) {
    me->rest--;
  } else if (waited < WORTH && !timed_out) {
    me->spin = MAX_SPIN;
  } else if (me->spin > MIN_SPIN) {
    me->spin /= 2;
  }
}

static int sleep_on(cc_self *me, int64_t start, int64_t deadline) {
  /* a signal may come between the look at the hook and the sleep */
  bool looks_up = me->interrupted != NULL && deadline > start + LOOK_UP;
  int result = cc_futex_wait(&me->slot->token, 2, looks_up ? start + LOOK_UP : deadline);
  return looks_up && result == ETIMEDOUT ? EINTR : result;
}

/* Sleeps without deadline on an object, as part of what a deadlock may be made of. */
static int sleep_blocked(cc_self *me, cc_object *o, int64_t start) {
  int result;
  if (cc_deadlock_enter(me, o)) {
    result = cc_futex_wait(&me->slot->token, 2, start + CC_DEADLOCK_PAUSE);
    if (result == ETIMEDOUT) {
      cc_deadlock_look(me);
      result = EINTR; /* round the loop: a report may have come */
    }
  } else {
    result = sleep_on(me, start, CC_FOREVER);
  }
  cc_deadlock_leave(me);
  return result;
}

/* Waits for the token and consumes it; o: what for, or NULL. Returns 0, ETIMEDOUT
** or EINTR. */
static int await_token(cc_self *me, cc_object *o, int64_t deadline) {
  _Atomic uint32_t *token = &me->slot->token;
  uint32_t none = 0;
  int result = 0;
  if (atomic_load_explicit(token, memory_order_acquire) == 1) {
    atomic_store(token, 0);
    return 0;
  }
  int64_t start = cc_clock();
  if (start >= deadline) return ETIMEDOUT;
  if (spin(me, start, deadline)) {
    me->misses = 0;
    atomic_store(token, 0);
    return 0;
  }
  if (interrupted(me)) return EINTR; /* the signal came while we were awake */
  cc_arena_trim();
  if (atomic_compare_exchange_strong(token, &none, 2)) {
    result = o != NULL && deadline == CC_FOREVER ? sleep_blocked(me, o, start)
                                                  : sleep_on(me, start, deadline);
    learn(me, cc_clock() - start, result != 0);
  }
  if (atomic_exchange(token, 0) == 1) return 0;
  return result == ETIMEDOUT || result == EINTR ? result : 0;
}

static void enter(cc_self *me, cc_object *o) {
  atomic_store_explicit(&me->slot->waiting_for, o, memory_order_relaxed);
  atomic_store_explicit(&me->slot->parked, 1, memory_order_release);
}

static void leave(cc_self *me) {
  atomic_store_explicit(&me->slot->parked, 0, memory_order_relaxed);
  atomic_store_explicit(&me->slot->waiting_for, NULL, memory_order_relaxed);
}

/* Whether a grant by o hands something over, so that it must not be thrown away for the
** report of a deadlock, which others may have ended meanwhile by unwinding. A lock's grant
** is a call to try again: its owner looks at the report itself. */
static bool carries(const cc_object *o) {
  switch (o->kind) {
    case CC_EVENT:
    case CC_THREAD:
    case CC_TIMER:
    case CC_PROCESS:
    case CC_FUTURE:
    case CC_JOB:
    case CC_LATCH: return false;
    default: return true;
  }
}

static bool granted(const cc_waiter *w, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (cc_granted(&w[i]) != 0) return true;
  return false;
}

/* The same for a task, which leaves its thread to others meanwhile. Its loop has put the token
** back to 0 when it goes on. */
static cc_outcome suspend(cc_self *me, const cc_waiter *w, size_t n, int64_t deadline) {
  if (!me->suspended) cc_deadlock_forget(me);
  me->suspended = false;
  for (;;) {
    uint32_t none = 0;
    if (granted(w, n)) return CC_OK;
    if (cc_cancelled(me)) return CC_CANCELLED;
    if (cc_deadlock_told(me)) return CC_DEADLOCK;
    if (deadline != CC_FOREVER && cc_clock() >= deadline) return CC_TIMEOUT;
    if (atomic_compare_exchange_strong(&me->slot->token, &none, 3)) break;
    atomic_store(&me->slot->token, 0); /* a wake-up: look again */
  }
  me->suspended = true;
  me->deadline = deadline;
  return CC_SUSPENDED;
}

/* Until one of the n waiters is granted. */
static cc_outcome block(cc_self *me, cc_object *o, const cc_waiter *w, size_t n, int64_t deadline) {
  cc_outcome outcome = CC_OK;
  if (cc_unlikely(me->suspends)) return suspend(me, w, n, deadline);
  cc_assert(cc_begin(me) == 0); /* no section is open */
  cc_deadlock_forget(me); /* what was told of an earlier wait */
  int64_t since = granted(w, n) ? 0 : cc_trace_begin(me);
  enter(me, o);
  while (!granted(w, n)) {
    if (cc_cancelled(me)) {
      outcome = CC_CANCELLED;
      break;
    }
    if (cc_deadlock_told(me)) {
      outcome = CC_DEADLOCK;
      break;
    }
    int result = await_token(me, o, deadline);
    if (result == ETIMEDOUT) {
      outcome = CC_TIMEOUT;
      break;
    }
    /* what a canceller sends may look like another's signal */
    if (result == EINTR && !cc_cancelled(me) && interrupted(me)) {
      outcome = CC_INTERRUPTED;
      break;
    }
  }
  leave(me);
  if (cc_unlikely(since != 0)) cc_trace_span(me, CC_TRACE_WAIT, 0, o != NULL ? o->kind : 0, o != NULL ? o->id : 0, since);
  return outcome;
}

cc_outcome cc_wait(cc_self *me, cc_object *o, cc_guard *guard, cc_waitlist *l, cc_waiter *w,
                   int64_t deadline) {
  cc_outcome outcome = block(me, o, w, 1, deadline);
  if (outcome == CC_SUSPENDED) return outcome;
  if (outcome != CC_OK) {
    cc_guard_lock(guard, me->word);
    if (w->moved || cc_granted(w) != 0) {
      outcome = CC_OK;
    } else {
      cc_waitlist_remove(me, l, w);
      cc_note(me, w->line);
      atomic_store_explicit(&w->line, NULL, memory_order_relaxed);
      cc_commit(me, 0);
    }
    cc_guard_unlock(guard);
  }
  if (!w->moved) atomic_store_explicit(&w->line, NULL, memory_order_relaxed);
  if (outcome == CC_OK && cc_deadlock_told(me) && !carries(o)) outcome = CC_DEADLOCK;
  return outcome;
}

/* Those who look for deadlocks read the slot's own waiter, which is in no line now. */
static void begin_wait(cc_self *me) {
  uint64_t waits = (atomic_load_explicit(&me->slot->waiter.granted, memory_order_relaxed) >> 32) + 1;
  atomic_store_explicit(&me->slot->waiter.granted, waits << 32, memory_order_relaxed);
}

cc_outcome cc_wait_any(cc_self *me, cc_object *o, const cc_waiter *w, size_t n, int64_t deadline) {
  if (!me->suspended) begin_wait(me);
  cc_outcome outcome = block(me, o, w, n, deadline);
  return outcome == CC_OK && cc_deadlock_told(me) ? CC_DEADLOCK : outcome;
}

cc_outcome cc_sleep(cc_self *me, int64_t deadline) {
  cc_outcome outcome = CC_TIMEOUT;
  if (me->suspends) return suspend(me, NULL, 0, me->suspended ? me->deadline : deadline);
  int64_t spinning = me->spin;
  me->spin = 0; /* nobody is expected to end a sleep early */
  int64_t since = cc_trace_begin(me);
  enter(me, NULL);
  for (;;) {
    if (cc_cancelled(me)) {
      outcome = CC_CANCELLED;
      break;
    }
    int result = await_token(me, NULL, deadline);
    if (result == ETIMEDOUT) break;
    if (result == EINTR && !cc_cancelled(me) && interrupted(me)) {
      outcome = CC_INTERRUPTED;
      break;
    }
  }
  leave(me);
  cc_trace_end(me, CC_TRACE_WAIT, 0, 0, since);
  me->spin = spinning;
  return outcome;
}

#define SLICE 10000000 /* ns: nobody can wake a thread in poll */

cc_outcome cc_wait_ready(cc_self *me, cc_polled *list, size_t n, int64_t deadline) {
  cc_outcome outcome = CC_TIMEOUT;
  bool any = false;
  int64_t since = cc_trace_begin(me);
  enter(me, NULL);
  for (;;) {
    int64_t now = cc_clock(), rest = deadline == CC_FOREVER ? SLICE : deadline - now;
    if (cc_cancelled(me)) {
      outcome = CC_CANCELLED;
      break;
    }
    if (interrupted(me)) {
      outcome = CC_INTERRUPTED;
      break;
    }
    cc_descriptors_poll(list, n, rest < 0 ? 0 : rest < SLICE ? rest : SLICE);
    for (size_t i = 0; i < n; i++) any |= list[i].ready;
    if (any) outcome = CC_OK;
    if (any || rest <= 0) break;
  }
  leave(me);
  cc_trace_end(me, CC_TRACE_WAIT, 0, 0, since);
  return outcome;
}

#define LONG 3600000000000 /* ns: the longest poll */

/* Whoever cancels the thread wakes its slot as a task's, since it asks its loop. */
cc_outcome cc_loop_poll(cc_self *me, cc_loop *l, int fd, int64_t deadline, bool blocked) {
  cc_outcome outcome = CC_TIMEOUT;
  cc_polled polled = {fd, false, false};
  _Atomic uint32_t *token = &me->slot->token;
  uint32_t none = 0;
  int64_t longest = LONG;
  atomic_store(&me->slot->loop, l);
  int64_t since = cc_trace_begin(me);
  enter(me, NULL);
  if (blocked) {
    cc_deadlock_forget(me);
    begin_wait(me);
    if (cc_deadlock_enter(me, &l->object)) longest = CC_DEADLOCK_PAUSE;
  }
  for (;;) {
    int64_t now = cc_clock();
    int64_t rest = deadline == CC_FOREVER || deadline - now > longest ? longest : deadline - now;
    if (me->interrupted != NULL && rest > LOOK_UP) rest = LOOK_UP;
    if (cc_cancelled(me)) outcome = CC_CANCELLED;
    else if (interrupted(me)) outcome = CC_INTERRUPTED;
    else if (blocked && cc_deadlock_told(me)) outcome = CC_DEADLOCK;
    if (outcome != CC_TIMEOUT) break;
    atomic_compare_exchange_strong(token, &none, 3);
    cc_descriptors_poll(&polled, 1, rest < 0 || atomic_load(token) == 1 ? 0 : rest);
    if (atomic_exchange(token, none = 0) == 1) longest = CC_DEADLOCK_PAUSE; /* asked to look */
    if (polled.ready) outcome = CC_OK;
    if (polled.ready || (deadline != CC_FOREVER && cc_clock() >= deadline)) break;
    if (!blocked || longest == LONG) continue;
    cc_deadlock_look(me);
    longest = LONG;
  }
  if (blocked) cc_deadlock_leave(me);
  if (blocked && outcome == CC_OK && cc_deadlock_told(me)) outcome = CC_DEADLOCK;
  leave(me);
  cc_trace_end(me, CC_TRACE_WAIT, CC_LOOP, 0, since);
  atomic_store(&me->slot->loop, NULL);
  return outcome;
}

bool cc_rest(cc_self *me, int64_t deadline) { return await_token(me, NULL, deadline) != ETIMEDOUT; }
