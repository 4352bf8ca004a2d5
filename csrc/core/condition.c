/* Conditions. */
#include "core/condition.h"

#include "core/deadlock.h"

/* What a wait waits for: see cc_self's `stage`. */
enum { NOTIFIED, MOVED, DIRECTLY };

static void destroy(cc_object *o) {
  cc_condition *c = (cc_condition *)o;
  if (c->held > 0) cc_object_parcel_release(&c->lock->object, &c->held);
}

const cc_ops cc_condition_ops = {.destroy = destroy};

cc_condition *cc_condition_new(cc_lock *lock) {
  cc_condition *c = (cc_condition *)cc_object_new(CC_CONDITION, sizeof *c);
  if (c == NULL) return NULL;
  c->lock = lock;
  cc_object_parcel_retain(&lock->object, &c->held);
  return c;
}

bool cc_condition_held(const cc_self *me, const cc_condition *c) {
  return cc_lock_mine(me, c->lock);
}

/* The lock as it was, whatever else wants this thread: the caller's code relies
** on it even while it unwinds. Whoever was told of a deadlock lets go in the end. */
static cc_outcome take_again(cc_self *me, cc_lock *k, bool moved) {
  bool (*interrupted)(void *) = me->interrupted;
  cc_parcel *report = me->report; /* of the wait, which this one must not forget */
  me->report = NULL;
  me->interrupted = NULL;
  me->shield++;
  cc_outcome outcome = moved ? cc_lock_acquire_moved(me, k) : CC_TIMEOUT;
  while (outcome != CC_OK && outcome != CC_SUSPENDED) {
    me->stage = DIRECTLY;
    outcome = me->suspended ? cc_lock_acquire_slow(me, k, CC_FOREVER) : cc_lock_acquire(me, k, CC_FOREVER);
  }
  me->shield--;
  me->interrupted = interrupted;
  cc_deadlock_forget(me);
  me->report = report;
  return outcome;
}

/* Between standing in line and sleeping the lock is given up: a notification
** in that moment finds the waiter already. */
cc_outcome cc_condition_wait(cc_self *me, cc_condition *c, int64_t deadline) {
  cc_lock *k = c->lock;
  cc_waiter *w = &me->slot->waiter;
  if (!cc_resumes(me, &deadline)) {
    if (!cc_condition_held(me, c)) return CC_MISUSE;
    me->kept = atomic_load_explicit(&k->count, memory_order_relaxed);
    me->stage = NOTIFIED;
    cc_guard_lock(&c->object.guard, me->word);
    cc_stand(me, &c->object);
    cc_guard_unlock(&c->object.guard);
    cc_lock_release(me, k);
  }
  uint32_t count = (uint32_t)me->kept;
  cc_outcome outcome = (cc_outcome)me->place;
  if (me->stage == NOTIFIED) {
    outcome = cc_wait(me, &c->object, &c->object.guard, &c->object.waiters, w, deadline == CC_NOW ? 1 : deadline);
    if (outcome == CC_SUSPENDED) return outcome;
    me->place = outcome;
    me->stage = outcome == CC_OK ? MOVED : DIRECTLY;
  }
  /* notified waiters stand in the lock's line, in their order */
  if (take_again(me, k, me->stage == MOVED) == CC_SUSPENDED) return CC_SUSPENDED;
  atomic_store_explicit(&k->count, count, memory_order_relaxed);
  return outcome;
}

/* Nobody is woken, since the caller holds the lock: its release will wake the first. That
** also keeps the order, which threads racing for the lock would not. */
uint64_t cc_condition_notify(cc_self *me, cc_condition *c, uint64_t n) {
  uint64_t moved = 0;
  cc_guard_lock(&c->object.guard, me->word);
  cc_guard_lock(&c->lock->object.guard, me->word);
  for (cc_waiter *w; moved < n && (w = c->object.waiters.first) != NULL; moved++) {
    cc_waitlist_remove(me, &c->object.waiters, w);
    cc_lock_move(me, c->lock, w);
    cc_commit(me, 0);
  }
  cc_guard_unlock(&c->lock->object.guard);
  cc_guard_unlock(&c->object.guard);
  if (moved > 0) cc_lock_moved(me, c->lock);
  return moved;
}
