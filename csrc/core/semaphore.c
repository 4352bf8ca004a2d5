/* Semaphores. */
#include "core/semaphore.h"

#include "core/deadlock.h"
#include "core/descriptor.h"

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return atomic_load(&((cc_semaphore *)o)->value) > 0;
}

static void notice(cc_self *me, cc_object *o) {
  (void)me;
  atomic_store(&((cc_semaphore *)o)->waiting, 1);
}

cc_semaphore *cc_semaphore_new(cc_kind kind, int64_t n, bool owned) {
  cc_semaphore *s = (cc_semaphore *)cc_object_new(kind, sizeof *s);
  if (s == NULL) return NULL;
  s->owned = owned;
  s->limit = kind == CC_BOUNDED_SEMAPHORE ? n : INT64_MAX;
  atomic_store(&s->value, n);
  return s;
}

/* Under the guard. Somebody with a descriptor waits all the time. */
static void nobody_waits(cc_semaphore *s) { atomic_store(&s->waiting, atomic_load(&s->object.described)); }

/* Under the guard, as part of a section: a unit for the thread of that slot, in its hands. */
static bool give(cc_self *me, cc_semaphore *s, cc_slot *to) {
  uint32_t begin = cc_begin(me);
  cc_note(me, s->value);
  if (!cc_semaphore_try(s)) { /* in a family of one process others need no guard */
    cc_commit(me, begin);
    return false;
  }
  if (to->hold_room > atomic_load(&to->nholds) || cc_hold_counter_of(to, &s->object) != NULL)
    cc_hold_count_up(me, to, &s->object);
  return true;
}

/* Under the guard: gives units to those who wait, first come first served, and news of a unit
** to those who watch. */
static void serve(cc_self *me, cc_semaphore *s) {
  cc_waitlist *l = &s->object.waiters;
  while (l->first != NULL && atomic_load(&s->value) > 0) {
    if (!l->first->watches && !give(me, s, l->first->slot)) break;
    cc_wake(cc_grant_first(me, l, 1));
  }
  if (l->first == NULL) nobody_waits(s);
}

cc_outcome cc_semaphore_acquire_slow(cc_self *me, cc_semaphore *s, int64_t deadline) {
  bool got = false;
  if (cc_resumes(me, &deadline)) goto waits;
  (void)cc_hold_reserve(me);
  cc_guard_lock(&s->object.guard, me->word);
  atomic_store(&s->waiting, 1); /* before the last look at the value */
  serve(me, s);
  if (s->object.waiters.first == NULL) {
    got = atomic_load(&s->value) > 0 && give(me, s, me->slot);
    cc_commit(me, 0);
    nobody_waits(s);
  }
  if (!got && deadline != CC_NOW) {
    atomic_store(&s->waiting, 1);
    cc_stand(me, &s->object);
    serve(me, s);
  }
  cc_guard_unlock(&s->object.guard);
  cc_descriptor_update(&s->object); /* a unit has gone, to the caller or to others */
  if (got) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
waits:;
  cc_outcome outcome = cc_wait(me, &s->object, &s->object.guard, &s->object.waiters,
                               &me->slot->waiter, deadline);
  if (outcome != CC_OK || !cc_deadlock_told(me)) return outcome;
  cc_semaphore_release(me, s, 1); /* from another who was told: this one raises, too */
  return CC_DEADLOCK;
}

static bool release_alone(cc_self *me, cc_semaphore *s, int64_t n) {
  int64_t now = atomic_load_explicit(&s->value, memory_order_relaxed);
  do {
    if (now > s->limit - n) return false;
  } while (!atomic_compare_exchange_weak(&s->value, &now, now + n));
  cc_hold_count_down(NULL, me->slot, &s->object, (uint64_t)n);
  return true;
}

/* Under the guard. */
static bool release_shared(cc_self *me, cc_semaphore *s, int64_t n) {
  int64_t now = atomic_load_explicit(&s->value, memory_order_relaxed);
  if (now > s->limit - n) return false;
  cc_note(me, s->value);
  atomic_store(&s->value, now + n);
  cc_hold_count_down(me, me->slot, &s->object, (uint64_t)n);
  cc_commit(me, 0);
  return true;
}

bool cc_semaphore_release(cc_self *me, cc_semaphore *s, int64_t n) {
  bool alone = cc_family_alone(), ok = true;
  if (cc_likely(alone) && !release_alone(me, s, n)) return false;
  /* sequentially consistent, as the waiter's flag and look are: one sees the other */
  if (cc_likely(alone && !atomic_load(&s->waiting))) return true;
  cc_guard_lock(&s->object.guard, me->word);
  if (!alone) ok = release_shared(me, s, n);
  serve(me, s);
  cc_guard_unlock(&s->object.guard);
  cc_descriptor_update(&s->object);
  return ok;
}

void cc_semaphore_give_back(cc_self *me, cc_semaphore *s) {
  const cc_hold *h = cc_hold_counter_of(me->slot, &s->object);
  if (h != NULL && h->count > 0) cc_semaphore_release(me, s, 1);
}

/* {== what others leave behind */

static void abandon(cc_self *me, cc_object *o, uint32_t mode, uint32_t count, bool killed) {
  cc_semaphore *s = (cc_semaphore *)o;
  (void)mode;
  if (!killed || !s->owned) return;
  cc_guard_lock(&o->guard, me->word);
  int64_t now = atomic_load(&s->value), more = count;
  if (more > s->limit - now) more = s->limit - now;
  cc_note(me, s->value);
  atomic_store(&s->value, now + more);
  cc_commit(me, 0);
  serve(me, s);
  cc_guard_unlock(&o->guard);
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_guard_inherit(me, &o->guard, process);
  serve(me, (cc_semaphore *)o);
  cc_guard_unlock(&o->guard);
  cc_descriptor_update(o);
}

const cc_ops cc_semaphore_ops = {.ready = ready, .notice = notice, .abandon = abandon, .mend = mend};

/* ==} */
