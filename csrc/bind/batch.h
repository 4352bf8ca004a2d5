/*
** Batch: records (core/records.h) that a function of ours holds while it may raise: they are
** dropped when it ends, however it ends. The state keeps the memory for the next call.
*/
#ifndef BIND_BATCH_H
#define BIND_BATCH_H

#include <lua.h>

#include "core/records.h"

/* Pushes an empty one, which is emptied when the calling C function ends. */
cc_records *bind_open_batch(lua_State *L);

/* Adds the item; drops it and raises for lack of memory. */
void bind_batch_add(lua_State *L, cc_records *r, const cc_item *item);

#endif
