/* concur.future, as_completed, wait_all, wait_first. */
#include "core/future.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/callback.h"
#include "codec/item.h"
#include "core/watch.h"
#include "run/context.h"
#include "run/thread.h"

static cc_future *self(lua_State *L) { return (cc_future *)bind_object(L, 1, CC_FUTURE); }

/* {== one future */

static cc_outcome wait_for(cc_self *me, cc_object *o, uint64_t what, int64_t deadline) {
  (void)what;
  return cc_future_wait(me, (cc_future *)o, deadline);
}

/* Waits for the end; false at the deadline. */
static bool await(lua_State *L, cc_future *f, int64_t deadline) {
  if (cc_member_own != NULL && cc_member_own->work == &f->work && !cc_future_ended(f))
    luaL_error(L, "a task cannot wait for its own future");
  if (bind_await(L, &f->work.object, 0, wait_for, f->work.crew, deadline) != CC_OK) return false;
  bind_call_rest(L, &f->work.object);
  return true;
}

static int timed_out(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "timeout");
  return 2;
}

static int future_result(lua_State *L) {
  cc_future *f = self(L);
  if (!await(L, f, bind_deadline(L, 2))) return timed_out(L);
  int n = bind_push_result(L, f);
  return cc_future_now(f) == CC_SUCCEEDED ? n : lua_error(L);
}

static int future_wait(lua_State *L) {
  cc_future *f = self(L);
  if (!await(L, f, bind_deadline(L, 2))) return timed_out(L);
  lua_pushboolean(L, cc_future_now(f) == CC_SUCCEEDED);
  return 1 + bind_push_result(L, f);
}

static int future_done(lua_State *L) {
  lua_pushboolean(L, cc_future_ended(self(L)));
  return 1;
}

static int future_running(lua_State *L) {
  lua_pushboolean(L, cc_future_now(self(L)) == CC_RUNNING);
  return 1;
}

static int future_cancelled(lua_State *L) {
  lua_pushboolean(L, cc_future_now(self(L)) == CC_CALLED_OFF);
  return 1;
}

static int future_cancel(lua_State *L) {
  cc_future *f = self(L);
  cc_self *me = cc_self_get();
  if (f->work.crew != NULL)
    lua_pushboolean(L, cc_crew_cancel(me, f->work.crew, f, run_thread_stop_task));
  else
    lua_pushboolean(L, cc_future_end(me, f, CC_CALLED_OFF, NULL, NULL));
  return 1;
}

static int future_error(lua_State *L) {
  cc_future *f = self(L);
  if (cc_future_now(f) > CC_SUCCEEDED)
    bind_push_result(L, f);
  else
    lua_pushnil(L);
  return 1;
}

/* What the worker's stack looked like, and where the task was submitted. */
static int future_traceback(lua_State *L) {
  cc_future *f = self(L);
  cc_future_state state = cc_future_now(f);
  cc_parcel *p = f->traceback;
  if (state != CC_FAILED) {
    lua_pushnil(L);
    return 1;
  }
  if (p == NULL && f->failure == CC_BY_CREW) p = f->work.crew->traceback;
  if (p != NULL) {
    lua_pushlstring(L, (const char *)p->bytes, p->size);
  } else {
    bind_push_result(L, f);
    if (!lua_isstring(L, -1)) lua_pushnil(L);
    if (lua_isnil(L, -1)) return 1;
  }
  if (f->place[0] == '\0') return 1;
  lua_pushfstring(L, "%s\nsubmitted at %s", lua_tostring(L, -1), f->place);
  return 1;
}

static int future_on_done(lua_State *L) {
  self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bind_call_back(L, 1, 2, BIND_CALL_ALWAYS);
  lua_settop(L, 1);
  return 1;
}

/* {== bare ones */

static cc_future *bare(lua_State *L) {
  cc_future *f = self(L);
  if (f->work.crew != NULL) luaL_error(L, "the future belongs to a pool, which sets its result");
  if (cc_future_ended(f)) luaL_error(L, "the future has ended already");
  return f;
}

static int set(lua_State *L, cc_future_state state, int n) {
  cc_future *f = bare(L);
  cc_item item;
  codec_items(L, 2, n, &item);
  if (cc_future_end(cc_self_get(), f, state, &item, NULL)) return 0;
  cc_item_drop(&item);
  return luaL_error(L, "the future has ended already");
}

