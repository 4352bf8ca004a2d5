/* concur.pool: its options, submitting, and its end. map.c has the rest. */
#include "bind/pool.h"

#include <stdio.h>
#include <string.h>

#include "bind/start.h"
#include "codec/codec.h"
#include "codec/item.h"
#include "run/context.h"
#include "run/steward.h"
#include "run/work.h"

static const char tracebacks_key; /* in the registry: a table by the ids of pools */

#define IDLE_TIME INT64_C(10000000000) /* ns after which an idle worker ends unless told otherwise */
#define MOST_WORKERS 100000

cc_crew *bind_crew(lua_State *L) { return ((cc_pool *)(void *)bind_object(L, 1, CC_POOL))->crew; }

/* {== making */

static const char *const options[] = {"workers", "kind", "initializer", "initargs", "max_tasks",
                                      "max_queue", "name", "idle_timeout", NULL};

static void check_names(lua_State *L, int idx) {
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    const char *const *name = options;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    while (*name != NULL && strcmp(*name, key) != 0) name++;
    if (*name == NULL) {
      luaL_tolstring(L, -2, NULL);
      luaL_error(L, "unknown option '%s' for a pool", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
}

static uint32_t positive(lua_State *L, int idx, const char *name, uint32_t usual, lua_Integer most) {
  int ok;
  if (lua_getfield(L, idx, name) == LUA_TNIL) {
    lua_pop(L, 1);
    return usual;
  }
  lua_Integer n = lua_tointegerx(L, -1, &ok);
  if (!ok || lua_type(L, -1) != LUA_TNUMBER || n < 1 || n > most)
    luaL_error(L, "bad option '%s' (a positive integer expected, got %s)", name, luaL_tolstring(L, -1, NULL));
  lua_pop(L, 1);
  return (uint32_t)n;
}

static bool is_processes(lua_State *L, int idx, bool processes) {
  if (lua_getfield(L, idx, "kind") != LUA_TNIL) {
    const char *kind = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (strcmp(kind, "process") != 0 && strcmp(kind, "thread") != 0)
      luaL_error(L, "bad option 'kind' (\"thread\" or \"process\" expected)");
    processes = strcmp(kind, "process") == 0;
  }
  lua_pop(L, 1);
  return processes;
}

static int64_t idle_time(lua_State *L, int idx) {
  int64_t time = IDLE_TIME;
  if (lua_getfield(L, idx, "idle_timeout") != LUA_TNIL) {
    if (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) >= 0))
      luaL_error(L, "bad option 'idle_timeout' (seconds, not negative, expected)");
    time = bind_seconds(L, -1);
  }
  lua_pop(L, 1);
  return time;
}

static cc_parcel *name_of(lua_State *L, int idx) {
  static _Atomic uint64_t unnamed;
  int top = lua_gettop(L);
  size_t n;
  if (lua_getfield(L, idx, "name") == LUA_TNIL)
    lua_pushfstring(L, "Pool-%I", (lua_Integer)atomic_fetch_add(&unnamed, 1) + 1);
  else if (!lua_isstring(L, -1))
    luaL_error(L, "bad option 'name' (string expected, got %s)", luaL_typename(L, -1));
  const char *s = lua_tolstring(L, -1, &n);
  cc_parcel *p = cc_parcel_lay(cc_parcel_new(n + 1, NULL, 0));
  if (p == NULL) luaL_error(L, "out of shared memory");
  memcpy(p->bytes, s, n + 1);
  lua_settop(L, top);
  return p;
}

/* Packs the n values from `first` on for the crew, which keeps them in *place. */
static void pack_for(lua_State *L, int first, int n, int nameless, cc_crew *c, cc_parcel **place) {
  cc_self *me = cc_self_get();
  cc_parcel *p = codec_finish(codec_encode(L, first, n, CODEC_FAMILY, nameless));
  if (p == NULL) bind_raise(L, CC_NO_MEMORY);
  cc_parcel_weaken(p, &c->object);
  cc_note(me, *place);
  *place = p;
  cc_hand_lay(me, me->slot, p);
  cc_commit(me, 0);
  lua_settop(L, first - 1);
}

/* What a worker's thread is started with; the crew's handle is on top. */
static void pack_call(lua_State *L, cc_crew *c) {
  int crew = lua_gettop(L);
  lua_pushnil(L); /* no globals */
  lua_pushcfunction(L, run_work);
  lua_pushvalue(L, crew);
  pack_for(L, crew + 1, 3, 3, c, &c->call);
}

