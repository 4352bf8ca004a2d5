/* Once. */
#include "core/once.h"

#include "core/deadlock.h"

enum { NEXT = 1, DONE };

static void destroy(cc_object *o) { cc_parcel_release(((cc_once *)o)->result); }

static void abandon(cc_self *me, cc_object *o, uint32_t mode) {
  (void)mode;
  cc_once_end(me, (cc_once *)o, NULL);
}

cc_once *cc_once_new(void) {
  cc_object_set_destructor(CC_ONCE, destroy);
  cc_set_abandon(CC_ONCE, abandon);
  return (cc_once *)cc_object_new(CC_ONCE, sizeof(cc_once));
}

/* Whoever is granted the next try has it noted as its hold, so that its end
** would pass it on. */
static cc_outcome begin(cc_self *me, cc_once *o) {
  if (cc_hold_add(me, &o->object, 0)) return CC_OK;
  cc_once_end(me, o, NULL);
  return CC_NO_MEMORY;
}

/* Under the guard. */
static void run_by(cc_once *o, const cc_slot *slot) {
  o->runner = slot->ident;
  atomic_store(&o->word, cc_slot_word(slot));
}

cc_outcome cc_once_begin(cc_self *me, cc_once *o) {
  cc_waiter *w = &me->slot->waiter;
  if (atomic_load_explicit(&o->done, memory_order_acquire)) return CC_CLOSED;
  cc_outcome outcome = CC_TIMEOUT;
  cc_guard_lock(&o->object.guard, me->word);
  if (atomic_load_explicit(&o->done, memory_order_relaxed)) {
    outcome = CC_CLOSED;
  } else if (o->runner == 0) {
    run_by(o, me->slot);
    outcome = CC_OK;
  } else if (o->runner == me->slot->ident) {
    outcome = CC_MISUSE;
  } else {
    cc_waitlist_append(&o->object.waiters, w, me->slot);
  }
  cc_guard_unlock(&o->object.guard);
  if (outcome == CC_OK) return begin(me, o);
  if (outcome != CC_TIMEOUT) return outcome;
  outcome = cc_wait(me, &o->object, &o->object.guard, &o->object.waiters, w, CC_FOREVER);
  if (outcome != CC_OK) return outcome;
  if (cc_deadlock_told(me) && atomic_load_explicit(&w->granted, memory_order_relaxed) == NEXT) {
    cc_once_end(me, o, NULL); /* from another who was told: this one raises, too */
    return CC_DEADLOCK;
  }
  return atomic_load_explicit(&w->granted, memory_order_relaxed) == DONE ? CC_CLOSED : begin(me, o);
}

void cc_once_end(cc_self *me, cc_once *o, cc_parcel *result) {
  cc_slot *s;
  cc_hold_remove(me, &o->object, 0);
  cc_guard_lock(&o->object.guard, me->word);
  o->runner = 0;
  atomic_store(&o->word, 0);
  if (result != NULL) {
    o->result = result;
    atomic_store_explicit(&o->done, 1, memory_order_release);
    while ((s = cc_grant_first(&o->object.waiters, DONE)) != NULL) cc_wake(s);
  } else if (o->object.waiters.first != NULL) {
    run_by(o, o->object.waiters.first->slot);
    cc_wake(cc_grant_first(&o->object.waiters, NEXT));
  }
  cc_guard_unlock(&o->object.guard);
}
