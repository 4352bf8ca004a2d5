/* Semaphores. */
#include "core/semaphore.h"

#include "core/deadlock.h"
#include "core/descriptor.h"

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return atomic_load(&((cc_semaphore *)o)->value) > 0;
}

static void notice(cc_object *o) { atomic_store(&((cc_semaphore *)o)->waiting, 1); }

cc_semaphore *cc_semaphore_new(cc_kind kind, int64_t n) {
  static const cc_watchable watchable = {.ready = ready, .notice = notice};
  cc_watch_register(kind, &watchable);
  cc_semaphore *s = (cc_semaphore *)cc_object_new(kind, sizeof *s);
  if (s == NULL) return NULL;
  s->limit = kind == CC_BOUNDED_SEMAPHORE ? n : INT64_MAX;
  atomic_store(&s->value, n);
  return s;
}

/* Under the guard. Somebody with a descriptor waits all the time. */
static void nobody_waits(cc_semaphore *s) { atomic_store(&s->waiting, atomic_load(&s->object.described)); }

/* Under the guard: gives units to those who wait, first come first served, and news of a unit
** to those who watch. */
static void serve(cc_semaphore *s) {
  cc_waitlist *l = &s->object.waiters;
  while (l->first != NULL && (l->first->watches ? atomic_load(&s->value) > 0 : cc_semaphore_try(s)))
    cc_wake(cc_grant_first(l, 1));
  if (l->first == NULL) nobody_waits(s);
}

cc_outcome cc_semaphore_acquire_slow(cc_self *me, cc_semaphore *s, int64_t deadline) {
  bool got = false;
  cc_guard_lock(&s->object.guard, me->word);
  atomic_store(&s->waiting, 1); /* before the last look at the value */
  serve(s);
  if (s->object.waiters.first == NULL) {
    got = cc_semaphore_try(s);
    nobody_waits(s);
  }
  if (!got && deadline != CC_NOW) {
    atomic_store(&s->waiting, 1);
    cc_waitlist_append(&s->object.waiters, &me->slot->waiter, me->slot);
    serve(s);
  }
  cc_guard_unlock(&s->object.guard);
  cc_descriptor_update(&s->object); /* a unit has gone, to the caller or to others */
  if (got) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_outcome outcome = cc_wait(me, &s->object, &s->object.guard, &s->object.waiters,
                               &me->slot->waiter, deadline);
  if (outcome != CC_OK || !cc_deadlock_told(me)) return outcome;
  cc_semaphore_release(me, s, 1); /* from another who was told: this one raises, too */
  return CC_DEADLOCK;
}

bool cc_semaphore_release(cc_self *me, cc_semaphore *s, int64_t n) {
  int64_t now = atomic_load_explicit(&s->value, memory_order_relaxed);
  do {
    if (now > s->limit - n) return false;
  } while (!atomic_compare_exchange_weak(&s->value, &now, now + n));
  /* sequentially consistent, as the waiter's flag and look are: one sees the other */
  if (cc_unlikely(atomic_load(&s->waiting))) {
    cc_guard_lock(&s->object.guard, me->word);
    serve(s);
    cc_guard_unlock(&s->object.guard);
    cc_descriptor_update(&s->object);
  }
  return true;
}
