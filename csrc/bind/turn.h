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

/* Does something with what is on the stack from index `first` on, while the caller has the turn. Its results are the
** caller's, or it leaves an error on top: whether there is none. Nothing yields in it. */
typedef bool bind_turn_work(lua_State *L, int first, const bind_turn *t);

/* Takes the turn, does that, and gives it back. To be returned by a C function: a task is suspended meanwhile.
** Raises what `work` left, and for a cancellation and the like. */
int bind_with_turn(lua_State *L, int first, const bind_turn *t, bind_turn_work *work);

/* Calls f in this way with all that is on the stack from index `first` on. */
int bind_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f);

/* The same for a change of ours that calls no function of others: its errors tell the position
** of the caller. */
int bind_change_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f);

#endif
