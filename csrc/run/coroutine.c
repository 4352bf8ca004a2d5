/* coroutine.resume and coroutine.wrap, after lcorolib.c of Lua 5.4 (MIT licence, Lua.org, PUC-Rio). */
#include "run/coroutine.h"

#include <lauxlib.h>
#include <lualib.h>

#include "run/context.h"
#include "run/thread.h"

static lua_State *get_coroutine(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  return co;
}

/* lua_resume, during which co is the thread's running coroutine. */
static int resume_noted(lua_State *L, lua_State *co, int nargs, int *nresults) {
  run_thread *t = run_thread_current();
  if (t == NULL) return lua_resume(co, L, nargs, nresults);
  void *before = atomic_load_explicit(&t->running, memory_order_relaxed);
  if (before == NULL) return lua_resume(co, L, nargs, nresults);
  atomic_store(&t->running, co);
  run_rearm(co); /* whoever asked before that reached L, whoever asks after that reaches co */
  int status = lua_resume(co, L, nargs, nresults);
  atomic_store(&t->running, before);
  run_rearm(L);
  return status;
}

/* The number of results, now on L; -1 and an error value instead. */
static int resume_and_move(lua_State *L, lua_State *co, int nargs) {
  int nresults;
  if (!lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, nargs);
  int status = resume_noted(L, co, nargs, &nresults);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, nresults + 1)) {
    lua_pop(co, nresults);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, nresults);
  return nresults;
}

static int resume(lua_State *L) {
  lua_State *co = get_coroutine(L);
  int n = resume_and_move(L, co, lua_gettop(L) - 1);
  if (n < 0) {
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushboolean(L, 1);
  lua_insert(L, -(n + 1));
  return n + 1;
}

static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int n = resume_and_move(L, co, lua_gettop(L));
  if (n >= 0) return n;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = lua_resetthread(co); /* closes what is to be closed */
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

void run_coroutine_open(lua_State *L) {
  if (lua_getglobal(L, LUA_COLIBNAME) == LUA_TTABLE) {
    lua_pushcfunction(L, resume);
    lua_setfield(L, -2, "resume");
    lua_pushcfunction(L, wrap);
    lua_setfield(L, -2, "wrap");
  }
  lua_pop(L, 1);
}
