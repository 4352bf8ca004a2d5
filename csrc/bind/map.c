/*
** pool:map and its kin. The caller is the owner of a job (core/job.h): it packs items into cells,
** sleeps until about half of them have results, takes those out, and goes on, so that workers
** always find something and memory stays small whatever the length of the list.
**
** Unless it is told, the size of a chunk follows from what calls have taken so far: about a
** millisecond of work.
*/
#include <string.h>

#include "bind/pool.h"
#include "codec/codec.h"
#include "codec/item.h"
#include "run/context.h"
#include "run/thread.h"

#define CHUNK_TIME 1000000 /* ns of work in a chunk */
#define MOST_ITEMS 8192    /* in a chunk */
#define CELLS 1024         /* for chunks of a size that was told */
#define NEWS 100000000     /* ns between two looks at the progress */

typedef struct mapper {
  cc_job *job;        /* one reference; NULL: not made yet, or over */
  cc_crew *crew;
  bool ordered;
  bool iterates;      /* the source is a function to be called for each item */
  bool plain;         /* the source is a table without metatable, of single items */
  bool exhausted;     /* no more input */
  bool stops;         /* what runs is to be stopped when the mapper is closed early */
  uint32_t chunk;     /* items in each; 0: as the time tells */
  uint64_t ahead;     /* most items that are read and not given out */
  lua_Integer n;      /* of a list; of an iterator what was read so far */
  lua_Integer next;   /* index of the next item to be read, from 1 */
  uint64_t filled, taken; /* cells; taken in order only */
  uint64_t out;       /* items given out */
  int64_t deadline;
  uint64_t target;    /* what it waits for */
  int64_t told;       /* when the progress was last told */
  uint64_t reported;  /* what it was */
  /* of an iterator of ours: what the current cell gave, in a table (user value CURRENT) */
  lua_Integer at, end; /* in that table */
  uint64_t index;     /* of the item at `at` */
  bool fails;         /* after those comes an error (user value ERROR) */
} mapper;

enum { SOURCE = 1, CURRENT, PROGRESS, ERROR, VALUES = ERROR }; /* user values */

/* {== life */

static void end(mapper *m) {
  cc_job *j = m->job;
  if (j == NULL) return;
  m->job = NULL;
  cc_self *me = cc_self_get();
  bool over = m->exhausted && m->out == (uint64_t)m->n;
  cc_crew_cancel_job(me, m->crew, j, m->stops && !over ? run_thread_stop_task : NULL);
  cc_object_release(&j->work.object);
}

static int mapper_close(lua_State *L) {
  end(lua_touserdata(L, 1));
  return 0;
}

static const char mapper_key;

static void push_metatable(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &mapper_key) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, mapper_close);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, mapper_close);
  lua_setfield(L, -2, "__close");
  lua_pushliteral(L, "concur.map");
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &mapper_key);
}

static uint32_t option(lua_State *L, int options, const char *name, uint32_t usual) {
  int ok;
  if (!lua_istable(L, options)) return usual;
  if (lua_getfield(L, options, name) != LUA_TNIL) {
    lua_Integer n = lua_tointegerx(L, -1, &ok);
    if (!ok || lua_type(L, -1) != LUA_TNUMBER || n < 1)
      luaL_error(L, "bad option '%s' (a positive integer expected, got %s)", name, luaL_tolstring(L, -1, NULL));
    usual = n < 1000000000 ? (uint32_t)n : 1000000000;
  }
  lua_pop(L, 1);
  return usual;
}

