/*
** Each task is a protected call of its own; whatever it leaves behind (a cancellation, a hook, a
** lock) is cleared away before the next, so that only globals and modules stay.
**
** The worker's stack: the crew's handle, what calls the job's function (index FUNCTION) and a table for results, from
** there on the task's.
*/
#include "run/work.h"

#include <lauxlib.h>

#include "codec/codec.h"
#include "codec/handle.h"
#include "codec/item.h"
#include "core/crew.h"
#include "core/trace.h"
#include "run/context.h"
#include "run/outcome.h"
#include "run/process.h"

#define WARM_TIME 50000000 /* ns of idleness after which a worker collects its garbage */
#define SHORT_TIME 20000   /* ns of work that a worker is given at a time when tasks are short */
#define MOST_CELLS 64

enum { CREW = 1, FUNCTION, RESULTS, TOP = RESULTS };

typedef struct worker {
  cc_crew *crew;
  cc_member *member;
  run_thread *thread;
  uint64_t job;       /* id of the job whose function is at FUNCTION; 0: none */
  uint64_t tasks;     /* done so far */
} worker;

/* What has come of a protected call. */
typedef enum verdict { DONE, FAILED, CANCELLED } verdict;

/* Calls the function on top, the only one above TOP, with arg in protected mode; results, or the
** error, are on top from TOP + 1 on then. *n: how many. The traceback is kept in the outcome.
** Leaves the shield up. */
static verdict call(lua_State *L, void *arg, run_outcome *o, int *n) {
  cc_self *me = cc_self_get();
  run_begin(L);
  run_push_handler(L, o);
  lua_insert(L, TOP + 1);
  lua_pushlightuserdata(L, arg);
  int64_t since = cc_trace_begin(me);
  int code = lua_pcall(L, 1, LUA_MULTRET, TOP + 1);
  cc_trace_end(me, CC_TRACE_TASK, CC_POOL, cc_crew_own != NULL ? cc_crew_own->object.id : 0, since);
  run_unwinding = 0;
  me->shield++; /* what follows is clean-up */
  lua_sethook(L, NULL, 0, 0);
  *n = run_take_exit(L, TOP);
  if (cc_unlikely(*n >= 0)) {
    cc_parcel_release(o->traceback);
    o->traceback = NULL;
    return DONE;
  }
  lua_remove(L, TOP + 1); /* the handler */
  *n = lua_gettop(L) - TOP;
  if (cc_likely(code == LUA_OK)) return DONE;
  return run_is_cancelled(L, -1) ? CANCELLED : FAILED;
}

static void clear_away(cc_self *me, lua_State *L) {
  lua_settop(L, TOP);
  me->shield--;
  cc_crew_unblock_all(me);
  if (cc_unlikely(cc_holds_any(me->slot))) cc_holds_abandon(me, me->slot, false);
}

/* {== futures */

static int call_future(lua_State *L) {
  cc_future *f = lua_touserdata(L, 1);
  const cc_item *call = &f->item;
  int n;
  if (call->kind == CC_ITEM_BYTES) {
    n = codec_decode(L, call->u.bytes, call->size, NULL, 0, CODEC_FAMILY);
  } else {
    const cc_parcel *p = call->u.parcel;
    n = codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  }
  cc_future_called(cc_self_get(), f);
  lua_call(L, n - 1, LUA_MULTRET);
  return lua_gettop(L) - 1;
}

typedef struct packing {
  cc_item *item;
  int n;
} packing;

static int pack_values(lua_State *L) {
  packing *p = lua_touserdata(L, 1);
  codec_items(L, 2, p->n, p->item);
  return 0;
}

static bool is_scalar(lua_State *L, int idx) {
  int type = lua_type(L, idx);
  return type == LUA_TNUMBER || type == LUA_TNIL || type == LUA_TBOOLEAN;
}

/* Makes the n values on top an item; false: the error is on top. */
static bool pack(lua_State *L, int n, cc_item *item) {
  packing p = {item, n};
  if (cc_likely(n == 1 && is_scalar(L, -1))) {
    codec_item(L, lua_gettop(L), item);
    return true;
  }
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    lua_pop(L, n);
    lua_pushliteral(L, "stack overflow (too many results)");
    return false;
  }
  lua_pushcfunction(L, pack_values);
  lua_insert(L, -n - 1);
  lua_pushlightuserdata(L, &p);
  lua_insert(L, -n - 1);
  return lua_pcall(L, n + 1, 0, 0) == LUA_OK;
}

/* The error on top is that of something that cannot cross: its text is the traceback, too. */
static void note_refusal(lua_State *L, run_outcome *o) {
  size_t n;
  const char *s = lua_tolstring(L, -1, &n);
  if (s != NULL) run_keep_traceback(o, s, n);
}

