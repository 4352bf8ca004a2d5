/*
** Callback: functions to be called when futures have ended, in the thread that asked for it, while
** it waits for a pool or a future, or polls. A queue of the state, its mail, is told of each end.
*/
#ifndef BIND_CALLBACK_H
#define BIND_CALLBACK_H

#include <lua.h>

#include "bind/bind.h"
#include "core/crew.h"

/* Has the function at idx called when the future whose handle is at `future` has ended: with
** the future, with its results if it has succeeded, with its error if it has not. */
typedef enum bind_call { BIND_CALL_ALWAYS, BIND_CALL_RESULTS, BIND_CALL_ERROR } bind_call;
void bind_call_back(lua_State *L, int future, int idx, bind_call when);

/* Calls those that are due; returns how many. */
int bind_call_due(lua_State *L);

/* A wait of one thread for o: as cc_future_wait. */
typedef cc_outcome bind_waiter(cc_self *me, cc_object *o, uint64_t what, int64_t deadline);

/* Waits with f(o, what), or for o as those who watch it, and calls what is due meanwhile. c: the crew of
** which o is work, or NULL. CC_OK, CC_TIMEOUT or CC_CLOSED and the like; raises as bind_again. */
cc_outcome bind_await(lua_State *L, cc_object *o, uint64_t what, bind_waiter *f, cc_crew *c, int64_t deadline);

/* The same, but a task goes on with `again`: see bind_enter_task_then. */
cc_outcome bind_await_then(lua_State *L, cc_object *o, uint64_t what, bind_waiter *f, cc_crew *c, int64_t deadline,
                           lua_KFunction again);

/* o has ended, a future or a crew all of whose futures have: waits until this state has been told of all
** ends and has called what was due. */
void bind_call_rest(lua_State *L, const cc_object *o);

/* Pushes what has come of a future that has ended: results, or the error. Returns how many. */
int bind_push_result(lua_State *L, cc_future *f);

/* Pushes why work failed that has no error value of its own. */
void bind_push_failure(lua_State *L, const cc_crew *c, uint32_t failure, int code);

#endif
