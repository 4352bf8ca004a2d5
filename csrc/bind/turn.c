/* Turns in Lua. */
#include "bind/turn.h"

#include <string.h>

#include "run/context.h"
#include "run/task.h"

/* What a task has on top of its stack while it waits for a turn. */
typedef struct waiting {
  bind_turn turn;
  bind_turn_work *work;
  int first;
} waiting;

static int work_in_turn(lua_State *L, const waiting *w) {
  bool ok = w->work(L, w->first, &w->turn);
  cc_turn_give(cc_self_get(), w->turn.guard, w->turn.turn);
  return ok ? lua_gettop(L) - w->first + 1 : lua_error(L);
}

static int go_on(lua_State *L, int status, lua_KContext unused);

static void take(lua_State *L, const waiting *w) {
  bind_wait wait;
  cc_self *me = bind_enter_task_then(L, &wait, go_on, 0);
  cc_outcome outcome;
  do outcome = cc_turn_take(me, w->turn.object, w->turn.guard, w->turn.turn);
  while (bind_again(L, &wait, outcome));
}

static int go_on(lua_State *L, int status, lua_KContext unused) {
  (void)status, (void)unused;
  take(L, lua_touserdata(L, -1));
  waiting w = *(const waiting *)lua_touserdata(L, -1);
  lua_pop(L, 1);
  return work_in_turn(L, &w);
}

int bind_with_turn(lua_State *L, int first, const bind_turn *t, bind_turn_work *work) {
  waiting w = {*t, work, first};
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (run_task_runs(L)) {
    *(waiting *)lua_newuserdatauv(L, sizeof w, 0) = w;
    return go_on(L, LUA_OK, 0);
  }
  take(L, &w);
  return work_in_turn(L, &w);
}

static bool call(lua_State *L, int first, const bind_turn *t) {
  (void)t;
  return run_pcall(L, lua_gettop(L) - first, LUA_MULTRET) == LUA_OK;
}

int bind_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushcfunction(L, f);
  lua_insert(L, first);
  return bind_with_turn(L, first, t, call);
}

/* Whether a message begins with a position, "file:line:". */
static bool has_position(const char *s) {
  for (s = strchr(s, ':'); s != NULL; s = strchr(s + 1, ':')) {
    size_t digits = strspn(s + 1, "0123456789");
    if (digits > 0 && s[1 + digits] == ':') return true;
  }
  return false;
}

static bool call_with_position(lua_State *L, int first, const bind_turn *t) {
  if (call(L, first, t)) return true;
  if (lua_type(L, -1) == LUA_TSTRING && !has_position(lua_tostring(L, -1))) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return false;
}

int bind_change_in_turn(lua_State *L, int first, const bind_turn *t, lua_CFunction f) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushcfunction(L, f);
  lua_insert(L, first);
  return bind_with_turn(L, first, t, call_with_position);
}
