/* Pack: the transfer format as strings. */
#ifndef BIND_PACK_H
#define BIND_PACK_H

#include "bind/bind.h"
#include "codec/codec.h"

/* Pushes the message of the values from stack index `first` to `last`. Raises for what cannot be in it. */
void bind_push_packed(lua_State *L, int first, int last, codec_mode mode);

#endif