static void error_item(run_outcome *o, cc_item *item) {
  item->size = 0;
  item->kind = o->result != NULL ? CC_ITEM_PARCEL : CC_ITEM_NIL;
  item->u.parcel = o->result;
}

static void do_future(cc_self *me, lua_State *L, worker *w, cc_future *f) {
  cc_crew *c = w->crew;
  run_outcome o = {.in_hand = true};
  cc_item item = {0, CC_ITEM_NIL, {0}};
  int n;
  if (cc_future_now(f) != CC_RUNNING) return;
  lua_pushcfunction(L, call_future);
  verdict v = call(L, f, &o, &n);
  if (v == DONE && !pack(L, n, &item)) {
    note_refusal(L, &o);
    v = FAILED;
  }
  cc_future_state state = v == DONE ? CC_SUCCEEDED : v == FAILED ? CC_FAILED : CC_CALLED_OFF;
  if (v == FAILED) {
    run_keep_error(L, &o);
    error_item(&o, &item);
  }
  _Atomic uint64_t *counter = v == DONE ? &c->done : v == FAILED ? &c->failed : &c->called_off;
  atomic_fetch_add(counter, 1); /* before anybody hears of the end */
  bool lost = v == FAILED && o.result == NULL;
  bool ended = lost ? cc_future_fail(me, f, CC_BY_MEMORY, 0) : cc_future_end(me, f, state, &item, o.traceback);
  if (!ended) { /* it was ended by others, who have counted it */
    atomic_fetch_sub(counter, 1);
    cc_item_drop(&item);
  }
  if (!ended || lost) cc_parcel_release(o.traceback);
  clear_away(me, L);
  w->tasks++;
}

/* ==} {== jobs */

typedef struct chunk {
  const cc_job *job;
  const cc_cell *cell;
  uint32_t done; /* calls that have returned */
  int results;   /* values in the table RESULTS, for a job that gathers: each call's after their number */
  cc_parcel *packed; /* the results, if that could be done at once; in hand */
} chunk;

/* Pushes the items of a cell, which keeps its parcel meanwhile. */
static void push_items(lua_State *L, const cc_cell *cell) {
  cc_item item = {0, cell->kind, {cell->u.word}};
  const cc_parcel *p = cell->u.parcel;
  if (cc_item_has_parcel(cell->kind))
    codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  else
    codec_push_item(L, &item);
}

/* Moves the results above index `top` into the table at index 1, after their number. */
static void gather(lua_State *L, chunk *k, int top) {
  int n = lua_gettop(L) - top;
  for (int i = n; i > 0; i--) lua_rawseti(L, 1, k->results + 1 + i);
  lua_pushinteger(L, n);
  lua_rawseti(L, 1, k->results + 1);
  k->results += n + 1;
}

/* Calls the job's function, its first upvalue, for all items of the chunk that is its argument.
** Returns the results, or gathers them in its second upvalue. */
static int call_items(lua_State *L) {
  chunk *k = lua_touserdata(L, 1);
  bool gathers = (k->job->flags & CC_JOB_GATHERS) != 0, spreads = (k->job->flags & CC_JOB_SPREADS) != 0;
  uint32_t count = k->cell->count;
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_replace(L, 1);
  push_items(L, k->cell);
  luaL_checkstack(L, (int)count + LUA_MINSTACK, "too many items");
  for (int at = 2; k->done < count; k->done++) {
    int top = lua_gettop(L), n = 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    if (spreads) {
      n = (int)lua_tointeger(L, at++);
      luaL_checkstack(L, n + LUA_MINSTACK, "too many arguments");
    }
    for (int i = 0; i < n; i++) lua_pushvalue(L, at++);
    lua_call(L, n, gathers ? LUA_MULTRET : 1);
    if (gathers) gather(L, k, top);
  }
  if (gathers) return 0;
  codec_writer *w = count > 1 ? codec_encode_plain(L, lua_gettop(L) - (int)count + 1, (int)count) : NULL;
  if (w != NULL) k->packed = codec_finish(w);
  return k->packed != NULL ? 0 : (int)count;
}

static int decode_function(lua_State *L) {
  const cc_parcel *p = lua_touserdata(L, 1);
  codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  lua_settop(L, 2);
  return 1;
}

/* Pushes what calls the job's function, which is decoded once; false: the error is on top. */
static bool push_function(lua_State *L, worker *w, const cc_job *j) {
  if (cc_unlikely(w->job != j->work.object.id)) {
    w->job = 0;
    lua_pushcfunction(L, decode_function);
    lua_pushlightuserdata(L, j->function);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) return false;
    lua_pushvalue(L, RESULTS);
    lua_pushcclosure(L, call_items, 2);
    lua_replace(L, FUNCTION);
    w->job = j->work.object.id;
  }
  lua_pushvalue(L, FUNCTION);
  return true;
}

