/* concur.queue */
#include "core/queue.h"

#include <stdio.h>

#include "bind/bind.h"
#include "bind/item.h"

static cc_queue *self(lua_State *L) { return (cc_queue *)bind_object(L, 1, CC_QUEUE); }

/* Packed anew after an interruption, since the hook may raise and must find nothing
** in our hands. */
static cc_outcome put_blocking(lua_State *L, cc_queue *q, int idx, int64_t deadline) {
  bind_wait wait;
  cc_self *me = bind_enter(L, &wait);
  cc_outcome outcome;
  do {
    cc_item item;
    bind_item(L, idx, &item);
    bind_rearm(me, &wait);
    outcome = cc_queue_put(me, q, &item, deadline);
    if (outcome != CC_OK) bind_item_drop(&item);
  } while (bind_again(L, &wait, outcome));
  return outcome;
}

static cc_outcome put(lua_State *L, cc_queue *q, int idx, int64_t deadline) {
  cc_item item;
  bind_item(L, idx, &item);
  /* once it is put it may be gone */
  size_t bytes = cc_item_has_parcel(item.kind) ? item.u.parcel->size : 0;
  cc_self *me = cc_self_get();
  cc_outcome outcome = cc_queue_put(me, q, &item, CC_NOW);
  bind_wait wait;
  if (cc_unlikely(outcome == CC_TIMEOUT && deadline != CC_NOW && bind_enter_quietly(L, &wait))) {
    /* the same item: packing it again would call __transfer again */
    outcome = cc_queue_put(me, q, &item, deadline);
    bind_leave(me);
  }
  if (cc_likely(outcome == CC_OK)) {
    if (bytes > 0) bind_owe_bytes(L, bytes);
    return CC_OK;
  }
  bind_item_drop(&item);
  bool again = outcome == CC_TIMEOUT ? deadline != CC_NOW && (deadline == CC_FOREVER || cc_clock() < deadline)
                                     : outcome == CC_INTERRUPTED || outcome == CC_CANCELLED;
  if (again) return put_blocking(L, q, idx, deadline);
  bind_raise(L, outcome);
  return outcome;
}

static int push_put(lua_State *L, cc_outcome outcome) {
  lua_pushboolean(L, outcome == CC_OK);
  if (cc_likely(outcome == CC_OK)) return 1;
  lua_pushstring(L, outcome == CC_CLOSED ? "closed" : "full");
  return 2;
}

static int queue_put(lua_State *L) {
  cc_queue *q = self(L);
  luaL_checkany(L, 2);
  return push_put(L, put(L, q, 2, bind_deadline(L, 3)));
}

static int queue_put_nowait(lua_State *L) {
  cc_queue *q = self(L);
  luaL_checkany(L, 2);
  return push_put(L, put(L, q, 2, CC_NOW));
}

static cc_outcome get_blocking(lua_State *L, cc_queue *q, cc_item *item, int64_t deadline) {
  bind_wait wait;
  cc_self *me = bind_enter(L, &wait);
  cc_outcome outcome;
  do outcome = cc_queue_get(me, q, item, deadline);
  while (bind_again(L, &wait, outcome));
  return outcome;
}

static int get(lua_State *L, cc_queue *q, int64_t deadline) {
  cc_item item;
  cc_outcome outcome = cc_queue_get(cc_self_get(), q, &item, CC_NOW);
  if (outcome == CC_TIMEOUT && deadline != CC_NOW) outcome = get_blocking(L, q, &item, deadline);
  if (cc_likely(outcome == CC_OK)) {
    bind_push_item(L, &item);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, outcome == CC_CLOSED ? "closed" : "empty");
  return 2;
}

static int queue_get(lua_State *L) {
  cc_queue *q = self(L);
  return get(L, q, bind_deadline(L, 2));
}

static int queue_get_nowait(lua_State *L) { return get(L, self(L), CC_NOW); }

static int queue_qsize(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_queue_size(self(L)));
  return 1;
}

static int queue_empty(lua_State *L) {
  lua_pushboolean(L, cc_queue_size(self(L)) == 0);
  return 1;
}

static int queue_full(lua_State *L) {
  cc_queue *q = self(L);
  uint64_t capacity = cc_queue_capacity(q);
  lua_pushboolean(L, capacity != 0 && cc_queue_size(q) >= capacity);
  return 1;
}

static int queue_maxsize(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_queue_capacity(self(L)));
  return 1;
}

static int queue_close(lua_State *L) {
  cc_queue *q = self(L);
  cc_queue_close(cc_self_get(), q, lua_toboolean(L, 2));
  return 0;
}

static int queue_closed(lua_State *L) {
  lua_pushboolean(L, cc_queue_closed(self(L)));
  return 1;
}

static int next_item(lua_State *L) {
  cc_queue *q = (cc_queue *)bind_object(L, lua_upvalueindex(1), CC_QUEUE);
  return get(L, q, CC_FOREVER);
}

static int queue_items(lua_State *L) {
  self(L);
  lua_settop(L, 1);
  lua_pushcclosure(L, next_item, 1);
  return 1;
}

static int queue_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  char text[64];
  cc_queue *q = self(L);
  unsigned long long n = cc_queue_size(q), capacity = cc_queue_capacity(q);
  const char *closed = cc_queue_closed(q) ? ", closed" : "";
  if (capacity == 0)
    snprintf(text, sizeof text, "%llu%s", n, closed);
  else
    snprintf(text, sizeof text, "%llu/%llu%s", n, capacity, closed);
  return bind_tostring(L, text);
}

static int new_queue(lua_State *L) {
  lua_Integer capacity = luaL_optinteger(L, 1, 0);
  luaL_argcheck(L, capacity >= 0, 1, "maxsize must not be negative");
  codec_handle *h = handle_new(L, CC_QUEUE, 0);
  return bind_made(L, h, (cc_object *)cc_queue_new((uint64_t)capacity));
}

void bind_open_queue(lua_State *L) {
  static const luaL_Reg methods[] = {{"put", queue_put},
                                     {"get", queue_get},
                                     {"put_nowait", queue_put_nowait},
                                     {"get_nowait", queue_get_nowait},
                                     {"qsize", queue_qsize},
                                     {"empty", queue_empty},
                                     {"full", queue_full},
                                     {"maxsize", queue_maxsize},
                                     {"close", queue_close},
                                     {"closed", queue_closed},
                                     {"items", queue_items},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__len", queue_qsize}, {"__tostring", queue_tostring}, {NULL, NULL}};
  bind_type(L, CC_QUEUE, methods, metamethods);
  lua_pushcfunction(L, new_queue);
  lua_setfield(L, -2, "queue");
}
