/* Once. */
#include "core/once.h"

#include "core/deadlock.h"

enum { NEXT = 1, DONE };

static void destroy(cc_object *o) { cc_parcel_drop(&((cc_once *)o)->result); }

static void abandon(cc_self *me, cc_object *o, uint32_t mode, uint32_t count, bool killed) {
  (void)mode, (void)count;
  if (!killed) cc_once_end(me, (cc_once *)o, NULL); /* else mend sees to it */
}

cc_once *cc_once_new(void) { return (cc_once *)cc_object_new(CC_ONCE, sizeof(cc_once)); }

/* Whoever is granted the next try has it noted as its hold, so that its end
** would pass it on. */
static cc_outcome begin(cc_self *me, cc_once *o) {
  if (cc_hold_add(me, &o->object, 0)) return CC_OK;
  cc_once_end(me, o, NULL);
  return CC_NO_MEMORY;
}

/* Under the guard, in a section. */
static void run_by(cc_self *me, cc_once *o, const cc_slot *slot) {
  cc_note(me, o->runner);
  cc_note(me, o->word);
  o->runner = slot != NULL ? slot->ident : 0;
  atomic_store(&o->word, slot != NULL ? cc_slot_word(slot) : 0);
}

/* Under the guard: nobody is at it. Whoever waits learns that it is done, or is the next. */
static void pass_on(cc_self *me, cc_once *o) {
  cc_slot *s;
  if (atomic_load(&o->done)) {
    while ((s = cc_grant_first(me, &o->object.waiters, DONE)) != NULL) cc_wake(s);
  } else if (o->object.waiters.first != NULL) {
    run_by(me, o, o->object.waiters.first->slot);
    cc_wake(cc_grant_first(me, &o->object.waiters, NEXT));
  }
}

cc_outcome cc_once_begin(cc_self *me, cc_once *o) {
  cc_waiter *w = &me->slot->waiter;
  int64_t deadline = CC_FOREVER;
  cc_outcome outcome = CC_TIMEOUT;
  if (cc_resumes(me, &deadline)) goto waits;
  if (atomic_load_explicit(&o->done, memory_order_acquire)) return CC_CLOSED;
  cc_guard_lock(&o->object.guard, me->word);
  if (atomic_load_explicit(&o->done, memory_order_relaxed)) {
    outcome = CC_CLOSED;
  } else if (o->runner == 0) {
    run_by(me, o, me->slot);
    cc_commit(me, 0);
    outcome = CC_OK;
  } else if (o->runner == me->slot->ident) {
    outcome = CC_MISUSE;
  } else {
    cc_stand(me, &o->object);
  }
  cc_guard_unlock(&o->object.guard);
  if (outcome == CC_OK) return begin(me, o);
  if (outcome != CC_TIMEOUT) return outcome;
waits:
  outcome = cc_wait(me, &o->object, &o->object.guard, &o->object.waiters, w, deadline);
  if (outcome != CC_OK) return outcome;
  if (cc_deadlock_told(me) && cc_granted(w) == NEXT) {
    cc_once_end(me, o, NULL); /* from another who was told: this one raises, too */
    return CC_DEADLOCK;
  }
  return cc_granted(w) == DONE ? CC_CLOSED : begin(me, o);
}

void cc_once_end(cc_self *me, cc_once *o, cc_parcel *result) {
  cc_guard_lock(&o->object.guard, me->word);
  cc_hold_remove(me, &o->object, 0);
  run_by(me, o, NULL);
  if (result != NULL) {
    cc_note(me, o->result);
    o->result = result;
    cc_hand_lay(me, me->slot, result);
    cc_note(me, o->done);
    atomic_store_explicit(&o->done, 1, memory_order_release);
  }
  cc_commit(me, 0);
  pass_on(me, o);
  cc_guard_unlock(&o->object.guard);
}

static void mend(cc_self *me, cc_object *object, uint32_t process) {
  cc_once *o = (cc_once *)object;
  cc_guard_inherit(me, &object->guard, process);
  if (cc_slot_of(atomic_load(&o->word), process)) {
    run_by(me, o, NULL);
    cc_commit(me, 0);
  }
  if (o->runner == 0) pass_on(me, o);
  cc_guard_unlock(&object->guard);
}

const cc_ops cc_once_ops = {.destroy = destroy, .abandon = abandon, .mend = mend};