static void check_options(lua_State *L, int options, bool lazy) {
  static const char *const names[] = {"chunk", "timeout", "progress", "ahead", NULL};
  if (lua_isnoneornil(L, options)) return;
  luaL_checktype(L, options, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, options)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    int i = 0;
    while (names[i] != NULL && strcmp(names[i], key) != 0) i++;
    if (names[i] == NULL || (!lazy && strcmp(key, "ahead") == 0)) {
      luaL_tolstring(L, -2, NULL);
      luaL_error(L, "unknown option '%s' for a map", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
}

/* Pushes what tells the progress, or nil: the option, or what concur.progress makes. */
static void push_progress(lua_State *L, int options, const mapper *m) {
  int type = lua_istable(L, options) ? lua_getfield(L, options, "progress") : (lua_pushnil(L), LUA_TNIL);
  if (type == LUA_TBOOLEAN && lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "concur.progress");
    lua_call(L, 1, 1);
    if (m->iterates)
      lua_pushnil(L);
    else
      lua_pushinteger(L, m->n);
    lua_call(L, 1, 1);
  } else if (type == LUA_TBOOLEAN) {
    lua_pop(L, 1);
    lua_pushnil(L);
  } else if (type != LUA_TNIL && type != LUA_TFUNCTION) {
    luaL_error(L, "bad option 'progress' (true or a function expected, got %s)", luaL_typename(L, -1));
  }
}

static uint32_t cells_for(const mapper *m) {
  uint64_t want = m->chunk != 0 ? CELLS : 16 * (uint64_t)m->crew->limit, n = 64;
  if (!m->iterates && (uint64_t)m->n < want) want = (uint64_t)m->n;
  if (m->ahead < want) want = m->ahead;
  if (want < 1) want = 1;
  if (want > 65536) want = 65536;
  for (n = 1; n < want;) n *= 2;
  return (uint32_t)n;
}

static lua_Integer length(lua_State *L, int list) {
  lua_Integer n;
  if (lua_istable(L, list)) {
    lua_pushliteral(L, "n");
    int type = lua_rawget(L, list);
    n = lua_tointeger(L, -1);
    bool counted = type == LUA_TNUMBER && lua_isinteger(L, -1) && n >= 0;
    lua_pop(L, 1);
    if (counted) return n;
  }
  return luaL_len(L, list);
}

static bool has_metatable(lua_State *L, int idx) {
  bool has = lua_getmetatable(L, idx) != 0;
  if (has) lua_pop(L, 1);
  return has;
}

static int pack_function(lua_State *L) {
  cc_parcel **p = lua_touserdata(L, 1);
  *p = codec_finish(codec_encode(L, 2, 1, CODEC_FAMILY, 0));
  return 0;
}

/* Pushes a mapper for the function at index 2 and the list or iterator at index 3. */
static mapper *new_mapper(lua_State *L, uint32_t flags, int options, bool lazy) {
  cc_crew *c = bind_crew(L);
  cc_parcel *function = NULL;
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bool iterates = lazy && lua_isfunction(L, 3);
  if (!iterates && !lua_istable(L, 3) && !lua_isuserdata(L, 3))
    luaL_typeerror(L, 3, lazy ? "list or function" : "list");
  check_options(L, options, lazy);
  mapper *m = lua_newuserdatauv(L, sizeof *m, VALUES);
  memset(m, 0, sizeof *m);
  push_metatable(L);
  lua_setmetatable(L, -2);
  int self = lua_gettop(L);
  m->crew = c;
  m->ordered = (flags & CC_JOB_ORDERED) != 0;
  m->iterates = iterates;
  m->stops = true;
  m->next = m->at = 1;
  m->n = iterates ? 0 : length(L, 3);
  m->chunk = option(L, options, "chunk", lazy ? 1 : 0); /* nobody waits for the rest of a chunk in imap */
  if (m->chunk > MOST_ITEMS) m->chunk = MOST_ITEMS;
  m->ahead = lazy ? option(L, options, "ahead", 4 * c->limit * (m->chunk > 0 ? m->chunk : 1)) : UINT64_MAX;
  m->deadline = CC_FOREVER;
  if (lua_istable(L, options)) {
    lua_getfield(L, options, "timeout");
    m->deadline = bind_deadline_option(L, "timeout");
    lua_pop(L, 1);
  }
  push_progress(L, options, m);
  lua_setiuservalue(L, self, PROGRESS);
  lua_pushvalue(L, 3);
  lua_setiuservalue(L, self, SOURCE);
  if (iterates) flags |= CC_JOB_SPREADS;
  m->plain = lua_istable(L, 3) && !(flags & CC_JOB_SPREADS) && !has_metatable(L, 3);
  cc_crew_state state = cc_crew_now(c);
  if (state != CC_CREW_OPEN && !(state == CC_CREW_CLOSED && c == cc_crew_own)) bind_crew_refuses(L, c);
  lua_pushcfunction(L, pack_function);
  lua_pushlightuserdata(L, &function);
  lua_pushvalue(L, 2);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    if (lua_isstring(L, -1)) lua_concat(L, 2);
    lua_error(L);
  }
  if (function == NULL) bind_raise(L, CC_NO_MEMORY);
  m->job = cc_job_new(c, function, cells_for(m), flags);
  if (m->job == NULL) {
    cc_parcel_release(function);
    bind_raise(L, CC_NO_MEMORY);
  }
  return m;
}

