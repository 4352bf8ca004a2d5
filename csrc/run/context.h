/*
** Context: what concur keeps in a Lua state's registry: the values that
** mark a cancelled thread and an exit, the root that the state belongs to, the
** excepthook.
*/
#ifndef RUN_CONTEXT_H
#define RUN_CONTEXT_H

#include <lua.h>

#include <stdbool.h>
#include <stdint.h>

/* Prepares the state once. Leaves nothing. A state that no worker made becomes
** a root: closing it waits for the threads that come from it. So does closing a
** thread's state from within, which only os.exit does. */
void run_context_open(lua_State *L, bool root);

uint64_t run_context_root(lua_State *L);
void run_context_set_root(lua_State *L, uint64_t root);

void run_push_cancelled(lua_State *L);
bool run_is_cancelled(lua_State *L, int idx);

/* concur.exit: keeps the n values on top and raises. Does not return. A pcall
** that catches it only delays it. */
int run_exit(lua_State *L, int n);

/* Whether a __close handler or a finalizer is being run in this coroutine. */
bool run_in_cleanup(lua_State *L);

/* When the value on top is the mark of an exit, replaces it by the kept values and returns how
** many; else -1. */
int run_take_exit(lua_State *L);

/* Pushes the module table, which run_context_set_module stored. */
void run_push_module(lua_State *L);
void run_context_set_module(lua_State *L, int idx);

#endif
