/* concur.pcall, concur.shield and concur.checkpoint: what has to do with cancellation. */
#include "bind/bind.h"
#include "core/slot.h"
#include "run/context.h"

static const char mark_key;

/* {== pcall: as Lua's, but a cancellation or an exit goes through */

static int finish_pcall(lua_State *L, int status, lua_KContext unwinding) {
  run_unwinding = (uint32_t)unwinding;
  if (cc_likely(status == LUA_OK || status == LUA_YIELD)) return lua_gettop(L) - 1;
  if (run_is_cancelled(L, -1) || run_is_exit(L, -1)) return lua_error(L);
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int pcall(lua_State *L) {
  lua_KContext unwinding = (lua_KContext)run_unwinding;
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  lua_pushcfunction(L, run_count_unwinding);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, unwinding, finish_pcall);
  return finish_pcall(L, status, unwinding);
}

/* ==} {== shield */

static int unshield(lua_State *L) {
  bool *held = lua_touserdata(L, 1);
  if (*held) cc_self_get()->shield--;
  *held = false;
  return 0;
}

static int finish_shield(lua_State *L, int status, lua_KContext unused) {
  (void)status;
  (void)unused;
  return lua_gettop(L) - 1; /* returning closes the mark at index 1 */
}

/* concur.shield(fn, ...): fn's results; cancellation waits until it has returned. */
static int shield(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  bool *held = lua_newuserdatauv(L, sizeof *held, 0);
  *held = false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &mark_key);
  lua_setmetatable(L, -2);
  lua_insert(L, 1);
  lua_toclose(L, 1);
  cc_self_get()->shield++;
  *held = true;
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, finish_shield);
  return finish_shield(L, LUA_OK, 0);
}

/* ==} */

static int checkpoint(lua_State *L) {
  const cc_self *me = &cc_self_storage; /* a task needs no slot for this */
  bool asked = me->home != NULL ? me->cancelled && me->shield == 0 : cc_cancelled(cc_self_get());
  if (asked && !run_in_cleanup(L)) bind_raise(L, CC_CANCELLED);
  return 0;
}

void bind_open_control(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"pcall", pcall}, {"shield", shield}, {"checkpoint", checkpoint}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, unshield);
  lua_setfield(L, -2, "__close");
  lua_pushcfunction(L, unshield);
  lua_setfield(L, -2, "__gc");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &mark_key);
}
