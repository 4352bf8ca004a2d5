/* Connections to managers' servers: concur.manager.connect, less what Lua does better. */
#include "core/link.h"

#include <errno.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/remote.h"

/* {== calling registered functions */

/* Upvalue: the function's name. */
static int call_registered(lua_State *L) {
  cc_link *k = (cc_link *)bind_object(L, 1, CC_LINK);
  return bind_remote_call(L, k, 0, lua_tostring(L, lua_upvalueindex(1)), 2, 0);
}

/* Methods, which are in the upvalue, come before functions of the server. */
static int link_index(lua_State *L) {
  size_t size;
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
  const char *name = lua_tolstring(L, 2, &size);
  luaL_argcheck(L, size <= CC_CALL_NAME && strlen(name) == size, 2, "no name of a function");
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, call_registered, 1);
  return 1;
}

/* ==} */

/* Also __close: the connection ends with its last handle and proxy. */
static int link_close(lua_State *L) {
  if (bind_dropped(L)) return 0;
  bind_object(L, 1, CC_LINK);
  handle_drop(handle_test(L, 1));
  return 0;
}

static int link_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  return bind_tostring(L, ((cc_link *)bind_object(L, 1, CC_LINK))->name);
}

static bool dial(lua_State *L, cc_link *k, int64_t deadline, const char **why) {
  bind_wait wait;
  cc_outcome outcome;
  bool again;
  cc_self *me = bind_enter(L, &wait);
  do {
    outcome = cc_link_dial(me, k, deadline, why);
    again = outcome != CC_CLOSED && bind_again(L, &wait, outcome);
  } while (again);
  bind_leave(me);
  if (outcome == CC_TIMEOUT) *why = "timeout";
  return outcome == CC_OK;
}

/* _connect(cipher, address, authkey, timeout, max_message, max_depth, heartbeat), which were all
** checked but the address: the handle; nil and why not; or false and what is wrong with the address. */
static int connect(lua_State *L) {
  cc_addresses addresses;
  const char *why = NULL;
  cc_link_options o;
  o.cipher = lua_touserdata(L, 1);
  o.address = luaL_checkstring(L, 2);
  o.key = luaL_checklstring(L, 3, &o.key_size);
  o.max_message = (size_t)luaL_checkinteger(L, 5);
  o.max_depth = luaL_checkinteger(L, 6);
  o.heartbeat = bind_seconds(L, 7);
  int64_t deadline = bind_deadline(L, 4);
  if (o.cipher == NULL || o.cipher->version != CC_CIPHER_VERSION)
    return luaL_error(L, "concur.sodium is of another version than concur");
  int error = cc_addresses_find(o.address, &addresses);
  if (error != 0) {
    if (error == EINVAL) lua_pushboolean(L, 0);
    else lua_pushnil(L);
    lua_pushstring(L, addresses.why);
    return 2;
  }
  codec_handle *h = handle_new(L, CC_LINK, 0);
  bind_made(L, h, (cc_object *)cc_link_new(&o, &addresses));
  if (dial(L, (cc_link *)h->object, deadline, &why)) return 1;
  handle_drop(h);
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

void bind_open_link(lua_State *L) {
  static const luaL_Reg methods[] = {{"close", link_close}, {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__close", link_close}, {"__tostring", link_tostring}, {NULL, NULL}};
  bind_type_indexed(L, CC_LINK, methods, metamethods, link_index);
  lua_pushcfunction(L, connect);
  lua_setfield(L, -2, "_connect");
  bind_lazy_module(L, "manager");
}
