/*
** What a worker does in a Lua state: decode the message, call the function, encode
** what comes of it.
*/
#include <lauxlib.h>

#include <string.h>

#include "codec/codec.h"
#include "codec/handle.h"
#include "run/context.h"
#include "run/worker.h"

typedef struct body {
  run_thread *thread;
  run_message *message; /* its parts become NULL once decoded */
  cc_parcel *result;
  cc_parcel *traceback;
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
  int n = decode(L, &b->message->call);
  luaL_checkstack(L, 10, NULL);
  if (lua_istable(L, 1)) set_globals(L, 1);
  lua_remove(L, 1);
  if (lua_isnil(L, 1)) return 0; /* a thread without a target just ends */
  lua_call(L, n - 2, LUA_MULTRET);
  return lua_gettop(L);
}

static int keep_results(lua_State *L) {
  body *b = body_arg(L);
  codec_writer *w = codec_encode(L, 1, lua_gettop(L), CODEC_FAMILY, 0);
  b->result = cc_parcel_lay(codec_finish(w));
  if (b->result == NULL) return luaL_error(L, "out of shared memory");
  cc_parcel_weaken(b->result, &b->thread->object);
  return 0;
}

static void keep_traceback(body *b, const char *s, size_t n) {
  cc_parcel_release(b->traceback);
  b->traceback = cc_parcel_lay(cc_parcel_new(n, NULL, 0));
  if (b->traceback != NULL) memcpy(b->traceback->bytes, s, n);
}

/* The text of an error value, as print would show it. */
static int text_of(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

static int make_traceback(lua_State *L) {
  body *b = lua_touserdata(L, 2);
  lua_State *of = lua_touserdata(L, 3);
  size_t n;
  lua_pushcfunction(L, text_of);
  lua_pushvalue(L, 1);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  luaL_traceback(L, of, lua_tostring(L, -1), 2);
  const char *s = lua_tolstring(L, -1, &n);
  keep_traceback(b, s, n);
  return 0;
}

/* Message handler; its upvalue is the body. The error value passes unchanged, so
** nothing in here may raise. */
static int on_error(lua_State *L) {
  run_unwinding++; /* nobody catches it: all that runs now is clean-up */
  if (run_is_cancelled(L, 1) || !lua_checkstack(L, LUA_MINSTACK)) return 1;
  lua_pushcfunction(L, make_traceback);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushlightuserdata(L, L);
  if (lua_pcall(L, 3, 0, 0) != LUA_OK) lua_pop(L, 1);
  return 1;
}

/* An error value that cannot cross is replaced by its text. */
static int keep_error(lua_State *L) {
  body *b = lua_touserdata(L, 1);
  lua_pushcfunction(L, keep_results);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return 0;
  lua_pushcfunction(L, text_of);
  lua_pushvalue(L, 2);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 2));
  b->result = cc_parcel_lay(codec_finish(codec_encode(L, lua_gettop(L), 1, CODEC_FAMILY, 0)));
  return 0;
}

static int call_hook(lua_State *L) {
  body *b = lua_touserdata(L, 1);
  run_push_module(L);
  lua_getfield(L, -1, "excepthook");
  if (!lua_toboolean(L, -1)) return 0;
  handle_push(L, &b->thread->object);
  lua_pushvalue(L, 2);
  if (b->traceback != NULL)
    lua_pushlstring(L, (const char *)b->traceback->bytes, b->traceback->size);
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
    if (i == 2 && b->traceback != NULL)
      lua_pushlstring(L, (const char *)b->traceback->bytes, b->traceback->size);
    else
      lua_pushnil(L);
    lua_call(L, 3, 0);
  }
  return 0;
}

/* Calls f(b, value at idx, what follows it); leaves its error, if any, on top. */
static bool attend(lua_State *L, lua_CFunction f, body *b, int idx) {
  int n = lua_gettop(L) - idx + 1;
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, b);
  for (int i = 0; i < n; i++) lua_pushvalue(L, idx + i);
  return lua_pcall(L, n + 1, 0, 0) == LUA_OK;
}

/* The error value is on top. */
static void fail(lua_State *L, body *b) {
  int error = lua_gettop(L);
  b->status = RUN_FAILED;
  if (!attend(L, keep_error, b, error)) lua_settop(L, error);
  if (!attend(L, call_hook, b, error)) attend(L, report_both, b, error);
}

/* n values on top are the results. */
static void succeed(lua_State *L, body *b, int n) {
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    lua_pop(L, n);
    lua_pushliteral(L, "stack overflow (too many results)");
    fail(L, b);
    return;
  }
  b->status = RUN_DONE;
  lua_pushcfunction(L, keep_results);
  lua_insert(L, -n - 1);
  lua_pushlightuserdata(L, b);
  lua_insert(L, -n - 1);
  if (lua_pcall(L, n + 1, 0, 0) == LUA_OK) return;
  size_t size;
  const char *message = lua_tolstring(L, -1, &size);
  if (message != NULL) keep_traceback(b, message, size);
  fail(L, b);
}

run_status run_body(lua_State *L, run_thread *t, uint64_t root, run_message *m,
                    cc_parcel **result, cc_parcel **traceback) {
  body b = {t, m, NULL, NULL, RUN_FAILED};
  int base = lua_gettop(L), code;
  run_context_set_root(L, root);
  run_begin(L);
  lua_pushlightuserdata(L, &b);
  lua_pushcclosure(L, on_error, 1);
  lua_pushcfunction(L, call_it);
  lua_pushlightuserdata(L, &b);
  code = lua_pcall(L, 1, LUA_MULTRET, base + 1);
  run_unwinding = 0;
  cc_self_get()->shield++; /* what follows is clean-up */
  lua_sethook(L, NULL, 0, 0);
  atomic_store(&t->starved, code == LUA_ERRMEM);
  int n = run_take_exit(L, base);
  if (n >= 0) {
    cc_parcel_release(b.traceback);
    b.traceback = NULL;
    succeed(L, &b, n);
  } else if (code == LUA_OK) {
    succeed(L, &b, lua_gettop(L) - base - 1);
  } else if (run_is_cancelled(L, -1)) {
    b.status = RUN_CANCELLED;
    attend(L, keep_error, &b, lua_gettop(L));
  } else {
    fail(L, &b);
  }
  lua_settop(L, base);
  cc_self_get()->shield--;
  run_message_drop(m);
  *result = b.result;
  *traceback = b.traceback;
  return b.status;
}
