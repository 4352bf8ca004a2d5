/* Start: thread objects from Lua arguments, and the message that starts them. */
#ifndef BIND_START_H
#define BIND_START_H

#include <lua.h>

#include "run/thread.h"

/* Replaces the arguments (a function and what follows, or a table of options) by
** the handle of an unstarted thread; of an unstarted process. */
void bind_new_thread(lua_State *L);
void bind_new_process(lua_State *L);

/* The same for a timer: seconds, a function and what follows, or a table of options. */
void bind_new_timer(lua_State *L);

/* Starts the thread, timer or process whose handle is at idx; raises when that cannot be. */
void bind_start(lua_State *L, int idx, run_thread *t);

/* Pushes a table of what a state that this one starts shall have besides the usual, or nil. */
void bind_push_surroundings(lua_State *L);

/* Notes what a new state has as package.path and package.cpath by itself. */
void bind_note_paths(lua_State *L);

#endif
