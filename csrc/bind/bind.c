/* What the userdata types have in common. */
#include "bind/bind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "run/context.h"
#include "run/task.h"

/* {== checking */

static const char instances_key;

void bind_push_instances(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &instances_key) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &instances_key);
}

/* Puts the handle behind an instance of a thread class in the instance's place. */
static bool replace_instance(lua_State *L, int idx) {
  luaL_checkstack(L, 4, NULL);
  bind_push_instances(L);
  lua_pushvalue(L, idx);
  lua_rawget(L, -2);
  codec_handle *h = handle_test(L, -1);
  bool found = h != NULL && h->object != NULL;
  if (found) {
    lua_pushvalue(L, -1);
    lua_replace(L, idx);
  }
  lua_pop(L, 2);
  return found;
}

cc_object *bind_bad_handle(lua_State *L, int idx, cc_kind kind) {
  char name[40];
  codec_handle *h = handle_test(L, idx);
  snprintf(name, sizeof name, "concur.%s", cc_kind_name(kind));
  if ((kind == CC_THREAD || kind == CC_PROCESS) && lua_istable(L, idx) && replace_instance(L, idx))
    return bind_object(L, idx, kind);
  if (h != NULL && h->kind == (uint32_t)kind) luaL_error(L, "the %s is closed", name);
  luaL_typeerror(L, idx, name);
  return NULL;
}

void bind_take_slot(lua_State *L) {
  if (cc_self_storage.home == NULL || cc_self_try()) return; /* a thread waits for one */
  luaL_error(L, "too many tasks and threads use concur at once");
}

int64_t bind_seconds(lua_State *L, int idx) {
  lua_Number s = luaL_checknumber(L, idx);
  if (s != s) luaL_argerror(L, idx, "time is not a number (NaN)");
  if (s < 0) luaL_argerror(L, idx, "time must not be negative");
  /* beyond two centuries is for ever */
  return s < 7e9 ? (int64_t)ceil((double)s * 1e9) : CC_FOREVER;
}

int64_t bind_deadline_option(lua_State *L, const char *name) {
  if (lua_type(L, -1) == LUA_TNUMBER) {
    lua_Number s = lua_tonumber(L, -1);
    if (s != s) luaL_error(L, "bad option '%s' (time is not a number (NaN))", name);
    if (s < 0) luaL_error(L, "bad option '%s' (time must not be negative)", name);
  } else if (!lua_isnoneornil(L, -1) && !lua_isboolean(L, -1)) {
    luaL_error(L, "bad option '%s' (number, boolean or nil expected, got %s)", name, luaL_typename(L, -1));
  }
  return bind_deadline(L, lua_gettop(L));
}

int64_t bind_timeout(lua_State *L, int idx) {
  int64_t span;
  if (lua_isboolean(L, idx)) return lua_toboolean(L, idx) ? CC_FOREVER : CC_NOW;
  if (lua_type(L, idx) != LUA_TNUMBER) luaL_typeerror(L, idx, "number, boolean or nil");
  span = bind_seconds(L, idx);
  if (span == 0) return CC_NOW;
  return span == CC_FOREVER ? CC_FOREVER : cc_clock() + span;
}

/* ==} {== blocking */

static lua_State *main_coroutine(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *m = lua_tothread(L, -1);
  lua_pop(L, 1);
  return m;
}

/* Asked when a system call was interrupted: lua's own signal handler does
** nothing but set a hook. */
static bool hook_changed(void *arg) {
  bind_wait *w = arg;
  lua_State *m = main_coroutine(w->L);
  return lua_gethook(m) != w->hook && !run_is_armed(m);
}

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* A call is an occasion for the hook to run, and to raise. In a coroutine the
** hook is not set, since lua set it in the main one; it must end both. */
static void run_hook(lua_State *L) {
  lua_State *m = main_coroutine(L);
  if (m != L && lua_gethook(L) != lua_gethook(m))
    lua_sethook(L, lua_gethook(m), lua_gethookmask(m), lua_gethookcount(m));
  luaL_checkstack(L, 2, NULL);
  lua_pushcfunction(L, nothing);
  lua_call(L, 0, 0);
}

void bind_place(lua_State *L, char *text, size_t size) {
  lua_Debug ar;
  text[0] = '\0';
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0) {
      snprintf(text, size, "%s:%d", ar.short_src, ar.currentline);
      return;
    }
  }
}

static void source_line(void *arg, char *text, size_t size) {
  bind_place(((const bind_wait *)arg)->L, text, size);
}

void bind_rearm(cc_self *me, bind_wait *wait) {
  if (!me->no_signals) {
    me->interrupted = hook_changed;
    me->interrupted_arg = wait;
  }
  me->where = source_line;
  me->where_arg = wait;
  me->suspends = wait->suspends;
}

