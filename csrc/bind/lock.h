/* What conditions share with locks. */
#ifndef BIND_LOCK_H
#define BIND_LOCK_H

#include <lua.h>

#include "core/lock.h"

/* Acquires a lock or an rlock; false at the deadline. */
bool bind_lock_acquire(lua_State *L, cc_lock *k, int64_t deadline);

/* Pushes what acquire returns: the value at index 1 (and "abandoned"), or false. */
int bind_lock_push(lua_State *L, cc_lock *k, bool got);

/* Pushes the name of the thread that holds it, or nothing. */
int bind_lock_owner(lua_State *L, const cc_lock *k);

#endif