/* ==} {== input */

/* Pushes item i of the source; for a job that spreads, its values after their number. Returns
** how many values that is; 0: there is none. */
static int push_input(lua_State *L, mapper *m, int source, lua_Integer i) {
  int top = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, "too many items");
  if (m->iterates) {
    lua_pushvalue(L, source);
    lua_call(L, 0, LUA_MULTRET);
    int n = lua_gettop(L) - top;
    if (n == 0 || lua_isnil(L, top + 1)) {
      lua_settop(L, top);
      return 0;
    }
    lua_pushinteger(L, n);
    lua_insert(L, top + 1);
    return n + 1;
  }
  lua_geti(L, source, i);
  if (!(m->job->flags & CC_JOB_SPREADS)) return 1;
  if (!lua_istable(L, -1)) luaL_error(L, "task %I: a list of arguments expected, got %s", i, luaL_typename(L, -1));
  lua_Integer n = length(L, top + 1);
  if (n < 0 || n > 200000) luaL_error(L, "task %I: too many arguments", i);
  luaL_checkstack(L, (int)n + LUA_MINSTACK, "too many arguments");
  lua_pushinteger(L, n);
  for (lua_Integer k = 1; k <= n; k++) lua_geti(L, top + 1, k);
  lua_remove(L, top + 1);
  return (int)n + 1;
}

/* Makes the values behind its first argument an item for a cell. */
static int pack_input(lua_State *L) {
  cc_item *item = lua_touserdata(L, 1);
  item->kind = CC_ITEM_PARCEL;
  item->u.parcel = codec_finish(codec_encode(L, 2, lua_gettop(L) - 1, CODEC_FAMILY, 0));
  if (item->u.parcel == NULL) bind_raise(L, CC_NO_MEMORY);
  return 0;
}

/* The same for the n values from `first` on; false: the error is on top. */
static bool pack(lua_State *L, int first, int n, cc_item *item) {
  luaL_checkstack(L, n + LUA_MINSTACK, "too many items");
  lua_pushcfunction(L, pack_input);
  lua_pushlightuserdata(L, item);
  for (int i = 0; i < n; i++) lua_pushvalue(L, first + i);
  return lua_pcall(L, n + 1, 0, 0) == LUA_OK;
}

/* The n values from `at` on are the items from index `index` on, one of which cannot cross, as the
** message on top tells: raises that with the item's index. */
static void refuse(lua_State *L, const mapper *m, lua_Integer index, int at, int n) {
  for (int last = at + n; at < last; index++) {
    cc_item item;
    int k = m->job->flags & CC_JOB_SPREADS ? (int)lua_tointeger(L, at) + 1 : 1;
    if (!pack(L, at, k, &item)) break;
    cc_item_drop(&item);
    at += k;
  }
  if (lua_type(L, -1) != LUA_TSTRING) lua_error(L);
  luaL_where(L, 1);
  lua_pushfstring(L, "%stask %I: %s", lua_tostring(L, -1), index, lua_tostring(L, -2));
  lua_error(L);
}