/* A cell has no room for bytes: what is short becomes a parcel. */
static bool spill(cc_item *item) {
  if (!cc_item_sized(item->kind)) return true;
  cc_parcel *p = cc_parcel_new(item->size, NULL, 0);
  if (p == NULL) return false;
  memcpy(p->bytes, item->u.bytes, item->size);
  item->kind = item->kind == CC_ITEM_STRING ? CC_ITEM_TEXT : CC_ITEM_PARCEL;
  item->u.parcel = p;
  return true;
}

static bool pack_for_cell(lua_State *L, int n, cc_item *item) {
  if (!pack(L, n, item)) return false;
  if (spill(item)) return true;
  lua_pushliteral(L, "out of shared memory");
  return false;
}

/* Tries whether the n values on top, which it pops, can cross alone; false: the error is on top. */
static bool can_cross(lua_State *L, int n) {
  cc_item item;
  if (!pack(L, n, &item)) return false;
  cc_item_drop(&item);
  return true;
}

/* Packs the results, one of each call, on top. If one cannot cross, its call has failed: k->done
** says which, and the error is on top. */
static bool pack_results(lua_State *L, chunk *k, int n, cc_item *item) {
  int first = lua_gettop(L) - n + 1;
  if (n > 1 && !lua_checkstack(L, n + LUA_MINSTACK)) {
    k->done = 0;
    lua_pushliteral(L, "stack overflow (too many results)");
    return false;
  }
  if (n > 1) /* copies, to be looked at one by one */
    for (int i = 0; i < n; i++) lua_pushvalue(L, first + i);
  if (pack_for_cell(L, n, item)) return true;
  for (k->done = 0; n > 1 && (int)k->done < n - 1; k->done++) {
    lua_pushvalue(L, first + (int)k->done);
    if (!can_cross(L, 1)) return false;
  }
  return false; /* with the error of all together */
}

/* Pushes the values of RESULTS from a to b. */
static bool push_gathered(lua_State *L, int a, int b) {
  if (!lua_checkstack(L, b - a + LUA_MINSTACK)) {
    lua_pushliteral(L, "stack overflow (too many results)");
    return false;
  }
  for (int i = a; i <= b; i++) lua_rawgeti(L, RESULTS, i);
  return true;
}

/* The same for results that were gathered: those of the calls before the one that failed are
** packed all the same. */
static bool pack_gathered(lua_State *L, chunk *k, cc_item *item) {
  int all = k->results, at = 1;
  bool ok = push_gathered(L, 1, all) && pack_for_cell(L, all, item);
  if (ok) return true;
  for (k->done = 0; at <= all; k->done++) {
    lua_rawgeti(L, RESULTS, at);
    int n = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (!push_gathered(L, at + 1, at + n) || !can_cross(L, n)) break;
    at += n + 1;
  }
  if (!push_gathered(L, 1, at - 1) || !pack_for_cell(L, at - 1, item)) k->done = 0;
  return false;
}

/* Calls the function for the items of a cell that the worker has begun. */
static void do_cell(cc_self *me, lua_State *L, worker *w, cc_job *j, uint64_t i) {
  chunk k = {j, cc_job_cell(j, i), 0, 0, NULL};
  run_outcome o = {.in_hand = true};
  cc_item item = {0, CC_ITEM_NIL, {0}};
  uint32_t count = k.cell->count;
  bool gathers = (j->flags & CC_JOB_GATHERS) != 0;
  verdict v = FAILED;
  int n = 0;
  if (push_function(L, w, j)) {
    v = call(L, &k, &o, &n);
  } else {
    me->shield++;
    note_refusal(L, &o);
  }
  if (v == DONE && k.done < count) { /* concur.exit has ended it: its results count for this item */
    v = FAILED;
    lua_settop(L, TOP);
    lua_pushliteral(L, "concur.exit in a task of a map");
  }
  if (v != DONE) run_keep_error(L, &o);
  bool packed = true;
  if (gathers) {
    packed = pack_gathered(L, &k, &item);
  } else if (k.packed != NULL) {
    item.kind = CC_ITEM_PARCEL;
    item.u.parcel = k.packed;
  } else if (v == DONE) {
    packed = pack_results(L, &k, n, &item);
  }
  if (!packed && v == DONE) {
    note_refusal(L, &o);
    run_keep_error(L, &o);
  }
  if (gathers && k.results > 1000) { /* not to be kept for ever */
    lua_newtable(L);
    lua_replace(L, RESULTS);
    w->job = 0;
  }
  atomic_fetch_add(&w->crew->done, k.done);
  if (k.done < count) atomic_fetch_add(&w->crew->failed, 1);
  cc_job_end(me, j, i, &item, k.done, o.result, o.traceback);
  clear_away(me, L);
}

