/* Item: Lua values to and from what queues and values hold. */
#ifndef BIND_ITEM_H
#define BIND_ITEM_H

#include <lua.h>

#include "core/slot.h"

/* Fills the item from the value at idx; a parcel in it is one reference. Raises for
** what cannot cross or lack of memory. */
void bind_item(lua_State *L, int idx, cc_item *item);

/* Pushes the value and uses up a parcel's reference, also when it raises. */
void bind_push_item(lua_State *L, cc_item *item);

/* Tells the collector, now and then, of the shared memory that L's handles keep and that it
** does not see. May run finalizers. The item has gone: only its size counts. */
void bind_owe_bytes(lua_State *L, size_t bytes);

#endif
