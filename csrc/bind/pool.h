/* Pool: what the files about pools share. */
#ifndef BIND_POOL_H
#define BIND_POOL_H

#include "bind/callback.h"

/* The crew of the pool that is self. */
cc_crew *bind_crew(lua_State *L);

/* Raises that the crew takes no more work. */
int bind_crew_refuses(lua_State *L, const cc_crew *c);

/* Keeps the traceback (NULL: none) of an error that the pool at idx is about to raise. */
void bind_pool_keep(lua_State *L, int idx, const cc_parcel *traceback);

/* {== map.c */

int bind_pool_map(lua_State *L);
int bind_pool_starmap(lua_State *L);
int bind_pool_imap(lua_State *L);
int bind_pool_imap_unordered(lua_State *L);
int bind_pool_map_reduce(lua_State *L);

/* ==} */

#endif
