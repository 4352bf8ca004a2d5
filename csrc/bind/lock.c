/* concur.lock and concur.rlock */
#include "core/condition.h"
#include "core/lock.h"

#include <stdio.h>

#include "bind/bind.h"
#include "bind/lock.h"
#include "run/thread.h"

static cc_lock *lock_self(lua_State *L) { return (cc_lock *)bind_object(L, 1, CC_LOCK); }

static cc_lock *rlock_self(lua_State *L) { return (cc_lock *)bind_object(L, 1, CC_RLOCK); }

static cc_outcome take(cc_self *me, cc_lock *k, int64_t deadline) {
  if (cc_unlikely(me->suspended)) return cc_lock_resume(me, k);
  return k->object.kind == CC_RLOCK ? cc_rlock_acquire(me, k, deadline)
                                    : cc_lock_acquire(me, k, deadline);
}

bool bind_lock_acquire(lua_State *L, cc_lock *k, int64_t deadline) {
  cc_outcome outcome = bind_resumes() ? CC_TIMEOUT : take(cc_self_get(), k, CC_NOW);
  if (cc_likely(outcome == CC_OK)) return true;
  if (outcome == CC_TIMEOUT && deadline == CC_NOW) return false;
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  do outcome = take(me, k, deadline);
  while (bind_again(L, &wait, outcome));
  return outcome == CC_OK;
}

int bind_lock_push(lua_State *L, cc_lock *k, bool got) {
  if (cc_unlikely(!got)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  lua_settop(L, 1);
  if (cc_likely(!cc_lock_was_abandoned(k))) return 1;
  lua_pushliteral(L, "abandoned");
  return 2;
}

/* {== lock */

static int lock_acquire(lua_State *L) {
  cc_lock *k = lock_self(L);
  int64_t deadline = bind_deadline(L, 2);
  bool got = (!bind_resumes() && cc_likely(cc_lock_acquire(cc_self_get(), k, CC_NOW) == CC_OK)) ||
             bind_lock_acquire(L, k, deadline);
  return bind_lock_push(L, k, got);
}

static int lock_release(lua_State *L) {
  if (cc_unlikely(!cc_lock_release(cc_self_get(), lock_self(L))))
    return luaL_error(L, "release of an unlocked lock");
  return 0;
}

static int lock_locked(lua_State *L) {
  lua_pushboolean(L, cc_lock_locked(lock_self(L)));
  return 1;
}

static int lock_with(lua_State *L) {
  cc_lock *k = lock_self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bind_lock_acquire(L, k, CC_FOREVER);
  return bind_with(L);
}

int bind_lock_owner(lua_State *L, const cc_lock *k) {
  uint64_t ident = cc_lock_holder(k);
  cc_parcel *process = NULL;
  cc_parcel *name = ident != 0 ? run_thread_name_of(cc_self_get(), ident, &process) : NULL;
  if (name == NULL)
    lua_pushnil(L);
  else if (process == NULL)
    lua_pushstring(L, (const char *)name->bytes);
  else
    lua_pushfstring(L, "%s/%s", (const char *)process->bytes, (const char *)name->bytes);
  cc_parcel_release(name);
  cc_parcel_release(process);
  return 1;
}

static int lock_owner(lua_State *L) { return bind_lock_owner(L, lock_self(L)); }

/* After an explicit release, or when it is another's by now, there is nothing to do. */
static int lock_close(lua_State *L) {
  cc_self *me = cc_self_get();
  cc_lock *k = lock_self(L);
  if (cc_lock_mine(me, k)) cc_lock_release(me, k);
  return 0;
}

static int lock_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  return bind_tostring(L, cc_lock_locked(lock_self(L)) ? "locked" : "unlocked");
}

static int new_lock(lua_State *L) {
  codec_handle *h = handle_new(L, CC_LOCK, 0);
  return bind_made(L, h, (cc_object *)cc_lock_new());
}

/* ==} {== rlock */

static int rlock_acquire(lua_State *L) {
  cc_lock *k = rlock_self(L);
  int64_t deadline = bind_deadline(L, 2);
  bool got = (!bind_resumes() && cc_likely(cc_rlock_acquire(cc_self_get(), k, CC_NOW) == CC_OK)) ||
             bind_lock_acquire(L, k, deadline);
  return bind_lock_push(L, k, got);
}

static int rlock_release(lua_State *L) {
  cc_lock *k = rlock_self(L);
  if (cc_likely(cc_rlock_release(cc_self_get(), k))) return 0;
  return luaL_error(L, cc_lock_locked(k) ? "release of an rlock that another thread holds"
                                         : "release of an unlocked rlock");
}