static void pack_items(lua_State *L, const mapper *m, int first, int n, cc_item *item) {
  int type = lua_type(L, first);
  item->kind = CC_ITEM_PARCEL;
  if (n == 1 && (type == LUA_TNUMBER || type == LUA_TBOOLEAN || type == LUA_TNIL) && !(m->job->flags & CC_JOB_SPREADS)) {
    codec_item(L, first, item);
    return;
  }
  codec_writer *w = codec_encode_plain(L, first, n);
  if (w == NULL) {
    if (!pack(L, first, n, item)) refuse(L, m, m->next, first, n);
  } else if ((item->u.parcel = codec_finish(w)) == NULL) {
    bind_raise(L, CC_NO_MEMORY);
  }
}

/* Pushes the next items of a plain list. */
static uint32_t push_list(lua_State *L, const mapper *m, int source, uint32_t count) {
  lua_Integer i = m->next, left = m->n - m->next + 1;
  if (left < count) count = (uint32_t)left;
  luaL_checkstack(L, (int)count + LUA_MINSTACK, "too many items");
  for (uint32_t k = 0; k < count; k++) lua_rawgeti(L, source, i++);
  return count;
}

/* Fills the next cell with `count` items, or as many as there are. False: there was none. */
static bool fill_cell(lua_State *L, mapper *m, int source, uint32_t count) {
  cc_item item;
  int top = lua_gettop(L);
  uint32_t got = 0;
  if (m->plain)
    got = push_list(L, m, source, count);
  else
    while (got < count && (m->iterates || m->next + got <= m->n) && push_input(L, m, source, m->next + got) != 0) got++;
  if (got > 0) {
    pack_items(L, m, top + 1, lua_gettop(L) - top, &item);
    cc_job_fill(cc_self_get(), m->job, &item, got, (uint64_t)m->next);
    m->filled++;
    m->next += got;
  }
  if (m->iterates) m->n = m->next - 1;
  m->exhausted = got < count || (!m->iterates && m->next > m->n);
  lua_settop(L, top);
  return got > 0;
}

/* How many items the next cell is to have; 0: none is to be filled now. */
static uint32_t next_chunk(const mapper *m) {
  const cc_job *j = m->job;
  uint64_t read = (uint64_t)m->next - 1 - m->out, limit = m->crew->limit, n = m->chunk;
  if (m->exhausted || read >= m->ahead || !cc_job_room(j)) return 0;
  if (n == 0) {
    uint64_t items = atomic_load(&j->workers.items), time = atomic_load(&j->workers.time);
    if (items == 0) return read < 2 * limit ? 1 : 0; /* until it is known */
    n = CHUNK_TIME / (time / items + 1);
    if (!m->iterates && n > ((uint64_t)(m->n - m->next) + 1) / (2 * limit)) n = ((uint64_t)(m->n - m->next) + 1) / (2 * limit);
    if (n > MOST_ITEMS) n = MOST_ITEMS;
    if (n < 1) n = 1;
  }
  if (n > m->ahead - read) n = m->ahead - read;
  return (uint32_t)n;
}

/* Fills what is to be filled, and calls workers: at the first cell, so that one can begin, and at the end. */
static void fill(lua_State *L, mapper *m, int source) {
  cc_self *me = cc_self_get();
  uint32_t n = 0, count;
  while ((count = next_chunk(m)) > 0 && fill_cell(L, m, source, count))
    if (n++ == 0) cc_crew_notify(me, m->crew, m->job);
  if (n > 1) cc_crew_notify(me, m->crew, m->job);
}

/* ==} {== output */

/* Raises the error that is on top, of the item with that index. */
static int raise_error(lua_State *L, mapper *m, lua_Integer index) {
  m->stops = false; /* what is being done may end */
  if (lua_type(L, -1) == LUA_TSTRING) lua_pushfstring(L, "task %I: %s", index, lua_tostring(L, -1));
  return lua_error(L);
}

/* Pushes the error of a cell, and keeps its traceback for the pool. */
static void push_error(lua_State *L, const mapper *m, const cc_cell *c) {
  const cc_parcel *p = c->error;
  bind_pool_keep(L, 1, c->traceback);
  if (p != NULL) {
    codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  } else {
    bind_push_failure(L, m->crew, c->failure, c->code);
  }
}

