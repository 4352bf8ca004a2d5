/* Barriers. */
#include "core/barrier.h"

#include "core/deadlock.h"

enum { GONE = 1, BROKEN, AGAIN }; /* reasons of a grant */

static void destroy(cc_object *o) { cc_parcel_release(((cc_barrier *)o)->action); }

cc_barrier *cc_barrier_new(uint32_t parties, cc_parcel *action, int64_t timeout) {
  cc_barrier *b = (cc_barrier *)cc_object_new(CC_BARRIER, sizeof *b);
  if (b == NULL) {
    cc_parcel_release(action);
    return NULL;
  }
  cc_object_set_destructor(CC_BARRIER, destroy);
  b->parties = parties;
  b->action = action;
  b->timeout = timeout;
  return b;
}

/* {== under the guard */

static void grant_all(cc_waitlist *l, uint32_t reason) {
  cc_slot *s;
  while ((s = cc_grant_first(l, reason)) != NULL) cc_wake(s);
}

/* Ends the round: those in it leave for that reason, late ones begin the next. */
static void end_round(cc_barrier *b, uint32_t reason) {
  b->round++;
  b->count = 0;
  b->acting = 0;
  grant_all(&b->object.waiters, reason);
  grant_all(&b->late, b->broken ? BROKEN : AGAIN);
}

static void break_it(cc_barrier *b) {
  b->broken = 1;
  end_round(b, BROKEN);
}

/* ==} */

/* Stands in line of this round, or behind a round that is just going. */
static cc_outcome stand(cc_self *me, cc_barrier *b, cc_waitlist *l, int64_t deadline,
                        uint64_t round) {
  cc_waiter *w = &me->slot->waiter;
  cc_outcome outcome = cc_wait(me, &b->object, &b->object.guard, l, w, deadline);
  if (outcome == CC_OK) {
    switch (atomic_load_explicit(&w->granted, memory_order_relaxed)) {
      case GONE: return CC_OK;
      case AGAIN: return CC_MISUSE; /* try again */
      default: return cc_deadlock_told(me) ? CC_DEADLOCK : CC_CLOSED;
    }
  }
  cc_guard_lock(&b->object.guard, me->word);
  /* a late one was not part of the round that is complete */
  if (l == &b->object.waiters && b->round == round && !b->broken) break_it(b);
  cc_guard_unlock(&b->object.guard);
  return outcome;
}

cc_outcome cc_barrier_arrive(cc_self *me, cc_barrier *b, int64_t deadline, uint32_t *index,
                             bool *act, uint64_t *round) {
  for (;;) {
    cc_waitlist *line = NULL;
    cc_outcome outcome = CC_OK;
    *act = false;
    cc_guard_lock(&b->object.guard, me->word);
    *round = b->round;
    if (b->broken) {
      outcome = CC_CLOSED;
    } else if (b->acting) {
      line = &b->late;
    } else {
      *index = ++b->count;
      if (b->count < b->parties)
        line = &b->object.waiters;
      else if (b->action != NULL)
        *act = (b->acting = 1) != 0;
      else
        end_round(b, GONE);
    }
    if (line != NULL && deadline == CC_NOW) { /* it cannot wait, so it cannot come */
      if (line != &b->late) break_it(b);
      line = NULL;
      outcome = CC_TIMEOUT;
    }
    if (line != NULL) cc_waitlist_append(line, &me->slot->waiter, me->slot);
    cc_guard_unlock(&b->object.guard);
    if (line == NULL) return outcome;
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
      end_round(b, GONE);
    } else {
      break_it(b);
    }
  }
  cc_guard_unlock(&b->object.guard);
  return outcome;
}

void cc_barrier_abort(cc_self *me, cc_barrier *b) {
  cc_guard_lock(&b->object.guard, me->word);
  break_it(b);
  cc_guard_unlock(&b->object.guard);
}

void cc_barrier_reset(cc_self *me, cc_barrier *b) {
  cc_guard_lock(&b->object.guard, me->word);
  b->broken = 0;
  end_round(b, BROKEN);
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
