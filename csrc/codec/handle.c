/*
** Handle: making, finding and dropping the userdata that stand for objects.
** The metatable of each kind is in the registry under the address of its place
** in a static array, so that making a handle hashes no name.
*/
#include "codec/handle.h"

#include "core/family.h"

const char handle_magic = 'h';

static const char metatable_keys[CC_KINDS];

codec_handle *handle_new(lua_State *L, cc_kind kind, int nuvalue) {
  codec_handle *h = lua_newuserdatauv(L, sizeof *h, nuvalue);
  h->magic = &handle_magic;
  h->object = NULL;
  h->kind = (uint32_t)kind;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]);
  lua_setmetatable(L, -2);
  return h;
}

void handle_push(lua_State *L, cc_object *o) {
  codec_handle *h = handle_new(L, (cc_kind)o->kind, o->kind == CC_PRIORITY_QUEUE);
  cc_object_retain(o);
  h->object = o;
}

void handle_drop(codec_handle *h) {
  cc_object *o = h->object;
  h->object = NULL;
  if (o != NULL && !cc_family_forked) cc_object_release(o);
}

void handle_set_metatable(lua_State *L, cc_kind kind) {
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]);
}
