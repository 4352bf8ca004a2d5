/* concur.wait, and the methods by which others' event loops wait for an object. */
#include "core/watch.h"

#include <string.h>

#include "bind/bind.h"
#include "bind/callback.h"
#include "core/crew.h"
#include "core/descriptor.h"
#include "run/thread.h"

static bool watchable(cc_kind kind) { return cc_kind_ops(kind)->ready != NULL; }

/* {== wait */

static bool unstarted(cc_object *o) {
  if (o->kind != CC_THREAD && o->kind != CC_TIMER && o->kind != CC_PROCESS) return false;
  return atomic_load(&((run_thread *)o)->status) == RUN_NEW;
}

/* The object of the handle on top, the i-th of the list. */
static cc_object *check(lua_State *L, lua_Integer i) {
  codec_handle *h = bind_any_handle(L, lua_gettop(L));
  if (h == NULL) luaL_error(L, "bad item #%I of the list (concur handle expected, got %s)", i, luaL_typename(L, -1));
  cc_kind kind = (cc_kind)h->kind;
  if (!watchable(kind)) luaL_error(L, "bad item #%I of the list (cannot wait for a concur.%s)", i, cc_kind_name(kind));
  if (h->object == NULL) luaL_error(L, "bad item #%I of the list (the handle is closed)", i);
  bind_connection_check(L, h->object);
  if (unstarted(h->object)) luaL_error(L, "bad item #%I of the list (an unstarted %s)", i, cc_kind_name(kind));
  return h->object;
}

/* Copies the list at index 1 into a table on top, which keeps the handles alive. */
static lua_Integer copy_list(lua_State *L, cc_object **objects, lua_Integer n) {
  lua_createtable(L, (int)n, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, 1, i);
    lua_pushvalue(L, -1);
    objects[i - 1] = check(L, i);
    lua_rawseti(L, -3, 2 * i);
    lua_rawseti(L, -2, 2 * i - 1);
  }
  return n;
}

static void push_ready(lua_State *L, int copy, const bool *ready, lua_Integer n) {
  lua_Integer count = 0;
  lua_newtable(L);
  for (lua_Integer i = 1; i <= n; i++) {
    if (!ready[i - 1]) continue;
    lua_rawgeti(L, copy, 2 * i - 1);
    lua_rawseti(L, -2, ++count);
  }
}

#define MOST 1000000 /* objects of one wait */

/* The crew that the caller is a worker of, if one of the objects is its work. */
static cc_crew *own_crew(cc_object *const *objects, lua_Integer n) {
  for (lua_Integer i = 0; cc_crew_own != NULL && i < n; i++)
    if (objects[i]->kind == CC_FUTURE && ((const cc_future *)objects[i])->work.crew == cc_crew_own) return cc_crew_own;
  return NULL;
}

/* What futures that were waited for have called back. */
static void call_back(lua_State *L, cc_object *const *objects, const bool *ready, lua_Integer n) {
  bool futures = false;
  for (lua_Integer i = 0; i < n; i++) {
    if (objects[i]->kind != CC_FUTURE) continue;
    futures = true;
    if (ready[i]) bind_call_rest(L, objects[i]);
  }
  if (futures) bind_call_due(L);
}

/* The list at index 1: leaves at 3 and 4 room for the objects and for which are ready, at 5 its copy. */
static void prepare(lua_State *L) {
  lua_Integer n = luaL_len(L, 1);
  luaL_argcheck(L, n <= MOST, 1, "too many objects");
  if (n < 0) n = 0;
  lua_settop(L, 2);
  cc_object **objects = lua_newuserdatauv(L, (size_t)n * sizeof *objects, 0);
  bool *ready = lua_newuserdatauv(L, (size_t)n * sizeof *ready, 0);
  memset(ready, 0, (size_t)n * sizeof *ready);
  copy_list(L, objects, n);
}

static int wait(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t deadline = bind_deadline(L, 2);
  if (!bind_resumes()) prepare(L);
  cc_object **objects = lua_touserdata(L, 3);
  bool *ready = lua_touserdata(L, 4);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 4);
  const int copy = 5;
  if (n == 0) {
    lua_newtable(L);
    return 1;
  }
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  cc_crew *crew = own_crew(objects, n);
  do {
    outcome = CC_TIMEOUT;
    if (!bind_resumes()) outcome = cc_watch_wait(me, objects, ready, (size_t)n, CC_NOW);
    if (outcome != CC_TIMEOUT || deadline == CC_NOW) continue;
    if (me->suspends) {
      outcome = cc_watch_wait(me, objects, ready, (size_t)n, deadline);
      continue;
    }
    cc_crew_block(me, crew);
    outcome = cc_watch_wait(me, objects, ready, (size_t)n, deadline);
    cc_crew_unblock(me, crew);
  } while (bind_again(L, &wait, outcome));
  call_back(L, objects, ready, n);
  push_ready(L, copy, ready, n);
  return 1;
}

/* ==} {== poll */

static int fileno_of(lua_State *L) {
  codec_handle *h = bind_any_handle(L, 1);
  if (h == NULL) luaL_typeerror(L, 1, "concur handle");
  if (!watchable((cc_kind)h->kind)) return luaL_error(L, "a concur.%s has no descriptor", cc_kind_name((cc_kind)h->kind));
  if (h->object == NULL) return luaL_error(L, "the handle is closed");
  bind_connection_check(L, h->object);
  int fd = cc_descriptor_of(cc_self_get(), h->object);
  if (fd < 0) return luaL_error(L, "cannot make a descriptor: %s", cc_error_text(-fd));
  lua_pushinteger(L, fd);
  return 1;
}

static int events(lua_State *L) {
  lua_pushliteral(L, "r");
  return 1;
}

static int timeout(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

void bind_add_poll(lua_State *L, cc_kind kind) {
  static const luaL_Reg methods[] = {
      {"fileno", fileno_of}, {"pollfd", fileno_of}, {"events", events}, {"timeout", timeout}, {NULL, NULL}};
  if (watchable(kind)) luaL_setfuncs(L, methods, 0);
}

/* ==} */

void bind_open_watch(lua_State *L) {
  lua_pushcfunction(L, wait);
  lua_setfield(L, -2, "wait");
}
