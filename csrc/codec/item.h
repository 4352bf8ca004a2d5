/* Item: Lua values to and from what queues, values and futures hold. */
#ifndef CODEC_ITEM_H
#define CODEC_ITEM_H

#include <lua.h>

#include "codec/codec.h"
#include "core/slot.h"

/* Fills the item from the value at idx; a parcel in it is one reference. Raises for
** what cannot cross or lack of memory. */
void codec_item(lua_State *L, int idx, cc_item *item);

/* The same for the n values from first on, as one message unless n is 1; always as one message. `nameless`
** as for codec_encode. */
void codec_items(lua_State *L, int first, int n, cc_item *item);
void codec_message(lua_State *L, int first, int n, int nameless, cc_item *item);

/* Ends a writer; its message becomes the item. False when shared memory is used up. */
bool codec_finish_item(codec_writer *w, cc_item *item);

/* Pushes the value and uses up a parcel's reference, also when it raises. Returns how many
** values that were. */
int codec_push_item(lua_State *L, cc_item *item);

/* The same for an item that the caller keeps, which does not change meanwhile. */
int codec_read_item(lua_State *L, const cc_item *item);

/* Pushes a parcel's payload as a string and releases the reference. */
void codec_push_text(lua_State *L, cc_parcel *p);

#endif