/* How many cells a worker is given at a time, from what calls have taken so far. */
static void learn(cc_job *j, uint64_t cells, uint64_t items, int64_t time) {
  atomic_fetch_add(&j->workers.items, items);
  atomic_fetch_add(&j->workers.time, (uint64_t)time);
  int64_t each = time / (int64_t)cells + 1;
  uint32_t n = each > SHORT_TIME ? 1 : each * MOST_CELLS < SHORT_TIME ? MOST_CELLS : (uint32_t)(SHORT_TIME / each);
  atomic_store_explicit(&j->spread, n, memory_order_relaxed);
}

static void do_job(cc_self *me, lua_State *L, worker *w, cc_job *j) {
  cc_member *m = w->member;
  uint64_t cells = 0, items = 0;
  int64_t start = cc_clock();
  for (uint64_t i = m->from; i < m->to; i++) {
    if (atomic_load(&j->stop) != CC_JOB_RUNS || !cc_job_begin(j, i, m->number)) continue;
    items += cc_job_cell(j, i)->count;
    cells++;
    do_cell(me, L, w, j, i);
  }
  if (cells > 0) learn(j, cells, items, cc_clock() - start);
  w->tasks += items;
}

/* ==} {== the worker */

/* The error on top breaks the crew. */
static void break_crew(cc_self *me, lua_State *L, worker *w, run_outcome *o) {
  cc_item item;
  run_keep_error(L, o);
  error_item(o, &item);
  cc_crew_end(me, w->crew, CC_CREW_BROKEN, &item, o->traceback, NULL);
}

static int call_initializer(lua_State *L) {
  const cc_parcel *p = lua_touserdata(L, 1);
  int n = codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  lua_call(L, n - 1, 0);
  return 0;
}

/* False: the worker is to leave. */
static bool initialize(cc_self *me, lua_State *L, worker *w) {
  run_outcome o = {.in_hand = true};
  if (w->crew->initializer == NULL) return true;
  run_push_handler(L, &o);
  lua_pushcfunction(L, call_initializer);
  lua_pushlightuserdata(L, w->crew->initializer);
  if (lua_pcall(L, 1, 0, CREW + 1) == LUA_OK) return true;
  run_unwinding = 0;
  me->shield++;
  if (!run_is_cancelled(L, -1)) {
    if (o.traceback == NULL) note_refusal(L, &o);
    break_crew(me, L, w, &o);
  }
  me->shield--;
  return false;
}

/* The next work, or false when there is to be none. */
static bool next(cc_self *me, lua_State *L, worker *w) {
  cc_crew *c = w->crew;
  bool leave = c->max_tasks != 0 && w->tasks >= c->max_tasks, cold = false;
  int64_t wait = WARM_TIME < c->idle_time ? WARM_TIME : c->idle_time;
  for (;;) {
    int64_t now = cc_clock();
    switch (cc_crew_take(me, c, w->member, leave, wait > CC_FOREVER - now ? CC_FOREVER - 1 : now + wait)) {
      case CC_OK: return true;
      case CC_INTERRUPTED: run_thread_forget_stop(me, w->thread); break;
      case CC_TIMEOUT:
        leave = cold;
        cold = true;
        wait = c->idle_time;
        if (!leave) lua_gc(L, LUA_GCCOLLECT); /* what tasks have left behind may keep objects alive */
        break;
      default: return false;
    }
  }
}

int run_work(lua_State *L) {
  cc_self *me = cc_self_get();
  codec_handle *h = handle_test(L, 1);
  if (h == NULL || h->kind != CC_CREW) return luaL_typeerror(L, 1, "concur.crew");
  worker w = {.crew = (cc_crew *)h->object};
  w.thread = w.crew->processes ? run_process_myself() : run_thread_current();
  w.member = cc_crew_find(me, w.crew, &w.thread->object);
  if (w.member == NULL) return 0;
  lua_settop(L, CREW);
  if (!initialize(me, L, &w)) return 0;
  lua_settop(L, CREW);
  lua_pushnil(L);
  lua_newtable(L);
  cc_crew_own = w.crew;
  cc_member_own = w.member;
  while (next(me, L, &w)) {
    cc_work *work = w.member->work;
    if (work->object.kind == CC_FUTURE)
      do_future(me, L, &w, (cc_future *)work);
    else
      do_job(me, L, &w, (cc_job *)(void *)work);
  }
  cc_crew_own = NULL;
  cc_member_own = NULL;
  return 0;
}

/* ==} */
