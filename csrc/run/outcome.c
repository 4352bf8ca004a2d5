/* Outcomes. */
#include "run/outcome.h"

#include <lauxlib.h>

#include <string.h>

#include "codec/codec.h"
#include "run/context.h"

static cc_parcel *kept(const run_outcome *o, cc_parcel *p) { return o->in_hand ? p : cc_parcel_lay(p); }

static int keep_results(lua_State *L) {
  run_outcome *o = lua_touserdata(L, 1);
  codec_writer *w = codec_encode(L, 2, lua_gettop(L) - 1, CODEC_FAMILY, 0);
  o->result = kept(o, codec_finish(w));
  if (o->result == NULL) return luaL_error(L, "out of shared memory");
  if (o->owner != NULL) cc_parcel_weaken(o->result, o->owner);
  return 0;
}

void run_keep_traceback(run_outcome *o, const char *s, size_t n) {
  cc_parcel_release(o->traceback);
  o->traceback = kept(o, cc_parcel_new(n, NULL, 0));
  if (o->traceback != NULL) memcpy(o->traceback->bytes, s, n);
}

/* The text of an error value, as print would show it. */
static int text_of(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  return 1;
}

/* Pushes the text of the value at idx, whatever happens. */
static void push_text(lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  lua_pushcfunction(L, text_of);
  lua_pushvalue(L, idx);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK)
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, idx));
}

#define DEEP 10000 /* levels from which on a whole traceback takes too long to find its end */

/* Pushes the traceback of a deep stack, the innermost levels of it, behind the message on top. */
static void push_deep_traceback(lua_State *L, lua_State *of) {
  lua_Debug ar;
  luaL_Buffer b;
  const char *message = lua_tostring(L, -1);
  luaL_buffinit(L, &b);
  luaL_addstring(&b, message != NULL ? message : "?");
  luaL_addstring(&b, "\nstack traceback:");
  for (int level = 2; level < 12 && lua_getstack(of, level, &ar); level++) {
    lua_getinfo(of, "Sl", &ar);
    lua_pushfstring(L, "\n\t%s:%d: in a function", ar.short_src, ar.currentline);
    luaL_addvalue(&b);
  }
  lua_pushfstring(L, "\n\t...\t(more than %d levels)", DEEP);
  luaL_addvalue(&b);
  luaL_pushresult(&b);
}

static int make_traceback(lua_State *L) {
  run_outcome *o = lua_touserdata(L, 2);
  lua_State *of = lua_touserdata(L, 3);
  size_t n;
  lua_Debug ar;
  push_text(L, 1);
  if (lua_getstack(of, DEEP, &ar))
    push_deep_traceback(L, of);
  else
    luaL_traceback(L, of, lua_tostring(L, -1), 2);
  const char *s = lua_tolstring(L, -1, &n);
  run_keep_traceback(o, s, n);
  return 0;
}

/* Its upvalue is the outcome. The error value passes unchanged, so nothing in here may raise. */
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

void run_push_handler(lua_State *L, run_outcome *o) {
  lua_pushlightuserdata(L, o);
  lua_pushcclosure(L, on_error, 1);
}

/* An error value that cannot cross is replaced by its text. */
static int keep_error(lua_State *L) {
  run_outcome *o = lua_touserdata(L, 1);
  lua_pushcfunction(L, keep_results);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return 0;
  push_text(L, 2);
  o->result = kept(o, codec_finish(codec_encode(L, lua_gettop(L), 1, CODEC_FAMILY, 0)));
  return 0;
}

bool run_attend(lua_State *L, lua_CFunction f, void *o, int idx) {
  int n = lua_gettop(L) - idx + 1;
  lua_pushcfunction(L, f);
  lua_pushlightuserdata(L, o);
  for (int i = 0; i < n; i++) lua_pushvalue(L, idx + i);
  return lua_pcall(L, n + 1, 0, 0) == LUA_OK;
}

void run_keep_error(lua_State *L, run_outcome *o) {
  int error = lua_gettop(L);
  run_attend(L, keep_error, o, error);
  lua_settop(L, error);
}

bool run_keep_results(lua_State *L, run_outcome *o, int n) {
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    lua_pop(L, n);
    lua_pushliteral(L, "stack overflow (too many results)");
    return false;
  }
  lua_pushcfunction(L, keep_results);
  lua_insert(L, -n - 1);
  lua_pushlightuserdata(L, o);
  lua_insert(L, -n - 1);
  if (lua_pcall(L, n + 1, 0, 0) == LUA_OK) return true;
  size_t size;
  const char *message = lua_tolstring(L, -1, &size);
  if (message != NULL) run_keep_traceback(o, message, size);
  return false;
}
