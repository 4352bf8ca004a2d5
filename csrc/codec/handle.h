/*
** Handle: the full userdata by which a Lua state refers to an object. It is
** born dead (object NULL), so that it can be collected before the object
** exists, and dies once: __gc, __close and close lead to handle_drop.
*/
#ifndef CODEC_HANDLE_H
#define CODEC_HANDLE_H

#include <lua.h>

#include "core/object.h"

typedef struct codec_handle {
  const void *magic;  /* &handle_magic: tells handles from other userdata */
  cc_object *object;  /* one reference; NULL before it is made and after close */
  uint32_t kind;      /* the object's, here so that checking it touches no shared memory */
} codec_handle;

extern const char handle_magic;

/* The handle at idx, or NULL when the value is none. Never raises. */
static inline codec_handle *handle_test(lua_State *L, int idx) {
  codec_handle *h;
  if (lua_rawlen(L, idx) != sizeof(codec_handle)) return NULL;
  h = lua_touserdata(L, idx); /* a string or table of that length gives NULL */
  return h != NULL && h->magic == &handle_magic ? h : NULL;
}

/* Pushes a dead handle with the metatable of a kind (and `nuvalue` user
** values); the caller sets ->object. Raises only for lack of memory. */
codec_handle *handle_new(lua_State *L, cc_kind kind, int nuvalue);

/* Pushes a handle to o, taking one more reference. */
void handle_push(lua_State *L, cc_object *o);

/* Releases the handle's reference, if it has one. */
void handle_drop(codec_handle *h);

/* Makes the value on top the metatable for handles of that kind in this
** state; pops it. */
void handle_set_metatable(lua_State *L, cc_kind kind);

#endif
