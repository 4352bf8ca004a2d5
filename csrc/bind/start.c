/*
** From arguments or options to a running thread. Until the start they stay in the
** handle's user value, in the state that made it: they are copied at start.
*/
#include "bind/start.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bind/bind.h"
#include "codec/codec.h"
#include "run/context.h"
#include "run/process.h"
#include "run/timer.h"

/* {== options */

#define ARGUMENTS 200000 /* what fits Lua's stack in all circumstances */

static const char *const thread_options[] = {"target", "args",  "name",     "daemon",
                                             "globals", "stack", "affinity", NULL};
static const char *const timer_options[] = {"target",  "args",     "name",      "daemon",
                                            "globals", "interval", "repeating", NULL};

static const char *what(cc_kind kind) {
  return kind == CC_TIMER ? "timer" : kind == CC_PROCESS ? "process" : "thread";
}

static const char *const *options_of(cc_kind kind) {
  return kind == CC_TIMER ? timer_options : thread_options;
}

static void check_names(lua_State *L, int options, cc_kind kind) {
  lua_pushnil(L);
  while (lua_next(L, options)) {
    const char *const *name = options_of(kind);
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    while (*name != NULL && strcmp(*name, key) != 0) name++;
    if (*name == NULL) {
      luaL_tolstring(L, -2, NULL);
      luaL_error(L, "unknown option '%s' for a %s", lua_tostring(L, -1), what(kind));
    }
    lua_pop(L, 1);
  }
}

/* Pushes an option; raises when it is neither absent nor of that type. */
static bool get_option(lua_State *L, int options, const char *name, int type) {
  int got = lua_getfield(L, options, name);
  if (got == LUA_TNIL) return false;
  if (got != type)
    luaL_error(L, "bad option '%s' (%s expected, got %s)", name, lua_typename(L, type),
               luaL_typename(L, -1));
  return true;
}

static void check_affinity(lua_State *L, int list) {
  lua_Integer n = luaL_len(L, list), limit = (lua_Integer)cc_cpu_limit();
  if (n == 0) luaL_error(L, "bad option 'affinity' (empty list)");
  for (lua_Integer i = 1; i <= n; i++) {
    int ok;
    lua_geti(L, list, i);
    lua_Integer cpu = lua_tointegerx(L, -1, &ok);
    if (!ok || cpu < 1 || cpu > limit)
      luaL_error(L, "bad option 'affinity' (processors are numbered 1 to %I)", limit);
    lua_pop(L, 1);
  }
}

static void check_stack(lua_State *L) {
  int ok;
  lua_Integer n = lua_tointegerx(L, -1, &ok);
  if (!ok || n <= 0) luaL_error(L, "bad option 'stack' (a positive number of bytes expected)");
}

/* The n of the args on top is absent or a number of arguments. */
static void check_count(lua_State *L) {
  int ok = lua_getfield(L, -1, "n") == LUA_TNIL;
  if (!ok) {
    lua_Integer n = lua_tointegerx(L, -1, &ok);
    ok = ok && lua_type(L, -1) == LUA_TNUMBER && n >= 0 && n <= ARGUMENTS;
  }
  if (!ok) luaL_error(L, "bad option 'args' (its n must be a number of arguments)");
  lua_pop(L, 1);
}

/* Checks the options table; leaves the name (or nil) on top. */
static void check_options(lua_State *L, int options, cc_kind kind, bool *daemon) {
  check_names(L, options, kind);
  get_option(L, options, "target", LUA_TFUNCTION);
  if (get_option(L, options, "args", LUA_TTABLE)) check_count(L);
  get_option(L, options, "globals", LUA_TTABLE);
  if (get_option(L, options, "stack", LUA_TNUMBER)) check_stack(L);
  if (get_option(L, options, "affinity", LUA_TTABLE)) check_affinity(L, lua_gettop(L));
  if (get_option(L, options, "daemon", LUA_TBOOLEAN)) *daemon = lua_toboolean(L, -1);
  lua_pop(L, 6);
  if (lua_getfield(L, options, "name") != LUA_TNIL && !lua_isstring(L, -1))
    luaL_error(L, "bad option 'name' (string expected, got %s)", luaL_typename(L, -1));
}

