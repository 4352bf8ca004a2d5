/* Turns. */
#include "core/turn.h"

cc_outcome cc_turn_take(cc_self *me, cc_object *o, cc_guard *guard, cc_turn *t) {
  cc_guard_lock(guard, me->word);
  bool mine = cc_turn_mine(me, t);
  if (mine) {
    t->holder = me->word;
    t->depth++;
  } else {
    cc_waitlist_append(&t->waiters, &me->slot->waiter, me->slot);
  }
  cc_guard_unlock(guard);
  if (mine) return CC_OK;
  return cc_wait(me, o, guard, &t->waiters, &me->slot->waiter, CC_FOREVER);
}

void cc_turn_give(cc_self *me, cc_guard *guard, cc_turn *t) {
  cc_slot *next = NULL;
  cc_guard_lock(guard, me->word);
  cc_assert(t->holder == me->word);
  if (--t->depth == 0) {
    if (t->waiters.first != NULL) {
      t->holder = cc_slot_word(t->waiters.first->slot); /* handed over */
      t->depth = 1;
      next = cc_grant_first(&t->waiters, 1);
    } else {
      t->holder = 0;
    }
  }
  cc_guard_unlock(guard);
  cc_wake(next);
}