/* Raises why the job has stopped; c: the cell that failed, or NULL. */
static int raise(lua_State *L, mapper *m, const cc_cell *c) {
  cc_job *j = m->job;
  if (c != NULL) {
    push_error(L, m, c);
    return raise_error(L, m, (lua_Integer)c->first + (lua_Integer)c->count);
  }
  m->stops = false;
  if (atomic_load(&j->stop) == CC_JOB_CALLED_OFF) {
    run_push_cancelled(L);
  } else {
    bind_pool_keep(L, 1, NULL);
    bind_push_failure(L, m->crew, j->failure, j->code);
  }
  return lua_error(L);
}

/* The job has stopped: the first of the cells that failed, in order of input, or NULL. */
static const cc_cell *first_failed(const mapper *m) {
  const cc_cell *first = NULL;
  for (uint32_t i = 0; i <= m->job->mask; i++) {
    const cc_cell *c = &m->job->cells[i];
    if (atomic_load(&c->state) == CC_CELL_FAILED && (first == NULL || c->first < first->first)) first = c;
  }
  return first;
}

/* Pushes the values of a cell that is done, and empties it. Returns how many. */
static int take(lua_State *L, mapper *m, cc_cell *c) {
  cc_item item;
  cc_parcel *error, *traceback;
  uint32_t count = c->count;
  int n = count > 0;
  luaL_checkstack(L, LUA_MINSTACK, "too many results");
  if (c->kind == CC_ITEM_PARCEL && count > 0) { /* it is read in its place, and dropped then */
    const cc_parcel *p = c->u.parcel;
    n = codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  }
  cc_job_take(cc_self_get(), c, &item, &error, &traceback);
  cc_job_empty(c);
  if (!(m->job->flags & CC_JOB_LAZY)) m->out += count;
  m->taken++;
  cc_parcel_release(error);
  cc_parcel_release(traceback);
  if (count == 0 || item.kind == CC_ITEM_PARCEL) /* without a result: what is there are its items */
    cc_item_drop(&item);
  else
    n = codec_push_item(L, &item);
  return n;
}

/* ==} {== waiting */

static cc_outcome wait_job(cc_self *me, cc_object *o, uint64_t target, int64_t deadline) {
  return cc_job_wait(me, (cc_job *)(void *)o, target, deadline);
}

/* Tells the progress, if somebody wants to hear of it and it has changed. */
static void tell_progress(lua_State *L, mapper *m, int self, bool last) {
  if (lua_getiuservalue(L, self, PROGRESS) != LUA_TNIL) {
    int64_t now = cc_clock();
    uint64_t done = last ? m->out : atomic_load(&m->job->workers.items);
    if (done > (uint64_t)m->n) done = (uint64_t)m->n;
    if (last || (done != m->reported && now - m->told >= NEWS / 2)) {
      m->told = now;
      m->reported = done;
      lua_pushinteger(L, (lua_Integer)done);
      if (m->iterates)
        lua_pushnil(L);
      else
        lua_pushinteger(L, m->n);
      lua_call(L, 2, 0);
      return;
    }
  }
  lua_pop(L, 1);
}

/* Waits for the target; false at the mapper's deadline. A task goes on with `again`, which comes here before it does
** anything else. */
static bool await(lua_State *L, mapper *m, int self, uint64_t target, lua_KFunction again) {
  cc_object *o = &m->job->work.object;
  bool tells = lua_getiuservalue(L, self, PROGRESS) != LUA_TNIL;
  lua_pop(L, 1);
  for (;;) {
    int64_t deadline = m->deadline, soon = tells ? cc_clock() + NEWS : CC_FOREVER;
    m->target = target;
    cc_job_aim(m->job, target);
    cc_outcome outcome = bind_await_then(L, o, target, wait_job, m->crew, soon < deadline ? soon : deadline, again);
    cc_job_aim(m->job, 0);
    if (outcome == CC_OK) return true;
    if (deadline != CC_FOREVER && cc_clock() >= deadline) return false;
    tell_progress(L, m, self, false);
  }
}

/* ==} {== map */

static bool is_done(const cc_job *j, uint64_t i) {
  return atomic_load_explicit(&cc_job_cell(j, i)->state, memory_order_acquire) == CC_CELL_DONE;
}

