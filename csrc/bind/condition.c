/* concur.condition */
#include "core/condition.h"

#include "bind/bind.h"
#include "bind/lock.h"

static cc_condition *self(lua_State *L) {
  return (cc_condition *)bind_object(L, 1, CC_CONDITION);
}

/* Of the lock below. */
static bool release(cc_self *me, cc_lock *k) {
  return k->object.kind == CC_RLOCK ? cc_rlock_release(me, k) : cc_lock_release(me, k);
}

static int condition_acquire(lua_State *L) {
  cc_condition *c = self(L);
  int64_t deadline = bind_deadline(L, 2);
  return bind_lock_push(L, c->lock, bind_lock_acquire(L, c->lock, deadline));
}

static int condition_release(lua_State *L) {
  cc_lock *k = self(L)->lock;
  if (release(cc_self_get(), k)) return 0;
  return luaL_error(L, cc_lock_locked(k) ? "release of a condition that another thread holds"
                                         : "release of a condition that is not acquired");
}

static int condition_with(lua_State *L) {
  cc_condition *c = self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bind_lock_acquire(L, c->lock, CC_FOREVER);
  return bind_with(L);
}

static int condition_close(lua_State *L) {
  cc_self *me = cc_self_get();
  cc_condition *c = self(L);
  if (cc_condition_held(me, c)) release(me, c->lock);
  return 0;
}

static int condition_locked(lua_State *L) {
  lua_pushboolean(L, cc_lock_locked(self(L)->lock));
  return 1;
}

static int condition_owner(lua_State *L) { return bind_lock_owner(L, self(L)->lock); }

static cc_condition *held(lua_State *L, const char *what) {
  cc_condition *c = self(L);
  if (!bind_resumes() && !cc_condition_held(cc_self_get(), c))
    luaL_error(L, "%s on a condition that is not acquired", what);
  return c;
}

static bool wait_until(lua_State *L, cc_condition *c, int64_t deadline) {
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do outcome = cc_condition_wait(me, c, deadline);
  while (bind_again(L, &wait, outcome));
  return outcome == CC_OK;
}

static int condition_wait(lua_State *L) {
  cc_condition *c = held(L, "wait");
  lua_pushboolean(L, wait_until(L, c, bind_deadline(L, 2)));
  return 1;
}

/* The predicate is called once more after the deadline: its last value counts. */
static int condition_wait_for(lua_State *L) {
  cc_condition *c = held(L, "wait_for");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bool in_time = true;
  if (!bind_resumes()) {
    lua_settop(L, 3);
    lua_pushinteger(L, bind_deadline(L, 3)); /* the fourth: for when a task goes on */
  }
  int64_t deadline = lua_tointeger(L, 4);
  if (bind_resumes()) in_time = wait_until(L, c, deadline);
  for (;;) {
    lua_settop(L, 4);
    lua_pushvalue(L, 2);
    lua_call(L, 0, 1);
    if (lua_toboolean(L, -1) || !in_time || deadline == CC_NOW) return 1;
    if (!cc_condition_held(cc_self_get(), c))
      return luaL_error(L, "the predicate of wait_for released the condition");
    in_time = wait_until(L, c, deadline);
  }
}

static int condition_notify(lua_State *L) {
  cc_condition *c = held(L, "notify");
  lua_Integer n = luaL_optinteger(L, 2, 1);
  luaL_argcheck(L, n >= 0, 2, "the number must not be negative");
  lua_pushinteger(L, (lua_Integer)cc_condition_notify(cc_self_get(), c, (uint64_t)n));
  return 1;
}

static int condition_notify_all(lua_State *L) {
  cc_condition *c = held(L, "notify_all");
  lua_pushinteger(L, (lua_Integer)cc_condition_notify(cc_self_get(), c, UINT64_MAX));
  return 1;
}

static int condition_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  return bind_tostring(L, cc_lock_locked(self(L)->lock) ? "locked" : "unlocked");
}

static int new_condition(lua_State *L) {
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    codec_handle *k = handle_new(L, CC_RLOCK, 0);
    bind_made(L, k, (cc_object *)cc_rlock_new());
    lua_replace(L, 1);
  }
  codec_handle *k = handle_test(L, 1);
  if (k == NULL || k->object == NULL || (k->kind != CC_LOCK && k->kind != CC_RLOCK))
    return luaL_typeerror(L, 1, "concur.lock or concur.rlock");
  codec_handle *h = handle_new(L, CC_CONDITION, 0);
  return bind_made(L, h, (cc_object *)cc_condition_new((cc_lock *)k->object));
}

void bind_open_condition(lua_State *L) {
  static const luaL_Reg methods[] = {{"acquire", condition_acquire},
                                     {"release", condition_release},
                                     {"with", condition_with},
                                     {"locked", condition_locked},
                                     {"owner", condition_owner},
                                     {"wait", condition_wait},
                                     {"wait_for", condition_wait_for},
                                     {"notify", condition_notify},
                                     {"notify_all", condition_notify_all},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__close", condition_close}, {"__tostring", condition_tostring}, {NULL, NULL}};
  bind_type(L, CC_CONDITION, methods, metamethods);
  lua_pushcfunction(L, new_condition);
  lua_setfield(L, -2, "condition");
}
