/*
** coroutine.resume, wrap and close, and pcall, after lcorolib.c and lbaselib.c of Lua 5.4
** (MIT licence, Lua.org, PUC-Rio).
*/
#include "run/coroutine.h"

#include <lauxlib.h>
#include <lualib.h>

#include "codec/codec.h"
#include "run/context.h"
#include "run/task.h"
#include "run/thread.h"

static lua_State *get_coroutine(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  return co;
}

int run_resume(lua_State *L, lua_State *co, int nargs, int *nresults, bool apart) {
  run_thread *t = run_thread_current();
  if (t == NULL) return lua_resume(co, L, nargs, nresults);
  void *before = atomic_load_explicit(&t->running, memory_order_relaxed);
  if (before == NULL) return lua_resume(co, L, nargs, nresults);
  run_resumer r = {L, run_resumers};
  uint32_t unwinding = run_unwinding;
  run_resumers = apart ? NULL : &r;
  atomic_store(&t->running, co);
  run_rearm(co); /* whoever asked before that reached L, whoever asks after that reaches co */
  int status = lua_resume(co, L, nargs, nresults);
  atomic_store(&t->running, before);
  run_resumers = r.previous;
  if (!apart) run_unwinding = unwinding; /* else co goes on later where it is */
  run_rearm(L);
  return status;
}

/* {== coroutines that have yielded since their task waits: nobody else may resume or close them */

static const char waiting_key; /* in the registry: a set of them */
static _Thread_local uint32_t nwaiting; /* not 0 while there may be any */

static void push_waiting(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &waiting_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &waiting_key);
}

static void set_waiting(lua_State *L, lua_State *co, bool waits) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push_waiting(L);
  lua_pushthread(co);
  lua_xmove(co, L, 1);
  if (waits) lua_pushboolean(L, 1);
  else lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  nwaiting += waits ? 1 : -1u;
}

static bool is_waiting(lua_State *L, lua_State *co) {
  if (cc_likely(nwaiting == 0) || co == L) return false;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push_waiting(L);
  lua_pushthread(co);
  lua_xmove(co, L, 1);
  bool waits = lua_rawget(L, -2) == LUA_TBOOLEAN;
  lua_pop(L, 2);
  return waits;
}

/* ==} */

/* The number of results, now on L; -1 and an error value instead. A coroutine that has yielded since its task
** is suspended makes L yield, too, which goes on with `again`. */
static int resume_and_move(lua_State *L, lua_State *co, int nargs, lua_KFunction again) {
  int nresults;
  if (!lua_checkstack(co, nargs)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, nargs);
  lua_State *top = run_task_enter(L, co);
  int status = run_resume(L, co, nargs, &nresults, false);
  run_task_leave(top);
  if (status == LUA_YIELD && top == L && run_task_suspends()) {
    lua_pop(co, nresults);
    set_waiting(L, co, true);
    return lua_yieldk(L, 0, 0, again);
  }
  if (status != LUA_OK && status != LUA_YIELD) {
    run_task_forget(); /* somebody has closed it while it waited */
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

static int resumed(lua_State *L, int n) {
  lua_pushboolean(L, n >= 0);
  if (n < 0) n = 1;
  lua_insert(L, -(n + 1));
  return n + 1;
}

static int resume_again(lua_State *L, int status, lua_KContext unused) {
  (void)status, (void)unused;
  set_waiting(L, lua_tothread(L, 1), false);
  return resumed(L, resume_and_move(L, lua_tothread(L, 1), 0, resume_again));
}

static int resume(lua_State *L) {
  lua_State *co = get_coroutine(L);
  if (is_waiting(L, co)) {
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
    return resumed(L, -1);
  }
  return resumed(L, resume_and_move(L, co, lua_gettop(L) - 1, resume_again));
}

int run_reset(lua_State *co) {
  uint32_t before = run_unwinding;
  run_unwinding++;
  int status = lua_resetthread(co); /* handlers that raise count, too */
  run_unwinding = before;
  return status;
}

static int close(lua_State *L) {
  lua_State *co = get_coroutine(L);
  lua_Debug ar;
  bool runs = L == co || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)) || is_waiting(L, co);
  if (runs)
    return luaL_error(L, "cannot close a %s coroutine", L == co ? "running" : "normal");
  bool ok = run_reset(co) == LUA_OK;
  lua_pushboolean(L, ok);
  if (ok) return 1;
  lua_xmove(co, L, 1);
  return 2;
}

