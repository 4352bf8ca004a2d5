/* concur.lock */
#include "core/lock.h"

#include "bind/bind.h"
#include "run/thread.h"

static cc_lock *self(lua_State *L) { return (cc_lock *)bind_object(L, 1, CC_LOCK); }

static bool acquire(lua_State *L, cc_lock *k, int64_t deadline) {
  bind_wait wait;
  cc_self *me = bind_enter(L, &wait);
  cc_outcome outcome;
  do outcome = cc_lock_acquire(me, k, deadline);
  while (bind_again(L, outcome));
  return outcome == CC_OK;
}

static int lock_acquire(lua_State *L) {
  cc_lock *k = self(L);
  int64_t deadline = bind_deadline(L, 2);
  if (cc_likely(cc_lock_acquire(cc_self_get(), k, CC_NOW) == CC_OK) || acquire(L, k, deadline))
    lua_settop(L, 1);
  else
    lua_pushboolean(L, 0);
  return 1;
}

static int lock_release(lua_State *L) {
  if (cc_unlikely(!cc_lock_release(cc_self_get(), self(L))))
    return luaL_error(L, "release of an unlocked lock");
  return 0;
}

static int lock_locked(lua_State *L) {
  lua_pushboolean(L, cc_lock_locked(self(L)));
  return 1;
}

static int lock_with(lua_State *L) {
  cc_lock *k = self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  acquire(L, k, CC_FOREVER);
  return bind_with(L);
}

static int lock_owner(lua_State *L) {
  uint64_t ident = cc_lock_holder(self(L));
  cc_parcel *name = ident != 0 ? run_thread_name_of(cc_self_get(), ident) : NULL;
  if (name == NULL) return 0;
  lua_pushstring(L, (const char *)name->bytes);
  cc_parcel_release(name);
  return 1;
}

/* After an explicit release, or when it is another's by now, there is nothing to do. */
static int lock_close(lua_State *L) {
  cc_self *me = cc_self_get();
  cc_lock *k = self(L);
  if (cc_lock_holder(k) == me->slot->ident) cc_lock_release(me, k);
  return 0;
}

static int lock_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  return bind_tostring(L, cc_lock_locked(self(L)) ? "locked" : "unlocked");
}

static int new_lock(lua_State *L) {
  codec_handle *h = handle_new(L, CC_LOCK, 0);
  return bind_made(L, h, (cc_object *)cc_lock_new());
}

void bind_open_lock(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"acquire", lock_acquire}, {"release", lock_release}, {"locked", lock_locked},
      {"with", lock_with},       {"owner", lock_owner},     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__close", lock_close}, {"__tostring", lock_tostring}, {NULL, NULL}};
  bind_type(L, CC_LOCK, methods, metamethods);
  lua_pushcfunction(L, new_lock);
  lua_setfield(L, -2, "lock");
}
