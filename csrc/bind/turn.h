/* Turn: Lua code that runs while the calling thread has the turn at something (core/turn.h). */
#ifndef BIND_TURN_H
#define BIND_TURN_H

#include "bind/bind.h"
#include "core/turn.h"

typedef struct bind_turn {
  cc_object *object; /* what it belongs to */
  cc_guard *guard;
  cc_turn *turn;
} bind_turn;

/* Takes the turn; raises for a cancellation and the like. */
void bind_take_turn(lua_State *L, const bind_turn *t);

/* Calls f with all that is on the stack from index `first` on, while the caller has the turn; its
** results are the caller's. An error is raised after the turn was given back; f cannot yield. */
int bind_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f);

/* The same for a change of ours that calls no function of others: its errors tell the position
** of the caller. */
int bind_change_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f);

#endif