static void pack_initializer(lua_State *L, int idx, cc_crew *c) {
  int first = lua_gettop(L) + 1, type = lua_getfield(L, idx, "initializer");
  if (type != LUA_TNIL && type != LUA_TFUNCTION)
    luaL_error(L, "bad option 'initializer' (function expected, got %s)", luaL_typename(L, -1));
  int args = lua_getfield(L, idx, "initargs");
  if (args != LUA_TNIL && args != LUA_TTABLE)
    luaL_error(L, "bad option 'initargs' (table expected, got %s)", luaL_typename(L, -1));
  if (args == LUA_TTABLE) {
    lua_getfield(L, first + 1, "n");
    lua_Integer n = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : luaL_len(L, first + 1);
    lua_pop(L, 1);
    if (n < 0 || n > 1000) luaL_error(L, "bad option 'initargs' (too many)");
    luaL_checkstack(L, (int)n + LUA_MINSTACK, NULL);
    for (lua_Integer i = 1; i <= n; i++) lua_geti(L, first + 1, i);
  }
  lua_remove(L, first + 1);
  if (type == LUA_TFUNCTION) pack_for(L, first, lua_gettop(L) - first + 1, 1, c, &c->initializer);
  lua_settop(L, first - 1);
}

/* The table of options is at index 1. */
static int make(lua_State *L, bool processes) {
  check_names(L, 1);
  codec_handle *ch = handle_new(L, CC_CREW, 0);
  bind_made(L, ch, (cc_object *)cc_crew_new());
  cc_crew *c = (cc_crew *)ch->object;
  uint32_t cpus = cc_cpu_count();
  c->limit = positive(L, 1, "workers", cpus, MOST_WORKERS);
  c->max_tasks = positive(L, 1, "max_tasks", 0, UINT32_MAX);
  c->max_queue = positive(L, 1, "max_queue", 0, UINT32_MAX);
  c->processes = is_processes(L, 1, processes);
  c->idle_time = idle_time(L, 1);
  c->root = run_context_root(L);
  c->name = name_of(L, 1);
  pack_call(L, c);
  pack_initializer(L, 1, c);
  bind_push_surroundings(L);
  if (!lua_isnil(L, -1)) pack_for(L, lua_gettop(L), 1, 0, c, &c->surroundings);
  codec_handle *h = handle_new(L, CC_POOL, 0);
  bind_made(L, h, (cc_object *)cc_pool_new(c));
  int error = run_crew_open(c);
  if (error != 0) return luaL_error(L, "cannot make a pool: %s", cc_error_text(error));
  return 1;
}

static int new_pool(lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  return make(L, false);
}

/* A number of workers, options, or nothing. */
static int new_of_kind(lua_State *L, bool processes) {
  lua_settop(L, 1);
  if (!lua_istable(L, 1)) {
    if (!lua_isnil(L, 1)) {
      lua_Integer n = luaL_checkinteger(L, 1);
      luaL_argcheck(L, n >= 1 && n <= MOST_WORKERS, 1, "the number of workers must be positive");
    }
    lua_newtable(L);
    lua_insert(L, 1);
    lua_setfield(L, 1, "workers");
  }
  return make(L, processes);
}

static int new_thread_pool(lua_State *L) { return new_of_kind(L, false); }

static int new_process_pool(lua_State *L) { return new_of_kind(L, true); }

/* ==} {== submitting */

int bind_crew_refuses(lua_State *L, const cc_crew *c) {
  switch (cc_crew_now(c)) {
    case CC_CREW_BROKEN: bind_push_failure(L, c, CC_BY_CREW, 0); return lua_error(L);
    case CC_CREW_LOST: bind_push_failure(L, c, CC_BY_LOSS, 0); return lua_error(L);
    case CC_CREW_ENDED: return luaL_error(L, "the pool was terminated");
    default: return luaL_error(L, "the pool is closed");
  }
}

/* What is done with a future that was submitted, which is on top. */
typedef int after_submit(lua_State *L);

enum { SUBMIT, APPLY, APPLY_ASYNC, WAYS };
static after_submit *const submitted[WAYS];