typedef void use_values(lua_State *L, mapper *m, int n, int result);

/* Runs a map to its end: `use` gets the values of each cell, in order, on top, and pops them.
** `self` and `result` are indices of the mapper and for `use`. False at the deadline. */
static bool run(lua_State *L, mapper *m, int self, use_values *use, int result, lua_KFunction again) {
  cc_job *j = m->job;
  if (bind_resumes() && !await(L, m, self, m->target, again)) return false;
  for (;;) {
    fill(L, m, 3);
    while (m->taken < m->filled && is_done(j, m->taken)) {
      cc_cell *c = cc_job_cell(j, m->taken);
      use(L, m, take(L, m, c), result);
      if (next_chunk(m) > 0 && (m->taken & 15) == 0) fill(L, m, 3);
    }
    if (atomic_load(&j->stop) != CC_JOB_RUNS) return raise(L, m, first_failed(m)) != 0;
    tell_progress(L, m, self, false);
    if (m->taken == m->filled && m->exhausted) return true;
    if (next_chunk(m) > 0) continue;
    uint64_t open = m->filled - m->taken, target = m->exhausted ? m->filled : m->taken + (open + 1) / 2;
    if (is_done(j, target - 1)) target = m->taken + 1; /* others are later than it */
    if (!await(L, m, self, target, again)) return false;
  }
}

static void use_list(lua_State *L, mapper *m, int n, int result) {
  for (lua_Integer i = (lua_Integer)m->out; n > 0; n--, i--) lua_rawseti(L, result, i);
}

static int timed_out(lua_State *L, mapper *m) {
  end(m);
  lua_pushnil(L);
  lua_pushliteral(L, "timeout");
  return 2;
}

/* Indices of maps: after the arguments. */
enum { MAP = 5, LIST, REDUCE = 7, REDUCED };

static int run_map(lua_State *L, int status, lua_KContext unused) {
  mapper *m = lua_touserdata(L, MAP);
  (void)status, (void)unused;
  if (!run(L, m, MAP, use_list, LIST, run_map)) return timed_out(L, m);
  tell_progress(L, m, MAP, true);
  lua_pushinteger(L, m->n);
  lua_setfield(L, LIST, "n");
  lua_settop(L, LIST);
  return 1;
}

static int map(lua_State *L, uint32_t flags) {
  lua_settop(L, 4);
  mapper *m = new_mapper(L, flags | CC_JOB_ORDERED, 4, false);
  lua_toclose(L, MAP);
  lua_createtable(L, m->n < 100000000 ? (int)m->n : 0, 1);
  m->exhausted = m->n == 0;
  return run_map(L, LUA_OK, 0);
}

int bind_pool_map(lua_State *L) { return map(L, 0); }

int bind_pool_starmap(lua_State *L) { return map(L, CC_JOB_SPREADS); }

/* result: index of what was reduced so far; the function is at index 4. */
static void use_reduce(lua_State *L, mapper *m, int n, int result) {
  int first = lua_gettop(L) - n + 1;
  (void)m;
  for (int i = 0; i < n; i++) {
    lua_pushvalue(L, 4);
    lua_pushvalue(L, result);
    lua_pushvalue(L, first + i);
    lua_call(L, 2, 1);
    lua_replace(L, result);
  }
  lua_settop(L, first - 1);
}

static int run_map_reduce(lua_State *L, int status, lua_KContext unused) {
  mapper *m = lua_touserdata(L, REDUCE);
  (void)status, (void)unused;
  if (!run(L, m, REDUCE, use_reduce, REDUCED, run_map_reduce)) return timed_out(L, m);
  tell_progress(L, m, REDUCE, true);
  lua_settop(L, REDUCED);
  return 1;
}

int bind_pool_map_reduce(lua_State *L) {
  luaL_checktype(L, 4, LUA_TFUNCTION);
  lua_settop(L, 6);
  mapper *m = new_mapper(L, CC_JOB_ORDERED, 6, false);
  lua_toclose(L, REDUCE);
  lua_pushvalue(L, 5);
  m->exhausted = m->n == 0;
  return run_map_reduce(L, LUA_OK, 0);
}

