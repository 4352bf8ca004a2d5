/*
** Work: what a worker of a pool does in its Lua state: it takes futures and jobs from its crew and
** calls their functions, until the crew has no more for it.
*/
#ifndef RUN_WORK_H
#define RUN_WORK_H

#include <lua.h>

/* The function of a worker's thread or process: its argument is the crew's handle. */
int run_work(lua_State *L);

#endif