static int submit_again(lua_State *L, int status, lua_KContext what) {
  cc_crew *c = bind_crew(L);
  cc_future *f = (cc_future *)bind_object(L, -1, CC_FUTURE);
  bind_wait wait;
  cc_outcome outcome;
  cc_self *me = bind_enter_task_then(L, &wait, submit_again, what);
  (void)status;
  do outcome = cc_crew_submit(me, c, f, CC_FOREVER);
  while (bind_again(L, &wait, outcome));
  if (outcome == CC_CLOSED) bind_crew_refuses(L, c);
  return submitted[what](L);
}

/* Submits the n values from index `first` on, a function and its arguments, and goes on with the future. */
static int submit(lua_State *L, cc_crew *c, int first, int n, int what) {
  cc_item call;
  cc_self *me = cc_self_get();
  luaL_checkstack(L, 4, NULL);
  codec_handle *h = handle_new(L, CC_FUTURE, 0);
  bind_made(L, h, (cc_object *)cc_future_new(c));
  cc_future *f = (cc_future *)h->object;
  bind_place(L, f->place, sizeof f->place);
  codec_message(L, first, n, 1, &call);
  cc_future_set_call(me, f, &call);
  return submit_again(L, LUA_OK, what);
}

static int pool_submit(lua_State *L) {
  cc_crew *c = bind_crew(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  return submit(L, c, 2, lua_gettop(L) - 1, SUBMIT);
}

static int give_future(lua_State *L) {
  (void)L;
  return 1;
}

void bind_pool_keep(lua_State *L, int idx, const cc_parcel *traceback) {
  idx = lua_absindex(L, idx);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tracebacks_key);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tracebacks_key);
  }
  if (traceback != NULL)
    lua_pushlstring(L, (const char *)traceback->bytes, traceback->size);
  else
    lua_pushnil(L);
  lua_rawseti(L, -2, (lua_Integer)handle_test(L, idx)->object->id);
  lua_pop(L, 1);
}

static cc_outcome wait_for(cc_self *me, cc_object *o, uint64_t what, int64_t deadline) {
  (void)what;
  return cc_future_wait(me, (cc_future *)o, deadline);
}

static int apply(lua_State *L) {
  cc_crew *c = bind_crew(L);
  cc_future *f = (cc_future *)bind_object(L, -1, CC_FUTURE);
  bind_await(L, &f->work.object, 0, wait_for, c, CC_FOREVER);
  if (cc_future_now(f) == CC_SUCCEEDED) return bind_push_result(L, f);
  bind_pool_keep(L, 1, f->traceback);
  bind_push_result(L, f);
  return lua_error(L);
}

