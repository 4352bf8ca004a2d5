/* Turns in Lua. */
#include "bind/turn.h"

#include "run/context.h"

void bind_take_turn(lua_State *L, const bind_turn *t) {
  bind_wait wait;
  cc_self *me = bind_enter(L, &wait);
  cc_outcome outcome;
  do outcome = cc_turn_take(me, t->object, t->guard, t->turn);
  while (bind_again(L, &wait, outcome));
}

int bind_in_turn(lua_State *L, const bind_turn *t, lua_CFunction f) {
  luaL_checkstack(L, 3, NULL);
  lua_pushcfunction(L, f);
  lua_insert(L, 1);
  bind_take_turn(L, t);
  int status = run_pcall(L, lua_gettop(L) - 1, LUA_MULTRET);
  cc_turn_give(cc_self_get(), t->guard, t->turn);
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}