/* ==} */

/* Puts the n values (a function and its arguments) into a table in the shape of args:
** the same as options. */
static void keep_call(lua_State *L, int n) {
  lua_createtable(L, n, 1);
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  for (int i = 1; i <= n; i++) {
    lua_pushvalue(L, i);
    lua_rawseti(L, -2, i);
  }
  lua_replace(L, 1);
  lua_settop(L, 1);
}

static bool inherited_daemon(void) {
  run_thread *creator = run_thread_current();
  /* a host's thread counts as daemon, but what it starts belongs to its state */
  return creator != NULL && atomic_load(&creator->root) != 0 && atomic_load(&creator->daemon) != 0;
}

/* Seconds at idx; the error names the option where there is one. */
static int64_t interval_at(lua_State *L, int idx) {
  lua_Number s = lua_tonumber(L, idx);
  if (lua_type(L, idx) != LUA_TNUMBER || !(s >= 0))
    luaL_error(L, "bad interval for a timer (seconds, not negative, expected)");
  return bind_seconds(L, idx);
}

void bind_new_timer(lua_State *L) {
  bool daemon = inherited_daemon(), repeating = false;
  size_t length = 0;
  const char *name = NULL;
  int64_t interval;
  if (lua_istable(L, 1) && lua_gettop(L) == 1) {
    if (get_option(L, 1, "repeating", LUA_TBOOLEAN)) repeating = lua_toboolean(L, -1);
    lua_getfield(L, 1, "interval");
    interval = interval_at(L, -1);
    lua_settop(L, 1);
    check_options(L, 1, CC_TIMER, &daemon);
    name = lua_tolstring(L, -1, &length); /* stays on the stack */
  } else {
    interval = bind_seconds(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_remove(L, 1);
    keep_call(L, lua_gettop(L));
  }
  if (repeating && interval == 0) luaL_error(L, "a repeating timer needs an interval above 0");
  codec_handle *h = handle_new(L, CC_TIMER, 1);
  bind_made(L, h, (cc_object *)run_timer_new(name, length, daemon, interval, repeating));
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  lua_replace(L, 1);
  lua_settop(L, 1);
}

static void new_thread(lua_State *L, cc_kind kind) {
  bool daemon = kind == CC_PROCESS ? inherited_daemon() || run_process_daemon() : inherited_daemon();
  size_t length = 0;
  const char *name = NULL;
  int n = lua_gettop(L);
  if (lua_istable(L, 1) && n == 1) {
    check_options(L, 1, kind, &daemon);
    name = lua_tolstring(L, -1, &length); /* stays on the stack */
  } else {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    keep_call(L, n);
  }
  codec_handle *h = handle_new(L, kind, 1);
  run_thread *t = kind == CC_PROCESS ? run_process_new(name, length, daemon)
                                     : run_thread_new(name, length, daemon);
  bind_made(L, h, (cc_object *)t);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  lua_replace(L, 1);
  lua_settop(L, 1);
}

void bind_new_thread(lua_State *L) { new_thread(L, CC_THREAD); }

void bind_new_process(lua_State *L) { new_thread(L, CC_PROCESS); }

/* {== surroundings */

static char *usual_path, *usual_cpath; /* set once, before usual_known */
static _Atomic uint32_t usual_known;   /* 0 no, 1 being set, 2 yes */

static char *copy_package_field(lua_State *L, const char *field) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, field);
  const char *s = lua_tostring(L, -1);
  char *copy = s != NULL ? strdup(s) : NULL;
  lua_pop(L, 2);
  return copy;
}

