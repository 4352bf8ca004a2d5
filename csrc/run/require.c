/*
** The lock is held while Lua runs here, against the law of the house: an error
** cannot jump over its release, since the call is protected, and a module that
** requires another C module finds its own thread in possession.
*/
#include "run/require.h"

#include <lauxlib.h>

#include "core/lock.h"

static cc_lock loading = {.object = {.kind = CC_LOCK}};
static uint32_t depth; /* under the lock */

static void enter(cc_self *me) {
  if (cc_lock_holder(&loading) != me->slot->ident) {
    me->shield++; /* no other thread is long in there */
    me->interrupted = NULL;
    me->where = NULL;
    while (cc_lock_acquire(me, &loading, CC_FOREVER) != CC_OK) continue;
    me->shield--;
  }
  depth++;
}

static void leave(cc_self *me) {
  if (--depth == 0) cc_lock_release(me, &loading);
}

/* Calls upvalue 1 with all arguments. */
static int call_locked(lua_State *L) {
  cc_self *me = cc_self_get();
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  enter(me);
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  leave(me);
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* A searcher that found a module returns its opener and a file name: the opener
** is wrapped, too. */
static int search_locked(lua_State *L) {
  int n = call_locked(L);
  if (lua_iscfunction(L, 1)) {
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, call_locked, 1);
    lua_replace(L, 1);
  }
  return n;
}

/* The two searchers for C modules are the third and the fourth. */
void run_require_open(lua_State *L) {
  int top = lua_gettop(L);
  lua_getglobal(L, "package");
  if (lua_istable(L, -1) && lua_getfield(L, -1, "searchers") == LUA_TTABLE) {
    for (int i = 3; i <= 4; i++) {
      if (lua_rawgeti(L, top + 2, i) == LUA_TFUNCTION) {
        lua_pushcclosure(L, search_locked, 1);
        lua_rawseti(L, top + 2, i);
      }
    }
  }
  lua_settop(L, top);
}

void run_require_forget(void) {
  loading = (cc_lock){.object = {.kind = CC_LOCK}};
  depth = 0;
}
