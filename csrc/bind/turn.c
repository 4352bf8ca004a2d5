/* Turns in Lua. */
#include "bind/turn.h"

#include <string.h>

#include "run/context.h"

void bind_take_turn(lua_State *L, const bind_turn *t) {
  bind_wait wait;
  cc_self *me = bind_enter(L, &wait);
  cc_outcome outcome;
  do outcome = cc_turn_take(me, t->object, t->guard, t->turn);
  while (bind_again(L, &wait, outcome));
}

static int call(lua_State *L, int first, const bind_turn *t, lua_CFunction f) {
  luaL_checkstack(L, 3, NULL);
  lua_pushcfunction(L, f);
  lua_insert(L, first);
  bind_take_turn(L, t);
  int status = run_pcall(L, lua_gettop(L) - first, LUA_MULTRET);
  cc_turn_give(cc_self_get(), t->guard, t->turn);
  return status;
}

int bind_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f) {
  return call(L, first, t, f) == LUA_OK ? lua_gettop(L) - first + 1 : lua_error(L);
}

/* Whether a message begins with a position, "file:line:". */
static bool has_position(const char *s) {
  for (s = strchr(s, ':'); s != NULL; s = strchr(s + 1, ':')) {
    size_t digits = strspn(s + 1, "0123456789");
    if (digits > 0 && s[1 + digits] == ':') return true;
  }
  return false;
}

int bind_change_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f) {
  if (call(L, first, t, f) == LUA_OK) return lua_gettop(L) - first + 1;
  if (lua_type(L, -1) == LUA_TSTRING && !has_position(lua_tostring(L, -1))) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}