void bind_note_paths(lua_State *L) {
  uint32_t unknown = 0;
  if (!atomic_compare_exchange_strong(&usual_known, &unknown, 1)) return;
  usual_path = copy_package_field(L, "path");
  usual_cpath = copy_package_field(L, "cpath");
  atomic_store(&usual_known, 2);
}

/* The table of extras at index `extras` is made when it is first needed. */
static void need_extras(lua_State *L, int extras) {
  if (!lua_isnil(L, extras)) return;
  lua_newtable(L);
  lua_replace(L, extras);
}

static void give_path(lua_State *L, int extras, const char *field, char *const *usual) {
  bool known = atomic_load(&usual_known) == 2 && *usual != NULL;
  if (lua_getfield(L, -1, field) == LUA_TSTRING &&
      !(known && strcmp(lua_tostring(L, -1), *usual) == 0)) {
    need_extras(L, extras);
    lua_setfield(L, extras, field);
  } else {
    lua_pop(L, 1);
  }
}

static void give_preload(lua_State *L, int extras) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  int from = lua_gettop(L);
  lua_pushnil(L);
  if (!lua_istable(L, from) || !lua_next(L, from)) {
    lua_settop(L, from - 1);
    return;
  }
  lua_newtable(L);
  lua_insert(L, -3); /* under key and value */
  do {
    lua_pushvalue(L, -2);
    if (lua_iscfunction(L, -2)) {
      lua_CFunction f = lua_tocfunction(L, -2);
      lua_Integer bits = 0;
      memcpy(&bits, &f, sizeof f);
      lua_pushinteger(L, bits);
    } else {
      lua_pushvalue(L, -2);
    }
    lua_rawset(L, from + 1);
    lua_pop(L, 1);
  } while (lua_next(L, from));
  need_extras(L, extras);
  lua_setfield(L, extras, "preload");
  lua_settop(L, from - 1);
}

/* The excepthook, unless it is the one that every state begins with. */
static void give_hook(lua_State *L, int extras) {
  run_push_module(L);
  lua_getfield(L, -1, "excepthook");
  lua_getfield(L, -2, "_excepthook");
  if (!lua_rawequal(L, -1, -2)) {
    need_extras(L, extras);
    lua_pushvalue(L, -2);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushboolean(L, 0);
    }
    lua_setfield(L, extras, "excepthook");
  }
  lua_pop(L, 3);
}

void bind_push_surroundings(lua_State *L) {
  lua_pushnil(L);
  int extras = lua_gettop(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "package") == LUA_TTABLE) {
    give_path(L, extras, "path", &usual_path);
    give_path(L, extras, "cpath", &usual_cpath);
  }
  lua_settop(L, extras);
  give_preload(L, extras);
  give_hook(L, extras);
}

/* ==} {== start */

/* Pushes the function and its arguments, returns how many values that is. */
static int push_call(lua_State *L, int options) {
  lua_Integer n, first = 1;
  int args = options;
  if (lua_rawgeti(L, options, 1) == LUA_TNIL) { /* a table of options */
    lua_pop(L, 1);
    lua_getfield(L, options, "target");
    if (lua_getfield(L, options, "args") == LUA_TNIL) {
      lua_pop(L, 1);
      return 1;
    }
    args = lua_gettop(L) - 1;
    lua_insert(L, args); /* below the function */
  } else {
    lua_pop(L, 1);
  }
  lua_pushvalue(L, args);
  check_count(L); /* it may have changed since */
  lua_pop(L, 1);
  lua_getfield(L, args, "n");
  n = lua_isnil(L, -1) ? luaL_len(L, args) : lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (n > ARGUMENTS) luaL_error(L, "too many arguments for a thread");
  luaL_checkstack(L, (int)n + 4, "too many arguments for a thread");
  for (lua_Integer i = first; i <= n; i++) lua_geti(L, args, i);
  if (args == options) return (int)n; /* the function was the first */
  lua_remove(L, args);
  return (int)n + 1;
}

