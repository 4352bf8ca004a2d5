/*
** Turn: the right to change something for longer than a guard may be held, while Lua
** code works out the new content. Others who want to change it stand in line; who only
** reads is not held up. Whoever has the turn may take it again.
**
** Its words are under a guard of what it belongs to. Changes that need no turn look
** under that guard whether anybody else has it.
*/
#ifndef CC_TURN_H
#define CC_TURN_H

#include "core/kind.h"
#include "core/park.h"

typedef struct cc_turn {
  uint32_t holder; /* mark of a slot; 0: free */
  uint32_t depth;  /* how often it was taken */
  cc_waitlist waiters;
} cc_turn;

/* Under the guard: whether the caller may change something. */
static inline bool cc_turn_mine(const cc_self *me, const cc_turn *t) {
  return t->holder == 0 || t->holder == me->word;
}

/* Takes the turn, served in order of arrival. CC_OK, CC_CANCELLED, CC_INTERRUPTED or
** CC_DEADLOCK. o: what is told of the wait. */
cc_outcome cc_turn_take(cc_self *me, cc_object *o, cc_guard *guard, cc_turn *t);

void cc_turn_give(cc_self *me, cc_guard *guard, cc_turn *t);

/* Under the guard: takes it from a process that has ended; whether it had it. */
bool cc_turn_mend(cc_self *me, cc_turn *t, uint32_t process);

#endif