/* ==} {== imap */

/* Takes a cell that has ended into the table of current values. */
static void make_current(lua_State *L, mapper *m, int self, cc_cell *c) {
  m->index = c->first;
  m->fails = atomic_load(&c->state) == CC_CELL_FAILED;
  if (m->fails) {
    push_error(L, m, c);
    lua_setiuservalue(L, self, ERROR);
  }
  int n = take(L, m, c);
  lua_createtable(L, n, 0);
  lua_insert(L, -n - 1);
  for (int i = n; i > 0; i--) lua_rawseti(L, -i - 1, i);
  lua_setiuservalue(L, self, CURRENT);
  m->at = 1;
  m->end = n;
}

/* Pushes the index and the results of the next item of the current values. */
static int give(lua_State *L, mapper *m, int self) {
  lua_getiuservalue(L, self, CURRENT);
  int table = lua_gettop(L);
  lua_rawgeti(L, table, m->at);
  int n = (int)lua_tointeger(L, -1);
  luaL_checkstack(L, n + LUA_MINSTACK, "too many results");
  lua_pushinteger(L, (lua_Integer)m->index++);
  for (int i = 1; i <= n; i++) lua_rawgeti(L, table, m->at + i);
  m->at += n + 1;
  m->out++;
  return n + 1;
}

static cc_cell *next_cell(mapper *m) {
  if (!m->ordered) return cc_job_any(m->job);
  if (m->taken == m->filled) return NULL;
  cc_cell *c = cc_job_cell(m->job, m->taken);
  return atomic_load(&c->state) >= CC_CELL_DONE ? c : NULL;
}

enum { POOL = 1, SELF, INPUT }; /* indices of the iterator; the first two of its upvalues */

static int imap_go_on(lua_State *L, int status, lua_KContext unused);

/* The next result, or nothing. */
static int next_result(lua_State *L, mapper *m) {
  for (;;) {
    if (m->at <= m->end) return give(L, m, SELF);
    if (m->fails) {
      m->fails = false;
      end(m);
      lua_getiuservalue(L, SELF, ERROR);
      return raise_error(L, m, (lua_Integer)m->index);
    }
    if (m->job == NULL) return 0;
    cc_cell *c = next_cell(m);
    if (c != NULL) make_current(L, m, SELF, c);
    fill(L, m, INPUT); /* so that workers have something while the results are used */
    bool over = m->exhausted && m->taken == m->filled;
    tell_progress(L, m, SELF, over && m->out == (uint64_t)m->n);
    if (c != NULL) continue;
    if (!over && atomic_load(&m->job->stop) != CC_JOB_RUNS) raise(L, m, NULL);
    if (over || !await(L, m, SELF, m->taken + 1, imap_go_on)) {
      end(m);
      return 0;
    }
  }
}

static int imap_go_on(lua_State *L, int status, lua_KContext unused) {
  mapper *m = lua_touserdata(L, SELF);
  (void)status, (void)unused;
  if (await(L, m, SELF, m->target, imap_go_on)) return next_result(L, m);
  end(m);
  return 0;
}

static int imap_next(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(POOL));
  lua_pushvalue(L, lua_upvalueindex(SELF));
  mapper *m = lua_touserdata(L, SELF);
  lua_getiuservalue(L, SELF, SOURCE);
  return next_result(L, m);
}

static int imap(lua_State *L, uint32_t flags) {
  lua_settop(L, 4);
  mapper *m = new_mapper(L, flags | CC_JOB_GATHERS | CC_JOB_LAZY, 4, true);
  int self = lua_gettop(L);
  m->exhausted = !m->iterates && m->n == 0;
  lua_pushvalue(L, 1);
  lua_pushvalue(L, self);
  lua_pushcclosure(L, imap_next, 2);
  fill(L, m, 3);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, self); /* to be closed when the loop ends */
  return 4;
}

int bind_pool_imap(lua_State *L) { return imap(L, CC_JOB_ORDERED); }

int bind_pool_imap_unordered(lua_State *L) { return imap(L, 0); }

/* ==} */