static int future_set_result(lua_State *L) {
  bare(L);
  int n = lua_gettop(L) - 1;
  if (n > 0) return set(L, CC_SUCCEEDED, n);
  lua_settop(L, 1);
  return set(L, CC_SUCCEEDED, 0);
}

static int future_set_error(lua_State *L) {
  bare(L);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  return set(L, CC_FAILED, 1);
}

static int new_future(lua_State *L) {
  codec_handle *h = handle_new(L, CC_FUTURE, 0);
  return bind_made(L, h, (cc_object *)cc_future_new(NULL));
}

/* ==} */

static int future_tostring(lua_State *L) {
  static const char *const names[] = {"pending", "running", "done", "failed", "cancelled"};
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  return bind_tostring(L, names[cc_future_now(self(L))]);
}

/* ==} {== several futures */

static const char crowd_key; /* in the registry: the metatable */

typedef struct ended {
  uint64_t stamp;
  lua_Integer i;
} ended;

/* Those of a list that are awaited: told by a queue of their own of each end. */
typedef struct crowd {
  cc_queue *told;      /* brings positions in the list */
  lua_Integer n, left; /* of the list; that have not been given out */
  ended *first;        /* those that had ended at the beginning, in order of their ends */
  size_t nfirst, at;
  bool *given;         /* by position */
  cc_crew *crew;       /* that the caller is a worker of, if one of them is its work; else NULL */
  int64_t deadline;
} crowd;

static int by_stamp(const void *a, const void *b) {
  uint64_t x = ((const ended *)a)->stamp, y = ((const ended *)b)->stamp;
  return x < y ? -1 : x > y;
}

#define MOST 10000000 /* futures of one wait */

static cc_future *check(lua_State *L, int list, lua_Integer i) {
  lua_rawgeti(L, list, i);
  codec_handle *h = handle_test(L, -1);
  if (h == NULL || h->kind != CC_FUTURE)
    luaL_error(L, "bad item #%I of the list (future expected, got %s)", i, luaL_typename(L, -1));
  if (h->object == NULL) luaL_error(L, "bad item #%I of the list (the handle is closed)", i);
  lua_pop(L, 1); /* the list keeps it */
  return (cc_future *)h->object;
}

/* Nobody asks any more: takes back what was asked of those that have not ended. */
static int disperse(lua_State *L) {
  crowd *c = lua_touserdata(L, 1);
  cc_self *me = cc_self_get();
  if (c->told == NULL || lua_getiuservalue(L, 1, 2) != LUA_TTABLE) return 0;
  for (lua_Integer i = 1; i <= c->n; i++) {
    lua_rawgeti(L, -1, i);
    const codec_handle *h = handle_test(L, -1);
    if (h != NULL && h->object != NULL && h->kind == CC_FUTURE) cc_future_untell(me, (cc_future *)h->object, c->told);
    lua_pop(L, 1);
  }
  c->told = NULL;
  return 0;
}

static void push_metatable(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &crowd_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, disperse);
  lua_setfield(L, -2, "__gc");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &crowd_key);
}

/* Replaces the list at index 1 by a copy, and pushes the crowd of it. */
static crowd *gather(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t deadline = bind_deadline(L, 2);
  lua_Integer n = luaL_len(L, 1);
  luaL_argcheck(L, n >= 0 && n <= MOST, 1, "too many futures");
  lua_settop(L, 1);
  lua_createtable(L, (int)n, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_geti(L, 1, i);
    lua_rawseti(L, 2, i);
  }
  lua_replace(L, 1);
  crowd *c = lua_newuserdatauv(L, sizeof *c + (size_t)n * (sizeof(ended) + 1), 2);
  *c = (crowd){.n = n, .left = n, .first = (ended *)(void *)(c + 1), .deadline = deadline};
  c->given = (bool *)(void *)(c->first + n);
  memset(c->given, 0, (size_t)n);
  codec_handle *h = handle_new(L, CC_QUEUE, 0);
  h->object = (cc_object *)cc_queue_new(CC_QUEUE, 0, NULL);
  if (h->object == NULL) bind_raise(L, CC_NO_MEMORY);
  c->told = (cc_queue *)(void *)h->object;
  lua_setiuservalue(L, -2, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 2);
  for (lua_Integer i = 1; i <= n; i++) check(L, 1, i); /* before any is told */
  push_metatable(L);
  lua_setmetatable(L, -2);
  for (lua_Integer i = 1; i <= n; i++) {
    cc_future *f = check(L, 1, i);
    if (f->work.crew != NULL && f->work.crew == cc_crew_own) c->crew = cc_crew_own;
    bool asks = deadline != CC_NOW && !cc_future_ended(f);
    cc_outcome outcome = CC_CLOSED;
    if (asks) outcome = cc_future_tell(cc_self_get(), f, c->told, (uint64_t)i);
    if (!asks && !cc_future_ended(f)) continue;
    if (outcome == CC_NO_MEMORY) bind_raise(L, outcome);
    if (outcome == CC_CLOSED) c->first[c->nfirst++] = (ended){f->stamp, i};
  }
  qsort(c->first, c->nfirst, sizeof *c->first, by_stamp);
  return c;
}