cc_self *bind_enter(lua_State *L, bind_wait *wait) {
  cc_self *me = cc_self_get();
  wait->shielded = false;
  wait->suspends = false;
  wait->again = NULL;
  wait->L = L;
  if (!me->no_signals && !me->suspended) {
    /* a signal may have come just before, or come just now: what is noted is what was
    ** looked at, so that a later hook differs from it */
    lua_State *m = main_coroutine(L);
    lua_Hook hook, seen = NULL;
    while (cc_unlikely((hook = lua_gethook(m)) != seen)) {
      seen = hook;
      if (hook != NULL) run_hook(L);
    }
    wait->hook = seen;
  }
  bind_rearm(me, wait);
  return me;
}

cc_self *bind_enter_task(lua_State *L, bind_wait *wait) {
  cc_self *me = bind_enter(L, wait);
  if (cc_likely(me->home == NULL)) return me;
  wait->suspends = run_task_runs(L);
  wait->shielded = me->suspended && me->shielded;
  bind_rearm(me, wait);
  return me;
}

cc_self *bind_enter_task_then(lua_State *L, bind_wait *wait, lua_KFunction again, lua_KContext context) {
  cc_self *me = bind_enter_task(L, wait);
  wait->again = again;
  wait->context = context;
  return me;
}

bool bind_enter_quietly(lua_State *L, bind_wait *wait) {
  cc_self *me = cc_self_get();
  wait->shielded = false;
  wait->suspends = me->home != NULL && run_task_runs(L);
  wait->L = L;
  wait->again = NULL;
  wait->hook = NULL;
  if (!me->no_signals && lua_gethook(main_coroutine(L)) != NULL) return false;
  bind_rearm(me, wait);
  return true;
}

/* The position is that of the nearest Lua code, also when pcall called the method.
** The report is short: its reference may be lost if there is no memory for it. */
static void raise_report(lua_State *L) {
  char place[100];
  cc_self *me = cc_self_get();
  cc_parcel *p = me->report;
  me->report = NULL;
  bind_place(L, place, sizeof place);
  if (place[0] == '\0') place[0] = '?', place[1] = '\0';
  lua_pushfstring(L, "%s: %s", place, p != NULL ? (const char *)p->bytes : "deadlock");
  cc_parcel_release(p);
  lua_error(L);
}

void bind_raise(lua_State *L, cc_outcome outcome) {
  luaL_checkstack(L, 2, NULL);
  switch (outcome) {
    case CC_CANCELLED: run_cancelled(L); break;
    case CC_NO_MEMORY: luaL_error(L, "out of shared memory"); break;
    case CC_DEADLOCK: raise_report(L); break;
    default: break;
  }
}

void bind_leave(cc_self *me) {
  me->suspends = false;
  me->where = NULL;
  me->interrupted = NULL;
}

static int call_again(lua_State *L, int status, lua_KContext function) {
  (void)status;
  return ((lua_CFunction)function)(L);
}

/* Leaves the C function that runs, which is called again when the task goes on. */
static void suspend(lua_State *L, cc_self *me, const bind_wait *wait) {
  lua_Debug ar;
  me->shielded = wait->shielded;
  bind_leave(me);
  if (wait->again != NULL) lua_yieldk(L, 0, wait->context, wait->again);
  lua_getstack(L, 0, &ar);
  lua_getinfo(L, "f", &ar);
  lua_CFunction f = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  lua_yieldk(L, 0, (lua_KContext)f, call_again);
}

bool bind_again(lua_State *L, bind_wait *wait, cc_outcome outcome) {
  cc_self *me = cc_self_get();
  if (cc_unlikely(outcome == CC_SUSPENDED)) suspend(L, me, wait);
  if (cc_likely(outcome == CC_OK)) {
    if (cc_unlikely(wait->shielded)) me->shield--;
    bind_leave(me);
    return false;
  }
  if (outcome == CC_CANCELLED && run_in_cleanup(L)) {
    wait->shielded = true;
    me->shield++;
    bind_rearm(me, wait); /* looking for the clean-up may have run finalizers */
    return true;
  }
  if (wait->shielded) {
    wait->shielded = false;
    me->shield--;
  }
  if (outcome == CC_INTERRUPTED) {
    bind_wait before = *wait;
    bind_leave(me); /* the hook runs Lua code, and may not come back */
    run_hook(L);
    bind_enter(L, wait);
    wait->suspends = before.suspends;
    wait->again = before.again;
    wait->context = before.context;
    bind_rearm(me, wait);
    return true;
  }
  bind_leave(me);
  bind_raise(L, outcome);
  return false;
}

/* ==} {== common methods */

