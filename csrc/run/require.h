/*
** Require: C modules are loaded and opened by one thread of a process at a time,
** since many of them set up static data on the way.
*/
#ifndef RUN_REQUIRE_H
#define RUN_REQUIRE_H

#include <lua.h>

/* Wraps the searchers for C modules in package.searchers. Once per state. */
void run_require_open(lua_State *L);

/* In a child: nothing is being loaded. */
void run_require_forget(void);

#endif