static int rlock_locked(lua_State *L) {
  lua_pushboolean(L, cc_lock_locked(rlock_self(L)));
  return 1;
}

static int rlock_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_rlock_count(rlock_self(L)));
  return 1;
}

static int rlock_with(lua_State *L) {
  cc_lock *k = rlock_self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  bind_lock_acquire(L, k, CC_FOREVER);
  return bind_with(L);
}

static int rlock_owner(lua_State *L) { return bind_lock_owner(L, rlock_self(L)); }

static int rlock_close(lua_State *L) {
  cc_rlock_release(cc_self_get(), rlock_self(L));
  return 0;
}

static int rlock_tostring(lua_State *L) {
  char text[40];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  unsigned n = cc_rlock_count(rlock_self(L));
  snprintf(text, sizeof text, n == 0 ? "unlocked" : "locked, count %u", n);
  return bind_tostring(L, text);
}

static int new_rlock(lua_State *L) {
  codec_handle *h = handle_new(L, CC_RLOCK, 0);
  return bind_made(L, h, (cc_object *)cc_rlock_new());
}

/* Of a lock, rlock or condition at index 1 the lock; NULL: it is none of them. */
static cc_lock *lock_of(lua_State *L) {
  codec_handle *h = handle_test(L, 1);
  if (h == NULL || h->object == NULL) return NULL;
  if (h->kind == CC_CONDITION) return ((cc_condition *)h->object)->lock;
  return h->kind == CC_LOCK || h->kind == CC_RLOCK ? (cc_lock *)h->object : NULL;
}

static bool holds_lock(const cc_self *me, const cc_lock *k) {
  return k != NULL && cc_lock_locked(k) && cc_lock_mine(me, k);
}

/* For managers' servers. _leave(lock, rlock or condition): if the caller holds it, gives it up as one that was
** killed. */
static int leave(lua_State *L) {
  cc_self *me = cc_self_get();
  cc_lock *k = lock_of(L);
  if (!holds_lock(me, k)) return 0;
  if (k->object.kind == CC_RLOCK) {
    cc_hold_remove(me, &k->object, 0);
    cc_commit(me, 0);
  }
  cc_lock_ops.abandon(me, &k->object, 0, 0, true);
  return 0;
}

/* _holds(object) -> the kind of what the caller holds of it: "lock", "rlock" or, units of it, "semaphore"; nil: nothing */
static int holds(lua_State *L) {
  cc_self *me = cc_self_get();
  const codec_handle *h = handle_test(L, 1);
  const cc_lock *k = lock_of(L);
  const char *what = NULL;
  if (holds_lock(me, k)) {
    what = k->object.kind == CC_RLOCK ? "rlock" : "lock";
  } else if (h != NULL && h->object != NULL && me->slot != NULL &&
             (h->kind == CC_SEMAPHORE || h->kind == CC_BOUNDED_SEMAPHORE)) {
    const cc_hold *units = cc_hold_counter_of(me->slot, h->object);
    if (units != NULL && units->count > 0) what = "semaphore";
  }
  lua_pushstring(L, what);
  return 1;
}

/* ==} */

void bind_open_lock(lua_State *L) {
  static const luaL_Reg lock_methods[] = {
      {"acquire", lock_acquire}, {"release", lock_release}, {"locked", lock_locked},
      {"with", lock_with},       {"owner", lock_owner},     {NULL, NULL}};
  static const luaL_Reg lock_meta[] = {
      {"__close", lock_close}, {"__tostring", lock_tostring}, {NULL, NULL}};
  static const luaL_Reg rlock_methods[] = {
      {"acquire", rlock_acquire}, {"release", rlock_release}, {"locked", rlock_locked},
      {"count", rlock_count},     {"with", rlock_with},       {"owner", rlock_owner},
      {NULL, NULL}};
  static const luaL_Reg rlock_meta[] = {
      {"__close", rlock_close}, {"__tostring", rlock_tostring}, {NULL, NULL}};
  bind_type(L, CC_LOCK, lock_methods, lock_meta);
  bind_type(L, CC_RLOCK, rlock_methods, rlock_meta);
  lua_pushcfunction(L, new_lock);
  lua_setfield(L, -2, "lock");
  lua_pushcfunction(L, leave);
  lua_setfield(L, -2, "_leave");
  lua_pushcfunction(L, holds);
  lua_setfield(L, -2, "_holds");
  lua_pushcfunction(L, new_rlock);
  lua_setfield(L, -2, "rlock");
}
