/* Barriers. */
#include "core/barrier.h"

#include "core/deadlock.h"

enum { GONE = 1, BROKEN, AGAIN }; /* reasons of a grant */

static void destroy(cc_object *o) { cc_parcel_drop(&((cc_barrier *)o)->action); }

cc_barrier *cc_barrier_new(uint32_t parties, cc_parcel *action, int64_t timeout) {
  cc_barrier *b = (cc_barrier *)cc_object_new(CC_BARRIER, sizeof *b);
  if (b == NULL) {
    cc_parcel_release(action);
    return NULL;
  }
  b->parties = parties;
  b->action = cc_parcel_lay(action);
  b->timeout = timeout;
  return b;
}

/* {== under the guard */

static void grant_all(cc_self *me, cc_waitlist *l, uint32_t reason) {
  cc_slot *s;
  while ((s = cc_grant_first(me, l, reason)) != NULL) cc_wake(s);
}

static void let_go(cc_self *me, cc_barrier *b) {
  grant_all(me, &b->object.waiters, b->letting);
  grant_all(me, &b->late, b->broken ? BROKEN : AGAIN);
  b->letting = 0;
}

/* Ends the round: those in it leave for that reason, late ones begin the next. */
static void end_round(cc_self *me, cc_barrier *b, uint32_t reason) {
  cc_note(me, b->round);
  cc_note(me, b->count);
  cc_note(me, b->acting);
  cc_note(me, b->letting);
  b->round++;
  b->count = 0;
  b->acting = 0;
  b->letting = reason;
  cc_commit(me, 0);
  let_go(me, b);
}

static void set_broken(cc_self *me, cc_barrier *b, uint32_t broken) {
  cc_note(me, b->broken);
  b->broken = broken;
}

static void break_it(cc_self *me, cc_barrier *b) {
  set_broken(me, b, 1);
  end_round(me, b, BROKEN);
}

/* ==} */

/* Stands in line of this round, or behind a round that is just going. */
static cc_outcome stand(cc_self *me, cc_barrier *b, cc_waitlist *l, int64_t deadline,
                        uint64_t round) {
  cc_waiter *w = &me->slot->waiter;
  cc_outcome outcome = cc_wait(me, &b->object, &b->object.guard, l, w, deadline);
  if (outcome == CC_OK) {
    switch (cc_granted(w)) {
      case GONE: return CC_OK;
      case AGAIN: return CC_MISUSE; /* try again */
      default: return cc_deadlock_told(me) ? CC_DEADLOCK : CC_CLOSED;
    }
  }
  if (outcome == CC_SUSPENDED) {
    me->stage = l == &b->late;
    me->kept = round;
    return outcome;
  }
  cc_guard_lock(&b->object.guard, me->word);
  /* a late one was not part of the round that is complete */
  if (l == &b->object.waiters && b->round == round && !b->broken) break_it(me, b);
  cc_guard_unlock(&b->object.guard);
  return outcome;
}

cc_outcome cc_barrier_arrive(cc_self *me, cc_barrier *b, int64_t deadline, uint32_t *index,
                             bool *act, uint64_t *round) {
  for (;;) {
    cc_waitlist *line = NULL;
    cc_outcome outcome = CC_OK;
    *act = false;
    if (cc_resumes(me, &deadline)) {
      line = me->stage ? &b->late : &b->object.waiters;
      *round = me->kept;
      *index = me->place;
      goto waits;
    }
    cc_guard_lock(&b->object.guard, me->word);
    *round = b->round;
    if (b->broken) {
      outcome = CC_CLOSED;
    } else if (b->acting) {
      line = &b->late;
    } else {
      cc_note(me, b->count);
      *index = ++b->count;
      if (b->count < b->parties) {
        line = &b->object.waiters;
      } else if (b->action != NULL) {
        cc_note(me, b->acting);
        b->acting = me->word;
        *act = true;
      } else {
        end_round(me, b, GONE);
      }
    }
    if (line != NULL && deadline == CC_NOW) { /* it cannot wait, so it cannot come */
      if (line != &b->late) break_it(me, b);
      line = NULL;
      outcome = CC_TIMEOUT;
    }
    if (line != NULL) cc_stand_in(me, &b->object, &b->object.guard, line);
    cc_section_end(me, &b->object.guard);
    if (line == NULL) return outcome;
  waits:
    me->place = *index;
    outcome = stand(me, b, line, deadline, *round);
    if (outcome != CC_MISUSE) return outcome;
  }
}

cc_outcome cc_barrier_acted(cc_self *me, cc_barrier *b, uint64_t round, bool ok) {
  cc_outcome outcome = CC_CLOSED;
  cc_guard_lock(&b->object.guard, me->word);
  if (b->round == round && !b->broken) {
    if (ok) {
      outcome = CC_OK;
      end_round(me, b, GONE);
    } else {
      break_it(me, b);
    }
  }
  cc_guard_unlock(&b->object.guard);
  return outcome;
}

void cc_barrier_abort(cc_self *me, cc_barrier *b) {
  cc_guard_lock(&b->object.guard, me->word);
  break_it(me, b);
  cc_guard_unlock(&b->object.guard);
}

void cc_barrier_reset(cc_self *me, cc_barrier *b) {
  cc_guard_lock(&b->object.guard, me->word);
  set_broken(me, b, 0);
  end_round(me, b, BROKEN);
  cc_guard_unlock(&b->object.guard);
}

uint32_t cc_barrier_waiting(cc_self *me, cc_barrier *b) {
  cc_guard_lock(&b->object.guard, me->word);
  uint32_t n = b->count;
  cc_guard_unlock(&b->object.guard);
  return n;
}

bool cc_barrier_broken(cc_self *me, cc_barrier *b) {
  cc_guard_lock(&b->object.guard, me->word);
  bool broken = b->broken != 0;
  cc_guard_unlock(&b->object.guard);
  return broken;
}

/* {== what others leave behind */

/* One that waited in this round will not go on with it. */
static void withdrawn(cc_self *me, cc_object *o, cc_waitlist *line) {
  cc_barrier *b = (cc_barrier *)o;
  if (line != &o->waiters) return;
  cc_guard_lock(&o->guard, me->word);
  if (!b->broken && b->letting == 0) break_it(me, b);
  cc_guard_unlock(&o->guard);
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_barrier *b = (cc_barrier *)o;
  cc_guard_inherit(me, &o->guard, process);
  if (b->letting != 0) let_go(me, b);
  if (cc_slot_of(b->acting, process)) break_it(me, b);
  cc_guard_unlock(&o->guard);
}

const cc_ops cc_barrier_ops = {.destroy = destroy, .withdrawn = withdrawn, .mend = mend};

/* ==} */
