/*
** Coroutine: resume and wrap that note which coroutine a thread is running, so that
** a cancellation can reach a busy loop in it.
*/
#ifndef RUN_COROUTINE_H
#define RUN_COROUTINE_H

#include <lua.h>

/* Replaces coroutine.resume and coroutine.wrap in a thread's state. */
void run_coroutine_open(lua_State *L);

#endif
