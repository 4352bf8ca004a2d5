/*
** Coroutine: in a thread's state, coroutine.resume and wrap note which coroutine the
** thread is running, so that a cancellation can reach a busy loop in it; pcall
** and coroutine.close note that what runs meanwhile is clean-up.
*/
#ifndef RUN_COROUTINE_H
#define RUN_COROUTINE_H

#include <lua.h>

#include <stdbool.h>

/* lua_resume, during which co is the thread's running coroutine. apart: a clean-up in which L may be is
** none of co's; what unwinds co's stack (run_unwinding) is left to the caller. */
int run_resume(lua_State *L, lua_State *co, int nargs, int *nresults, bool apart);

/* lua_resetthread, which counts as clean-up. */
int run_reset(lua_State *co);

/* Replaces them in a thread's state. */
void run_coroutine_open(lua_State *L);

/* Gives them the names of what they replace; after codec_names_open. */
void run_coroutine_learn(lua_State *L);

#endif