static unsigned *get_affinity(lua_State *L, int options, size_t *n) {
  *n = 0;
  if (lua_getfield(L, options, "affinity") == LUA_TNIL) {
    lua_pop(L, 1);
    return NULL;
  }
  *n = (size_t)luaL_len(L, -1);
  /* a userdata, so that it goes with the stack */
  unsigned *cpus = lua_newuserdatauv(L, *n * sizeof *cpus, 0);
  for (size_t i = 0; i < *n; i++) {
    lua_geti(L, -2, (lua_Integer)i + 1);
    cpus[i] = (unsigned)lua_tointeger(L, -1) - 1;
    lua_pop(L, 1);
  }
  lua_remove(L, -2);
  return cpus;
}

static int pack_surroundings(lua_State *L) {
  run_message *m = lua_touserdata(L, 1);
  m->surroundings = cc_parcel_lay(codec_finish(codec_encode(L, 2, 1, CODEC_FAMILY, 0)));
  if (m->surroundings == NULL) bind_raise(L, CC_NO_MEMORY);
  return 0;
}

/* n values from first on are the call, the surroundings lie behind them. The call
** comes first: what it raises tells the caller's position, and nothing is in hand. */
static void pack_message(lua_State *L, int first, int n, run_message *m) {
  m->call = cc_parcel_lay(codec_finish(codec_encode(L, first, n, CODEC_FAMILY, 2)));
  if (m->call == NULL) bind_raise(L, CC_NO_MEMORY);
  if (lua_isnil(L, first + n)) return;
  lua_pushcfunction(L, pack_surroundings);
  lua_pushlightuserdata(L, m);
  lua_pushvalue(L, first + n);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return;
  run_message_drop(m);
  luaL_where(L, 1);
  lua_insert(L, -2);
  if (lua_type(L, -1) == LUA_TSTRING)
    lua_concat(L, 2);
  lua_error(L);
}

static void started_before(lua_State *L, cc_kind kind) {
  luaL_error(L, "%sthreads can only be started once", kind == CC_PROCESS ? "processes like " : "");
}

void bind_start(lua_State *L, int idx, run_thread *t) {
  int top = lua_gettop(L);
  cc_kind kind = (cc_kind)t->object.kind;
  run_options o = {0, NULL, 0};
  idx = lua_absindex(L, idx);
  luaL_checkstack(L, 20, NULL);
  if (atomic_load(&t->status) != RUN_NEW) {
    if (atomic_load(&t->status) == RUN_CANCELLED && atomic_load(&t->ident) == 0) return;
    started_before(L, kind);
  }
  if (lua_getiuservalue(L, idx, 1) != LUA_TTABLE)
    luaL_error(L, "a %s can only be started by the state that made it", what(kind));
  int options = lua_gettop(L);
  o.cpus = get_affinity(L, options, &o.ncpus);
  if (lua_getfield(L, options, "stack") != LUA_TNIL) o.stack = (size_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  uint64_t root = run_context_root(L);
  run_message m = {NULL, NULL};
  lua_getfield(L, options, "globals");
  int first = lua_gettop(L);
  int n = push_call(L, options);
  bind_push_surroundings(L);
  pack_message(L, first, n + 1, &m);
  int error = kind == CC_TIMER     ? run_timer_start(t, &m, root)
              : kind == CC_PROCESS ? run_process_start(t, &m, root, &o)
                                   : run_thread_start(t, &m, root, &o);
  if (error == EALREADY) started_before(L, kind);
  if (error != 0 && error != ECANCELED)
    luaL_error(L, "cannot start the %s: %s", what(kind), cc_error_text(error));
  lua_pushnil(L); /* copied: what was kept for the start can go */
  lua_setiuservalue(L, idx, 1);
  lua_settop(L, top);
}

/* ==} */
