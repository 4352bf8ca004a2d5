/*
** What a worker does in a Lua state: decode the message, call the function, encode
** what comes of it.
*/
#include <lauxlib.h>

#include <string.h>

#include "codec/codec.h"
#include "codec/handle.h"
#include "run/context.h"
#include "run/outcome.h"
#include "run/state.h"
#include "run/worker.h"

typedef struct body {
  run_thread *thread;
  run_message *message; /* its parts become NULL once decoded */
  run_outcome outcome;
  run_status status;
} body;

static body *body_arg(lua_State *L) {
  body *b = lua_touserdata(L, 1);
  lua_remove(L, 1);
  return b;
}

/* {== what the creator's state gives beside function and arguments */

static void set_package_field(lua_State *L, int from, const char *field) {
  if (lua_getfield(L, from, field) == LUA_TSTRING) {
    lua_getglobal(L, "package");
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, field);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Preload functions in C came as numbers: they hold within the family. */
static void set_preload(lua_State *L, int from) {
  if (lua_getfield(L, from, "preload") == LUA_TTABLE) {
    int list = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushnil(L);
    while (lua_next(L, list)) {
      lua_pushvalue(L, -2);
      if (lua_isinteger(L, -2)) {
        lua_CFunction f;
        lua_Integer bits = lua_tointeger(L, -2);
        memcpy(&f, &bits, sizeof f);
        lua_pushcfunction(L, f);
      } else {
        lua_pushvalue(L, -2);
      }
      lua_rawset(L, list + 1);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Before the rest is decoded, since that may require modules. */
static void apply_surroundings(lua_State *L, int from) {
  luaL_checkstack(L, 10, NULL);
  set_package_field(L, from, "path");
  set_package_field(L, from, "cpath");
  set_preload(L, from);
  if (lua_getfield(L, from, "excepthook") != LUA_TNIL) {
    run_push_module(L);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "excepthook");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void set_globals(lua_State *L, int from) {
  lua_pushglobaltable(L);
  int to = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, from)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, to);
  }
  lua_pop(L, 1);
}

/* ==} */

/* A child process may be killed at any moment, and what it was given is taken back then: so
** the part stays in its place until it has been decoded. */
static int decode(lua_State *L, cc_parcel **part) {
  cc_parcel *p = *part;
  int n = codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  *(cc_parcel *volatile *)part = NULL;
  cc_parcel_release(p);
  return n;
}

static int call_it(lua_State *L) {
  body *b = body_arg(L);
  if (b->message->surroundings != NULL) {
    decode(L, &b->message->surroundings);
    apply_surroundings(L, 1);
    lua_settop(L, 0);
  }
  run_state_prepare(L);
  int n = decode(L, &b->message->call);
  luaL_checkstack(L, 10, NULL);
  if (lua_istable(L, 1)) set_globals(L, 1);
  lua_remove(L, 1);
  if (lua_isnil(L, 1)) return 0; /* a thread without a target just ends */
  lua_call(L, n - 2, LUA_MULTRET);
  return lua_gettop(L);
}

static int call_hook(lua_State *L) {
  body *b = lua_touserdata(L, 1);
  run_push_module(L);
  lua_getfield(L, -1, "excepthook");
  if (!lua_toboolean(L, -1)) return 0;
  handle_push(L, &b->thread->object);
  lua_pushvalue(L, 2);
  if (b->outcome.traceback != NULL)
    lua_pushlstring(L, (const char *)b->outcome.traceback->bytes, b->outcome.traceback->size);
  else
    lua_pushnil(L);
  lua_call(L, 3, 0);
  return 0;
}

/* The hook failed, with the error at index 3: reports both in the default way. */
static int report_both(lua_State *L) {
  body *b = lua_touserdata(L, 1);
  run_push_module(L);
  lua_getfield(L, -1, "_excepthook");
  for (int i = 2; i <= 3; i++) {
    lua_pushvalue(L, -1);
    handle_push(L, &b->thread->object);
    lua_pushvalue(L, i);
    if (i == 2 && b->outcome.traceback != NULL)
      lua_pushlstring(L, (const char *)b->outcome.traceback->bytes, b->outcome.traceback->size);
    else
      lua_pushnil(L);
    lua_call(L, 3, 0);
  }
  return 0;
}

/* The error value is on top. */
static void fail(lua_State *L, body *b) {
  int error = lua_gettop(L);
  b->status = RUN_FAILED;
  run_keep_error(L, &b->outcome);
  if (!run_attend(L, call_hook, b, error)) run_attend(L, report_both, b, error);
}

/* n values on top are the results. */
static void succeed(lua_State *L, body *b, int n) {
  b->status = RUN_DONE;
  if (!run_keep_results(L, &b->outcome, n)) fail(L, b);
}

run_status run_body(lua_State *L, run_thread *t, uint64_t root, run_message *m,
                    cc_parcel **result, cc_parcel **traceback) {
  body b = {t, m, {.owner = &t->object}, RUN_FAILED};
  int base = lua_gettop(L), code;
  run_context_set_root(L, root);
  run_begin(L);
  run_push_handler(L, &b.outcome);
  lua_pushcfunction(L, call_it);
  lua_pushlightuserdata(L, &b);
  code = lua_pcall(L, 1, LUA_MULTRET, base + 1);
  run_unwinding = 0;
  cc_self_get()->shield++; /* what follows is clean-up */
  lua_sethook(L, NULL, 0, 0);
  atomic_store(&t->starved, code == LUA_ERRMEM);
  int n = run_take_exit(L, base);
  if (n >= 0) {
    cc_parcel_release(b.outcome.traceback);
    b.outcome.traceback = NULL;
    succeed(L, &b, n);
  } else if (code == LUA_OK) {
    succeed(L, &b, lua_gettop(L) - base - 1);
  } else if (run_is_cancelled(L, -1)) {
    b.status = RUN_CANCELLED;
    run_keep_error(L, &b.outcome);
  } else {
    fail(L, &b);
  }
  lua_settop(L, base);
  cc_self_get()->shield--;
  run_message_drop(m);
  *result = b.outcome.result;
  *traceback = b.outcome.traceback;
  return b.status;
}
