/* concur.event */
#include "core/event.h"

#include "bind/bind.h"

static cc_event *self(lua_State *L) { return (cc_event *)bind_object(L, 1, CC_EVENT); }

static int event_set(lua_State *L) {
  cc_event_set(cc_self_get(), self(L));
  return 0;
}

static int event_clear(lua_State *L) {
  cc_event_clear(cc_self_get(), self(L));
  return 0;
}

static int event_is_set(lua_State *L) {
  lua_pushboolean(L, cc_event_is_set(self(L)));
  return 1;
}

static int event_wait(lua_State *L) {
  cc_event *e = self(L);
  int64_t deadline = bind_deadline(L, 2);
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do outcome = cc_event_wait(me, e, deadline);
  while (bind_again(L, &wait, outcome));
  lua_pushboolean(L, outcome == CC_OK);
  return 1;
}

static int event_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  return bind_tostring(L, cc_event_is_set(self(L)) ? "set" : "not set");
}

static int new_event(lua_State *L) {
  codec_handle *h = handle_new(L, CC_EVENT, 0);
  return bind_made(L, h, (cc_object *)cc_event_new());
}

void bind_open_event(lua_State *L) {
  static const luaL_Reg methods[] = {{"set", event_set},
                                     {"clear", event_clear},
                                     {"is_set", event_is_set},
                                     {"wait", event_wait},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", event_tostring}, {NULL, NULL}};
  bind_type(L, CC_EVENT, methods, metamethods);
  lua_pushcfunction(L, new_event);
  lua_setfield(L, -2, "event");
}
