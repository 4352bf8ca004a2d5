/*
** Outcome: what came of a Lua function that was called for somebody in another state: results
** or an error value, packed, and the traceback.
*/
#ifndef RUN_OUTCOME_H
#define RUN_OUTCOME_H

#include <lua.h>

#include "core/parcel.h"

typedef struct run_outcome {
  cc_object *owner;     /* the object that the results will belong to; NULL: see cc_parcel_weaken */
  bool in_hand;         /* what is made stays in the thread's hands */
  cc_parcel *result;    /* values or the error; NULL: none yet, or no memory */
  cc_parcel *traceback; /* bytes; NULL: none */
} run_outcome;

/* Pushes a message handler that keeps the traceback of an error. */
void run_push_handler(lua_State *L, run_outcome *o);

void run_keep_traceback(run_outcome *o, const char *s, size_t n);

/* Packs n values on top, which it pops. False: they cannot cross; the error is on top, its
** message kept as traceback. */
bool run_keep_results(lua_State *L, run_outcome *o, int n);

/* Packs the error value on top, or its text if it cannot cross; it stays. */
void run_keep_error(lua_State *L, run_outcome *o);

/* Calls f(o, value at idx, what follows it); leaves its error, if any, on top. */
bool run_attend(lua_State *L, lua_CFunction f, void *o, int idx);

#endif
