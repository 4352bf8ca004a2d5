/*
** concur.rwlock, and the holds that read and write return. A hold belongs to the
** thread that got it, so it is no handle: it does not cross.
*/
#include "core/rwlock.h"

#include <stdio.h>

#include "bind/bind.h"
#include "run/worker.h"

typedef struct hold {
  cc_rwlock *lock; /* one reference; NULL once released */
  uint32_t mode;
} hold;

static const char hold_name[] = "concur.hold";

static cc_rwlock *self(lua_State *L) { return (cc_rwlock *)bind_object(L, 1, CC_RWLOCK); }

static void drop(hold *h) {
  cc_rwlock *w = h->lock;
  h->lock = NULL;
  cc_rwlock_release(cc_self_get(), w, h->mode);
  cc_object_release(&w->object);
}

static int acquire(lua_State *L, uint32_t mode) {
  cc_rwlock *w = self(L);
  int64_t deadline = bind_deadline(L, 2);
  bind_wait wait;
  bool abandoned;
  lua_settop(L, 2);
  hold *h = lua_newuserdatauv(L, sizeof *h, 0); /* before there is something to lose */
  h->lock = NULL;
  h->mode = mode;
  luaL_setmetatable(L, hold_name);
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do outcome = cc_rwlock_acquire(me, w, mode, deadline, &abandoned);
  while (bind_again(L, &wait, outcome));
  if (outcome == CC_MISUSE)
    return luaL_error(L, mode == CC_WRITE ? "write of an rwlock that this thread holds already"
                                          : "read of an rwlock that this thread is writing");
  if (outcome != CC_OK) {
    lua_pushboolean(L, 0);
    return 1;
  }
  cc_object_retain(&w->object);
  h->lock = w;
  if (!abandoned) return 1;
  lua_pushliteral(L, "abandoned");
  return 2;
}

static int rwlock_read(lua_State *L) { return acquire(L, CC_READ); }

static int rwlock_write(lua_State *L) { return acquire(L, CC_WRITE); }

static int rwlock_tostring(lua_State *L) {
  char text[40];
  bool written;
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  unsigned readers = cc_rwlock_state(cc_self_get(), self(L), &written);
  if (written)
    snprintf(text, sizeof text, "writing");
  else
    snprintf(text, sizeof text, readers == 1 ? "%u reader" : "%u readers", readers);
  return bind_tostring(L, text);
}

static int hold_release(lua_State *L) {
  hold *h = luaL_checkudata(L, 1, hold_name);
  if (h->lock == NULL) return luaL_error(L, "release of a hold that was released");
  drop(h);
  return 0;
}

static int hold_close(lua_State *L) {
  hold *h = luaL_checkudata(L, 1, hold_name);
  if (h->lock != NULL) drop(h);
  return 0;
}

/* When a thread ends with a hold, its end gives it up as abandoned, not we. */
static int hold_gc(lua_State *L) {
  hold *h = luaL_checkudata(L, 1, hold_name);
  if (h->lock != NULL && run_worker_closing) {
    cc_object_release(&h->lock->object);
    h->lock = NULL;
  }
  if (h->lock != NULL) drop(h);
  return 0;
}

static int hold_tostring(lua_State *L) {
  hold *h = luaL_checkudata(L, 1, hold_name);
  const char *mode = h->mode == CC_READ ? "read" : "write";
  lua_pushfstring(L, "%s: %p (%s%s)", hold_name, (void *)h, mode,
                  h->lock == NULL ? ", released" : "");
  return 1;
}

static int new_rwlock(lua_State *L) {
  codec_handle *h = handle_new(L, CC_RWLOCK, 0);
  return bind_made(L, h, (cc_object *)cc_rwlock_new());
}

void bind_open_rwlock(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"read", rwlock_read}, {"write", rwlock_write}, {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__tostring", rwlock_tostring}, {NULL, NULL}};
  static const luaL_Reg hold_meta[] = {{"__gc", hold_gc},
                                       {"__close", hold_close},
                                       {"__tostring", hold_tostring},
                                       {NULL, NULL}};
  bind_type(L, CC_RWLOCK, methods, metamethods);
  luaL_newmetatable(L, hold_name);
  luaL_setfuncs(L, hold_meta, 0);
  lua_pushliteral(L, "hold");
  lua_setfield(L, -2, "__concur");
  lua_newtable(L);
  lua_pushcfunction(L, hold_release);
  lua_setfield(L, -2, "release");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, new_rwlock);
  lua_setfield(L, -2, "rwlock");
}
