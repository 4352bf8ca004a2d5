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

/* A number for a root that a state is to become. */
uint64_t run_context_new_root(void);

uint64_t run_context_root(lua_State *L);
void run_context_set_root(lua_State *L, uint64_t root);

void run_push_cancelled(lua_State *L);
bool run_is_cancelled(lua_State *L, int idx);
bool run_is_exit(lua_State *L, int idx);

/* Has a debug hook raise the cancellation once, at the next instruction at which nothing
** holds it back. From any thread, as from a signal handler: see interrupt in run/thread.c. */
void run_arm(lua_State *L);

/* Whether the state's hook is that one. */
bool run_is_armed(lua_State *L);

/* A coroutine has returned to L: what was to stop the thread there stops it here. */
void run_rearm(lua_State *L);

/* Raises the cancellation in the calling thread. */
int run_cancelled(lua_State *L);

/* concur.exit: keeps the n values on top and raises. Does not return. A pcall
** that catches it only delays it. */
int run_exit(lua_State *L, int n);

/* {== clean-up: where cancellation is held back */

/* How many errors are unwinding the calling thread's stack: raised, and not yet at
** the pcall that catches them. What runs meanwhile is clean-up. */
extern _Thread_local uint32_t run_unwinding;

/* A coroutine that has resumed another; on the C stack of resume. */
typedef struct run_resumer {
  lua_State *L;
  const struct run_resumer *previous;
} run_resumer;

extern _Thread_local const run_resumer *run_resumers;

/* The request of cancellation that was raised last in what runs, the thread or a task of it; 0: none. */
extern _Thread_local uint32_t run_raised;

/* Whether a __close handler or a finalizer is being run, here or by a resumer. */
bool run_in_cleanup(lua_State *L);

/* A message handler that counts; the caller of pcall restores run_unwinding. */
int run_count_unwinding(lua_State *L);

/* lua_pcall that does so. */
int run_pcall(lua_State *L, int nargs, int nresults);

/* A thread's function begins in L. */
void run_begin(lua_State *L);

/* ==} */

/* When the thread has called concur.exit, whatever came of that, sets the top to idx,
** pushes the kept values and returns how many; else -1. */
int run_take_exit(lua_State *L, int idx);

/* Pushes the module table, which run_context_set_module stored. */
void run_push_module(lua_State *L);
void run_context_set_module(lua_State *L, int idx);

#endif
