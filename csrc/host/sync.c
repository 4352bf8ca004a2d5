/* Events, locks, semaphores. */
#include "core/event.h"
#include "core/lock.h"
#include "core/semaphore.h"
#include "host/host.h"

/* {== events */

static cc_event *event(concur_event *e) { return (cc_event *)(void *)e; }

concur_event *concur_event_new(void) { return host_ready() ? host_own(cc_event_new()) : NULL; }

void concur_event_set(concur_event *e) { cc_event_set(cc_self_get(), event(e)); }

void concur_event_clear(concur_event *e) { cc_event_clear(cc_self_get(), event(e)); }

int concur_event_is_set(const concur_event *e) { return cc_event_is_set((const cc_event *)(const void *)e); }

int concur_event_wait(concur_event *e, double timeout) {
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  host_await(outcome, cc_event_wait(cc_self_get(), event(e), deadline));
  return host_status(outcome);
}

/* ==} {== locks */

static cc_lock *lock(concur_lock *k) { return (cc_lock *)(void *)k; }

concur_lock *concur_lock_new(void) { return host_ready() ? host_own(cc_lock_new()) : NULL; }

concur_lock *concur_rlock_new(void) { return host_ready() ? host_own(cc_rlock_new()) : NULL; }

static cc_outcome take(cc_self *me, cc_lock *k, int64_t deadline) {
  return k->object.kind == CC_RLOCK ? cc_rlock_acquire(me, k, deadline) : cc_lock_acquire(me, k, deadline);
}

int concur_lock_acquire(concur_lock *k, double timeout, int *abandoned) {
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  host_await(outcome, take(cc_self_get(), lock(k), deadline));
  bool was = outcome == CC_OK && cc_lock_was_abandoned(lock(k));
  if (abandoned != NULL) *abandoned = was;
  return host_status(outcome);
}

int concur_lock_release(concur_lock *k) {
  cc_self *me = cc_self_get();
  bool done = lock(k)->object.kind == CC_RLOCK ? cc_rlock_release(me, lock(k)) : cc_lock_release(me, lock(k));
  return done ? CONCUR_OK : CONCUR_MISUSE;
}

int concur_lock_locked(const concur_lock *k) { return cc_lock_locked((const cc_lock *)(const void *)k); }

/* ==} {== semaphores */

static cc_semaphore *semaphore(concur_semaphore *s) { return (cc_semaphore *)(void *)s; }

concur_semaphore *concur_semaphore_new(int64_t n) {
  return n >= 0 && host_ready() ? host_own(cc_semaphore_new(CC_SEMAPHORE, n, true)) : NULL;
}

int concur_semaphore_acquire(concur_semaphore *s, double timeout) {
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  host_await(outcome, cc_semaphore_acquire(cc_self_get(), semaphore(s), deadline));
  return host_status(outcome);
}

int concur_semaphore_release(concur_semaphore *s, int64_t n) {
  return n >= 1 && cc_semaphore_release(cc_self_get(), semaphore(s), n) ? CONCUR_OK : CONCUR_MISUSE;
}

int64_t concur_semaphore_value(const concur_semaphore *s) {
  return atomic_load(&((const cc_semaphore *)(const void *)s)->value);
}

/* ==} */
