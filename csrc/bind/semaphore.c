/* concur.semaphore and concur.bounded_semaphore */
#include "core/semaphore.h"

#include <stdio.h>
#include <string.h>

#include "bind/bind.h"

static cc_semaphore *self(lua_State *L) {
  codec_handle *h = bind_handle(L, 1);
  if (cc_likely(h != NULL && h->object != NULL &&
                (h->kind == CC_SEMAPHORE || h->kind == CC_BOUNDED_SEMAPHORE)))
    return (cc_semaphore *)h->object;
  return (cc_semaphore *)bind_bad_handle(L, 1, CC_SEMAPHORE);
}

static bool acquire(lua_State *L, cc_semaphore *s, int64_t deadline) {
  cc_outcome outcome = bind_resumes() ? CC_TIMEOUT : cc_semaphore_acquire(cc_self_get(), s, CC_NOW);
  if (cc_likely(outcome == CC_OK)) return true;
  if (deadline == CC_NOW) return false;
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  do outcome = cc_semaphore_acquire_slow(me, s, deadline);
  while (bind_again(L, &wait, outcome));
  return outcome == CC_OK;
}

static int semaphore_acquire(lua_State *L) {
  cc_semaphore *s = self(L);
  int64_t deadline = bind_deadline(L, 2);
  if (cc_likely(acquire(L, s, deadline))) {
    lua_settop(L, 1);
  } else {
    lua_pushboolean(L, 0);
  }
  return 1;
}

static int semaphore_release(lua_State *L) {
  cc_semaphore *s = self(L);
  lua_Integer n = luaL_optinteger(L, 2, 1);
  luaL_argcheck(L, n >= 1, 2, "the number must be positive");
  cc_self *me = cc_self_get();
  if (cc_unlikely(!cc_semaphore_release(me, s, n)))
    return luaL_error(L, "semaphore released too many times");
  return 0;
}

static int semaphore_value(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)atomic_load(&self(L)->value));
  return 1;
}

static int semaphore_with(lua_State *L) {
  cc_semaphore *s = self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  acquire(L, s, CC_FOREVER);
  return bind_with(L);
}

/* A scope gives back the unit that it took, unless the thread has given it back
** already: then it has none in its hands. */
static int semaphore_close(lua_State *L) {
  cc_semaphore *s = self(L);
  cc_semaphore_give_back(cc_self_get(), s);
  return 0;
}

static int semaphore_tostring(lua_State *L) {
  char text[40];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  snprintf(text, sizeof text, "%lld", (long long)atomic_load(&self(L)->value));
  return bind_tostring(L, text);
}

/* The options table at index 1: n and owned. Leaves the value of n, or nil. */
static void check_options(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    if (strcmp(key, "n") == 0) {
      if (!lua_isinteger(L, -1))
        luaL_error(L, "bad option 'n' (integer expected, got %s)", luaL_typename(L, -1));
    } else if (strcmp(key, "owned") == 0) {
      if (!lua_isboolean(L, -1))
        luaL_error(L, "bad option 'owned' (boolean expected, got %s)", luaL_typename(L, -1));
    } else {
      luaL_tolstring(L, -2, NULL);
      luaL_error(L, "unknown option '%s' for a semaphore", lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
  lua_getfield(L, 1, "n");
}

static int new_kind(lua_State *L, cc_kind kind) {
  lua_Integer n = 1;
  bool owned = true;
  if (lua_istable(L, 1)) {
    owned = lua_getfield(L, 1, "owned") == LUA_TNIL || lua_toboolean(L, -1);
    lua_pop(L, 1);
    check_options(L);
    if (!lua_isnil(L, -1)) n = lua_tointeger(L, -1);
  } else {
    n = luaL_optinteger(L, 1, 1);
  }
  luaL_argcheck(L, n >= 0, 1, "the initial value must not be negative");
  codec_handle *h = handle_new(L, kind, 0);
  return bind_made(L, h, (cc_object *)cc_semaphore_new(kind, n, owned));
}

static int new_semaphore(lua_State *L) { return new_kind(L, CC_SEMAPHORE); }

static int new_bounded(lua_State *L) { return new_kind(L, CC_BOUNDED_SEMAPHORE); }

void bind_open_semaphore(lua_State *L) {
  static const luaL_Reg methods[] = {{"acquire", semaphore_acquire},
                                     {"release", semaphore_release},
                                     {"value", semaphore_value},
                                     {"with", semaphore_with},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__close", semaphore_close}, {"__tostring", semaphore_tostring}, {NULL, NULL}};
  bind_type(L, CC_SEMAPHORE, methods, metamethods);
  bind_type(L, CC_BOUNDED_SEMAPHORE, methods, metamethods);
  lua_pushcfunction(L, new_semaphore);
  lua_setfield(L, -2, "semaphore");
  lua_pushcfunction(L, new_bounded);
  lua_setfield(L, -2, "bounded_semaphore");
}