codec_handle *bind_any_handle(lua_State *L, int idx) {
  if (lua_istable(L, idx)) replace_instance(L, idx);
  return handle_test(L, idx);
}

static codec_handle *any_handle(lua_State *L, int idx) {
  codec_handle *h = bind_any_handle(L, idx);
  if (h == NULL) luaL_typeerror(L, idx, "concur handle");
  return h;
}

static int handle_id(lua_State *L) {
  codec_handle *h = any_handle(L, 1);
  if (h->object == NULL) return luaL_error(L, "the handle is closed");
  lua_pushinteger(L, (lua_Integer)h->object->id);
  return 1;
}

static int handle_gc(lua_State *L) {
  handle_drop(any_handle(L, 1));
  return 0;
}

static int handle_eq(lua_State *L) {
  codec_handle *a = handle_test(L, 1), *b = handle_test(L, 2);
  lua_pushboolean(L, a != NULL && b != NULL && a->object == b->object && a->object != NULL);
  return 1;
}

int bind_tostring(lua_State *L, const char *extra) {
  codec_handle *h = any_handle(L, 1);
  const char *kind = cc_kind_name((cc_kind)h->kind);
  if (h->object == NULL)
    lua_pushfstring(L, "concur.%s: (closed)", kind);
  else if (extra == NULL)
    lua_pushfstring(L, "concur.%s: %p", kind, (void *)h->object);
  else
    lua_pushfstring(L, "concur.%s: %p (%s)", kind, (void *)h->object, extra);
  return 1;
}

static int handle_tostring(lua_State *L) { return bind_tostring(L, NULL); }

/* ==} {== making types */

static void make_type(lua_State *L, cc_kind kind, const luaL_Reg *methods,
                      const luaL_Reg *metamethods, lua_CFunction index) {
  static const luaL_Reg common[] = {
      {"__gc", handle_gc}, {"__eq", handle_eq}, {"__tostring", handle_tostring}, {NULL, NULL}};
  lua_newtable(L);
  lua_pushfstring(L, "concur.%s", cc_kind_name(kind));
  lua_setfield(L, -2, "__name");
  luaL_setfuncs(L, common, 0);
  lua_newtable(L);
  lua_pushcfunction(L, handle_id);
  lua_setfield(L, -2, "id");
  luaL_setfuncs(L, methods, 0);
  bind_add_poll(L, kind);
  /* the module table lies below: through it methods have names and can cross */
  lua_getfield(L, -3, "_methods");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, cc_kind_name(kind));
  lua_pop(L, 1);
  if (index != NULL) lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  if (metamethods != NULL) luaL_setfuncs(L, metamethods, 0);
  handle_set_metatable(L, kind);
}

void bind_type(lua_State *L, cc_kind kind, const luaL_Reg *methods, const luaL_Reg *metamethods) {
  make_type(L, kind, methods, metamethods, NULL);
}

void bind_type_indexed(lua_State *L, cc_kind kind, const luaL_Reg *methods,
                       const luaL_Reg *metamethods, lua_CFunction index) {
  make_type(L, kind, methods, metamethods, index);
}

static int next_pair(lua_State *L) {
  lua_settop(L, 2);
  return lua_next(L, 1) ? 2 : 0;
}

int bind_pairs(lua_State *L, lua_CFunction f) {
  lua_pushcfunction(L, next_pair);
  lua_pushcfunction(L, f);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 2;
}

int bind_made(lua_State *L, codec_handle *h, cc_object *o) {
  h->object = o;
  if (o == NULL) return luaL_error(L, "out of shared memory");
  return 1;
}

static int with_done(lua_State *L, int status, lua_KContext unused) {
  (void)status;
  (void)unused;
  return lua_gettop(L) - 1; /* returning closes the object at index 1 */
}

int bind_with(lua_State *L) {
  lua_toclose(L, 1);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, with_done);
  return with_done(L, LUA_OK, 0);
}

/* ==} {== memory that the collector does not see */

#define DEBT ((size_t)16 << 20) /* bytes after which the collector takes a step of that size */

void bind_owe_bytes(lua_State *L, size_t bytes) {
  static _Thread_local size_t debt;
  debt += bytes;
  if (cc_likely(debt < DEBT)) return;
  size_t kilobytes = debt >> 10;
  debt = 0;
  lua_gc(L, LUA_GCSTEP, kilobytes > 1 << 20 ? 1 << 20 : (int)kilobytes);
}

/* ==} */

/* {== modules in Lua */

static int lazy_index(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 1, 1);
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  if (lua_isfunction(L, -1)) { /* found at once the next time */
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
  }
  return 1;
}

void bind_lazy_module(lua_State *L, const char *name) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushfstring(L, "concur.%s", name);
  lua_pushcclosure(L, lazy_index, 1);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, name);
}

/* ==} */