static int pool_apply(lua_State *L) {
  cc_crew *c = bind_crew(L);
  if (bind_resumes()) return apply(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  return submit(L, c, 2, lua_gettop(L) - 1, APPLY);
}

/* Pushes the function at index 2 and its arguments, which the list at index 3 has; returns how many
** values that is. */
static int push_call(lua_State *L) {
  int ok = 1;
  lua_Integer n = 0;
  lua_pushvalue(L, 2);
  if (lua_isnil(L, 3)) return 1;
  luaL_checktype(L, 3, LUA_TTABLE);
  if (lua_getfield(L, 3, "n") != LUA_TNIL)
    n = lua_tointegerx(L, -1, &ok);
  else
    n = luaL_len(L, 3);
  lua_pop(L, 1);
  luaL_argcheck(L, ok && n >= 0 && n <= 200000, 3, "too many arguments, or a bad n");
  luaL_checkstack(L, (int)n + LUA_MINSTACK, "too many arguments");
  for (lua_Integer i = 1; i <= n; i++) lua_geti(L, 3, i);
  return (int)n + 1;
}

static int pool_apply_async(lua_State *L) {
  cc_crew *c = bind_crew(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 5);
  for (int i = 4; i <= 5; i++)
    if (!lua_isnil(L, i)) luaL_checktype(L, i, LUA_TFUNCTION);
  int n = push_call(L);
  return submit(L, c, 6, n, APPLY_ASYNC);
}

static int call_back(lua_State *L) {
  int future = lua_gettop(L);
  if (!lua_isnil(L, 4)) bind_call_back(L, future, 4, BIND_CALL_RESULTS);
  if (!lua_isnil(L, 5)) bind_call_back(L, future, 5, BIND_CALL_ERROR);
  lua_settop(L, future);
  return 1;
}

static after_submit *const submitted[WAYS] = {[SUBMIT] = give_future, [APPLY] = apply, [APPLY_ASYNC] = call_back};

static int pool_poll(lua_State *L) {
  bind_crew(L);
  lua_pushinteger(L, bind_call_due(L));
  return 1;
}

/* ==} {== the end */

static int pool_close(lua_State *L) {
  cc_crew_close(cc_self_get(), bind_crew(L));
  return 0;
}

static bool join(lua_State *L, cc_crew *c, int64_t deadline) {
  if (c == cc_crew_own) luaL_error(L, "a task cannot join its own pool");
  if (bind_await(L, &c->over->work.object, 0, wait_for, NULL, deadline) != CC_OK) return false;
  bind_call_rest(L, &c->object);
  return true;
}

static int pool_join(lua_State *L) {
  cc_crew *c = bind_crew(L);
  int64_t deadline = bind_deadline(L, 2);
  if (!bind_resumes() && cc_crew_now(c) == CC_CREW_OPEN) return luaL_error(L, "cannot join an open pool (close it first)");
  lua_pushboolean(L, join(L, c, deadline));
  return 1;
}

static int pool_terminate(lua_State *L) {
  cc_crew *c = bind_crew(L);
  run_crew_terminate(cc_self_get(), c);
  return 0;
}

/* The end of a scope. */
static int pool_to_close(lua_State *L) {
  codec_handle *h = handle_test(L, 1);
  if (h == NULL || h->object == NULL) return 0;
  cc_crew *c = bind_crew(L);
  cc_crew_close(cc_self_get(), c);
  if (c != cc_crew_own) join(L, c, CC_FOREVER);
  return 0;
}

static int pool_stats(lua_State *L) {
  cc_crew *c = bind_crew(L);
  cc_self *me = cc_self_get();
  cc_guard_lock(&c->object.guard, me->word);
  uint32_t workers = c->present + c->requested, queued = c->futures, running = c->busy;
  cc_guard_unlock(&c->object.guard);
  const struct {
    const char *name;
    uint64_t value;
  } fields[] = {{"workers", workers},
                {"queued", queued},
                {"running", running},
                {"done", atomic_load(&c->done)},
                {"failed", atomic_load(&c->failed)},
                {"cancelled", atomic_load(&c->called_off)}};
  lua_createtable(L, 0, 6);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    lua_pushinteger(L, (lua_Integer)fields[i].value);
    lua_setfield(L, -2, fields[i].name);
  }
  return 1;
}

/* For concur.progress. */
static int is_terminal(lua_State *L) {
  lua_pushboolean(L, cc_stderr_is_terminal());
  return 1;
}

/* ==} */

/* The worker's traceback of the error that a call of this state to the pool raised last. */
static int pool_traceback(lua_State *L) {
  bind_crew(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &tracebacks_key);
  if (lua_istable(L, -1)) lua_rawgeti(L, -1, (lua_Integer)handle_test(L, 1)->object->id);
  return 1;
}

static int pool_tostring(lua_State *L) {
  static const char *const states[] = {"open", "closed", "terminated", "broken", "lost"};
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  cc_crew *c = bind_crew(L);
  lua_pushfstring(L, "%s, %s, %d %s%s", (const char *)c->name->bytes, states[cc_crew_now(c)], (int)c->limit,
                  c->processes ? "process" : "thread", c->limit == 1 ? "" : c->processes ? "es" : "s");
  return bind_tostring(L, lua_tostring(L, -1));
}

void bind_open_pool(lua_State *L) {
  static const luaL_Reg methods[] = {{"submit", pool_submit},
                                     {"apply", pool_apply},
                                     {"apply_async", pool_apply_async},
                                     {"poll", pool_poll},
                                     {"close", pool_close},
                                     {"join", pool_join},
                                     {"terminate", pool_terminate},
                                     {"stats", pool_stats},
                                     {"traceback", pool_traceback},
                                     {"map", bind_pool_map},
                                     {"starmap", bind_pool_starmap},
                                     {"imap", bind_pool_imap},
                                     {"imap_unordered", bind_pool_imap_unordered},
                                     {"map_reduce", bind_pool_map_reduce},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__tostring", pool_tostring}, {"__close", pool_to_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"pool", new_pool},
                                       {"thread_pool", new_thread_pool},
                                       {"process_pool", new_process_pool},
                                       {"_work", run_work},
                                       {"_is_terminal", is_terminal},
                                       {NULL, NULL}};
  bind_type(L, CC_POOL, methods, metamethods);
  bind_type(L, CC_CREW, (const luaL_Reg[]){{NULL, NULL}}, NULL);
  luaL_setfuncs(L, functions, 0);
}
