/* Remote: calls over a link, and what comes back. */
#ifndef BIND_REMOTE_H
#define BIND_REMOTE_H

#include "bind/bind.h"
#include "core/link.h"

/* Raises when another process made the link. */
void bind_link_check(lua_State *L, const cc_link *k);

/* Calls the method of the object with that id, with the values from stack index `first` on, and
** pushes its results: how many. On a lost connection nil and "connection lost"; raises what the
** method raised. timeout: stack index of the timeout among the arguments, which was checked, or 0. */
int bind_remote_call(lua_State *L, cc_link *k, uint64_t remote, const char *name, int first,
                     int timeout);

#endif