static int wrapped(lua_State *L, lua_State *co, int n) {
  if (n >= 0) return n;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = run_reset(co); /* closes what is to be closed */
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int call_wrapped_again(lua_State *L, int status, lua_KContext unused) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  (void)status, (void)unused;
  set_waiting(L, co, false);
  return wrapped(L, co, resume_and_move(L, co, 0, call_wrapped_again));
}

static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  if (is_waiting(L, co)) return luaL_error(L, "cannot resume non-suspended coroutine");
  return wrapped(L, co, resume_and_move(L, co, lua_gettop(L), call_wrapped_again));
}

static int wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

/* {== pcall and xpcall: so that clean-up can be told while an error unwinds the stack */

static int finish_pcall(lua_State *L, int status, lua_KContext unwinding) {
  run_unwinding = (uint32_t)unwinding;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 1;
  lua_pushboolean(L, 0);
  lua_pushvalue(L, -2);
  return 2;
}

static int pcall(lua_State *L) {
  lua_KContext unwinding = (lua_KContext)run_unwinding;
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1); /* the first result if there is no error */
  lua_insert(L, 1);
  lua_pushcfunction(L, run_count_unwinding);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, unwinding, finish_pcall);
  return finish_pcall(L, status, unwinding);
}

/* Upvalues: the script's handler; whether it is debug.traceback, which is then told
** to leave this function out. */
static int handle_and_count(lua_State *L) {
  bool traceback = lua_toboolean(L, lua_upvalueindex(2));
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  if (traceback) lua_pushinteger(L, 2);
  lua_call(L, traceback ? 2 : 1, 1);
  run_unwinding++;
  return 1;
}

static bool is_traceback(lua_State *L, int idx) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_DBLIBNAME);
  bool same = lua_istable(L, -1) && lua_getfield(L, -1, "traceback") == LUA_TFUNCTION &&
              lua_rawequal(L, -1, idx) && lua_iscfunction(L, idx);
  return same;
}

static int xpcall(lua_State *L) {
  lua_KContext unwinding = (lua_KContext)run_unwinding;
  int n = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bool traceback = is_traceback(L, 2);
  lua_settop(L, n);
  lua_pushvalue(L, 2);
  lua_pushboolean(L, traceback);
  lua_pushcclosure(L, handle_and_count, 2);
  lua_replace(L, 2);
  lua_pushvalue(L, 1);
  lua_insert(L, 3);
  lua_pushvalue(L, 2);
  lua_replace(L, 1);
  lua_pushboolean(L, 1); /* the first result if there is no error */
  lua_replace(L, 2);
  int status = lua_pcallk(L, n - 2, LUA_MULTRET, 1, unwinding, finish_pcall);
  return finish_pcall(L, status, unwinding);
}

/* load catches what its reader raises, but lets the message handler of the next pcall see
** it: that has not begun to unwind anything. */
static int load(lua_State *L) {
  uint32_t before = run_unwinding;
  if (lua_type(L, 1) != LUA_TSTRING) luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_optstring(L, 2, NULL);
  luaL_optstring(L, 3, NULL);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  run_unwinding = before;
  return lua_gettop(L);
}

/* ==} */

static const luaL_Reg functions[] = {
    {"resume", resume}, {"wrap", wrap}, {"close", close}, {NULL, NULL}};

void run_coroutine_open(lua_State *L) {
  if (lua_getglobal(L, LUA_COLIBNAME) == LUA_TTABLE) luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
  lua_pushcfunction(L, pcall);
  lua_setglobal(L, "pcall");
  lua_pushcfunction(L, xpcall);
  lua_setglobal(L, "xpcall");
  lua_getglobal(L, "load");
  lua_pushcclosure(L, load, 1);
  lua_setglobal(L, "load");
}

void run_coroutine_learn(lua_State *L) {
  static const char *const globals[] = {"pcall", "xpcall", "load", NULL};
  lua_getglobal(L, LUA_COLIBNAME);
  for (const luaL_Reg *f = functions; f->name != NULL; f++) {
    lua_getfield(L, -1, f->name);
    codec_names_learn_field(L, LUA_COLIBNAME, f->name);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  for (const char *const *name = globals; *name != NULL; name++) {
    lua_getglobal(L, *name);
    codec_names_learn_field(L, LUA_GNAME, *name);
    lua_pop(L, 1);
  }
}