static cc_outcome wait_told(cc_self *me, cc_object *o, uint64_t what, int64_t deadline) {
  bool ready = false;
  (void)what;
  return cc_watch_wait(me, &o, &ready, 1, deadline);
}

/* The next one that has ended, waiting for it; 0 at the deadline, or when all were given out. */
static lua_Integer next_ended(lua_State *L, crowd *c, int64_t deadline) {
  lua_Integer i = 0;
  cc_item tag;
  if (c->left == 0) return 0;
  if (c->at < c->nfirst) {
    i = c->first[c->at++].i;
  } else {
    do { /* a notice comes twice if whoever gave it was killed just then */
      if (bind_await(L, &c->told->object, 0, wait_told, c->crew, deadline) != CC_OK) return 0;
      if (cc_queue_get(cc_self_get(), c->told, &tag, CC_NOW) != CC_OK) return 0;
      i = (lua_Integer)tag.u.word;
    } while (c->given[i - 1]);
  }
  c->given[i - 1] = true;
  c->left--;
  return i;
}

/* Upvalues: the list, the crowd. */
static int as_completed_next(lua_State *L) {
  crowd *c = lua_touserdata(L, lua_upvalueindex(2));
  lua_Integer i = next_ended(L, c, c->deadline);
  if (i == 0) return 0;
  lua_rawgeti(L, lua_upvalueindex(1), i);
  bind_call_rest(L, handle_test(L, -1)->object);
  return 1;
}

static int as_completed(lua_State *L) {
  gather(L);
  lua_pushcclosure(L, as_completed_next, 2);
  return 1;
}

/* Waits until `enough` have ended, and returns those that have and those that have not. */
static int wait_some(lua_State *L, lua_Integer enough) {
  crowd *c = bind_resumes() ? lua_touserdata(L, 2) : gather(L);
  lua_Integer got = c->n - c->left, done = 0, not_done = 0;
  if (enough > c->n) enough = c->n;
  while (got < enough && next_ended(L, c, c->deadline) != 0) got++;
  lua_pushcfunction(L, disperse);
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  lua_createtable(L, (int)got, 0);
  lua_newtable(L);
  for (lua_Integer i = 1; i <= c->n; i++) {
    const cc_future *f = check(L, 1, i);
    lua_rawgeti(L, 1, i);
    if (cc_future_ended(f)) {
      bind_call_rest(L, &f->work.object);
      lua_rawseti(L, -3, ++done);
    } else {
      lua_rawseti(L, -2, ++not_done);
    }
  }
  return 2;
}

static int wait_all(lua_State *L) { return wait_some(L, MOST); }

static int wait_first(lua_State *L) { return wait_some(L, 1); }

/* ==} */

void bind_open_future(lua_State *L) {
  static const luaL_Reg methods[] = {{"result", future_result},
                                     {"wait", future_wait},
                                     {"done", future_done},
                                     {"running", future_running},
                                     {"cancelled", future_cancelled},
                                     {"cancel", future_cancel},
                                     {"error", future_error},
                                     {"traceback", future_traceback},
                                     {"on_done", future_on_done},
                                     {"set_result", future_set_result},
                                     {"set_error", future_set_error},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", future_tostring}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"future", new_future},
                                       {"as_completed", as_completed},
                                       {"wait_all", wait_all},
                                       {"wait_first", wait_first},
                                       {NULL, NULL}};
  bind_type(L, CC_FUTURE, methods, metamethods);
  luaL_setfuncs(L, functions, 0);
}
