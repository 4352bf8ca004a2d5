/* Turns. */
#include "core/turn.h"

cc_outcome cc_turn_take(cc_self *me, cc_object *o, cc_guard *guard, cc_turn *t) {
  int64_t deadline = CC_FOREVER;
  if (cc_resumes(me, &deadline)) goto waits;
  cc_guard_lock(guard, me->word);
  bool mine = cc_turn_mine(me, t);
  if (mine) {
    cc_note(me, t->holder);
    cc_note(me, t->depth);
    t->holder = me->word;
    t->depth++;
    cc_commit(me, 0);
  } else {
    cc_stand_in(me, o, guard, &t->waiters);
  }
  cc_guard_unlock(guard);
  if (mine) return CC_OK;
waits:
  return cc_wait(me, o, guard, &t->waiters, &me->slot->waiter, CC_FOREVER);
}

/* Under the guard: free, or handed over to the next in line. */
static cc_slot *pass_on(cc_self *me, cc_turn *t) {
  cc_note(me, t->holder);
  cc_note(me, t->depth);
  if (t->waiters.first == NULL) {
    t->holder = t->depth = 0;
    cc_commit(me, 0);
    return NULL;
  }
  t->holder = cc_slot_word(t->waiters.first->slot);
  t->depth = 1;
  return cc_grant_first(me, &t->waiters, 1);
}

void cc_turn_give(cc_self *me, cc_guard *guard, cc_turn *t) {
  cc_slot *next = NULL;
  cc_guard_lock(guard, me->word);
  cc_assert(t->holder == me->word);
  if (t->depth == 1) {
    next = pass_on(me, t);
  } else {
    cc_note(me, t->depth);
    t->depth--;
    cc_commit(me, 0);
  }
  cc_guard_unlock(guard);
  cc_wake(next);
}

bool cc_turn_mend(cc_self *me, cc_turn *t, uint32_t process) {
  if (!cc_slot_of(t->holder, process)) return false;
  cc_wake(pass_on(me, t));
  return true;
}
