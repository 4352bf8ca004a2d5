/* concur.latch */
#include "core/latch.h"

#include <stdio.h>

#include "bind/bind.h"

static cc_latch *self(lua_State *L) { return (cc_latch *)bind_object(L, 1, CC_LATCH); }

static int latch_count_down(lua_State *L) {
  cc_latch *l = self(L);
  lua_Integer k = luaL_optinteger(L, 2, 1);
  luaL_argcheck(L, k >= 0, 2, "the number must not be negative");
  cc_latch_count_down(cc_self_get(), l, k);
  return 0;
}

static int latch_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)atomic_load(&self(L)->count));
  return 1;
}

static int latch_wait(lua_State *L) {
  cc_latch *l = self(L);
  int64_t deadline = bind_deadline(L, 2);
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do outcome = cc_latch_wait(me, l, deadline);
  while (bind_again(L, &wait, outcome));
  lua_pushboolean(L, outcome == CC_OK);
  return 1;
}

static int latch_tostring(lua_State *L) {
  char text[40];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  snprintf(text, sizeof text, "%lld", (long long)atomic_load(&self(L)->count));
  return bind_tostring(L, text);
}

static int new_latch(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 0, 1, "the count must not be negative");
  codec_handle *h = handle_new(L, CC_LATCH, 0);
  return bind_made(L, h, (cc_object *)cc_latch_new(n));
}

void bind_open_latch(lua_State *L) {
  static const luaL_Reg methods[] = {{"count_down", latch_count_down},
                                     {"count", latch_count},
                                     {"wait", latch_wait},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", latch_tostring}, {NULL, NULL}};
  bind_type(L, CC_LATCH, methods, metamethods);
  lua_pushcfunction(L, new_latch);
  lua_setfield(L, -2, "latch");
}
