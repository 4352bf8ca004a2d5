/* concur.queue, concur.lifo and the methods of priority queues */
#include "bind/queue.h"

#include <stdio.h>

cc_queue *bind_queue(lua_State *L, int idx) {
  codec_handle *h = bind_handle(L, idx);
  if (cc_likely(h != NULL && h->object != NULL && h->kind >= CC_QUEUE && h->kind <= CC_PRIORITY_QUEUE))
    return (cc_queue *)h->object;
  return (cc_queue *)bind_bad_handle(L, idx, CC_QUEUE);
}

static cc_queue *self(lua_State *L) { return bind_queue(L, 1); }

/* {== put */

void bind_queue_item(lua_State *L, cc_queue *q, int handle, int idx, cc_item *item) {
  if (cc_likely(q->pile == NULL))
    codec_item(L, idx, item);
  else
    bind_queue_node(L, q, handle, idx, item);
}

const char *bind_queue_reason(cc_outcome outcome, const char *otherwise) {
  return outcome == CC_CLOSED ? "closed" : otherwise;
}

void bind_queue_raise(lua_State *L, cc_outcome outcome) {
  if (outcome == CC_MISUSE) luaL_error(L, "the item has no order with those in the queue");
  bind_raise(L, outcome);
}

/* Packed anew after an interruption, since the hook may raise and must find nothing
** in our hands. */
static cc_outcome put_blocking(lua_State *L, cc_queue *q, int handle, int idx, int64_t deadline) {
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do {
    cc_item item;
    bool resumes = bind_resumes();
    if (!resumes) bind_queue_item(L, q, handle, idx, &item);
    bind_rearm(me, &wait);
    outcome = cc_queue_put(me, q, &item, deadline);
    if (outcome == CC_OK || outcome == CC_SUSPENDED) continue;
    if (resumes) cc_item_copy(&item, &me->slot->item);
    cc_item_drop(&item);
  } while (bind_again(L, &wait, outcome));
  bind_queue_raise(L, outcome);
  return outcome;
}

static cc_outcome put(lua_State *L, cc_queue *q, int handle, int idx, int64_t deadline) {
  cc_item item;
  if (bind_resumes()) return put_blocking(L, q, handle, idx, deadline);
  bind_queue_item(L, q, handle, idx, &item);
  /* once it is put it may be gone */
  size_t bytes = cc_item_has_parcel(item.kind) ? item.u.parcel->size : 0;
  cc_self *me = cc_self_get();
  cc_outcome outcome = cc_queue_put(me, q, &item, CC_NOW);
  bind_wait wait;
  if (cc_unlikely(outcome == CC_TIMEOUT && deadline != CC_NOW && bind_enter_quietly(L, &wait))) {
    /* the same item: packing it again would call __transfer again */
    outcome = cc_queue_put(me, q, &item, deadline);
    if (outcome == CC_SUSPENDED) bind_again(L, &wait, outcome);
    bind_leave(me);
  }
  if (cc_likely(outcome == CC_OK)) {
    if (bytes > 0) bind_owe_bytes(L, bytes);
    return CC_OK;
  }
  cc_item_drop(&item);
  bool again = outcome == CC_TIMEOUT ? deadline != CC_NOW && (deadline == CC_FOREVER || cc_clock() < deadline)
                                     : outcome == CC_INTERRUPTED || outcome == CC_CANCELLED;
  if (again) return put_blocking(L, q, handle, idx, deadline);
  bind_queue_raise(L, outcome);
  return outcome;
}

int bind_queue_put(lua_State *L, cc_queue *q, int handle, int idx, int64_t deadline) {
  cc_outcome outcome = put(L, q, handle, idx, deadline);
  lua_pushboolean(L, outcome == CC_OK);
  if (cc_likely(outcome == CC_OK)) return 1;
  lua_pushstring(L, bind_queue_reason(outcome, "full"));
  return 2;
}

static int queue_put(lua_State *L) {
  cc_queue *q = self(L);
  luaL_checkany(L, 2);
  return bind_queue_put(L, q, 1, 2, bind_deadline(L, 3));
}

static int queue_put_nowait(lua_State *L) {
  cc_queue *q = self(L);
  luaL_checkany(L, 2);
  return bind_queue_put(L, q, 1, 2, CC_NOW);
}

/* ==} {== get */

cc_outcome bind_queue_wait_item(lua_State *L, cc_queue *q, cc_item *item, int64_t deadline) {
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do outcome = cc_queue_get(me, q, item, deadline);
  while (bind_again(L, &wait, outcome));
  return outcome;
}

int bind_queue_get(lua_State *L, cc_queue *q, int64_t deadline) {
  cc_item item;
  cc_outcome outcome = bind_resumes() ? CC_TIMEOUT : cc_queue_get(cc_self_get(), q, &item, CC_NOW);
  if (outcome == CC_TIMEOUT && deadline != CC_NOW)
    outcome = bind_queue_wait_item(L, q, &item, deadline);
  if (cc_likely(outcome == CC_OK)) {
    codec_push_item(L, &item);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, bind_queue_reason(outcome, "empty"));
  return 2;
}

static int queue_get(lua_State *L) {
  cc_queue *q = self(L);
  return bind_queue_get(L, q, bind_deadline(L, 2));
}

static int queue_get_nowait(lua_State *L) { return bind_queue_get(L, self(L), CC_NOW); }

static int next_item(lua_State *L) {
  return bind_queue_get(L, bind_queue(L, lua_upvalueindex(1)), CC_FOREVER);
}

static int queue_items(lua_State *L) {
  self(L);
  lua_settop(L, 1);
  lua_pushcclosure(L, next_item, 1);
  return 1;
}

/* ==} {== looks */

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

static int queue_closed(lua_State *L) {
  lua_pushboolean(L, cc_queue_closed(self(L)));
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

/* ==} {== tasks and the end */

static int queue_task_done(lua_State *L) {
  if (!cc_queue_task_done(cc_self_get(), self(L)))
    return luaL_error(L, "task_done() called too many times");
  return 0;
}

static int queue_join(lua_State *L) {
  cc_queue *q = self(L);
  int64_t deadline = bind_deadline(L, 2);
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do outcome = cc_queue_join(me, q, deadline);
  while (bind_again(L, &wait, outcome));
  lua_pushboolean(L, outcome == CC_OK);
  return 1;
}

static int queue_close(lua_State *L) {
  cc_queue *q = self(L);
  cc_queue_close(cc_self_get(), q, lua_toboolean(L, 2));
  return 0;
}

/* ==} {== making */

int bind_queue_made(lua_State *L, cc_kind kind, lua_Integer maxsize) {
  codec_handle *h = handle_new(L, kind, 0);
  return bind_made(L, h, (cc_object *)cc_queue_new(kind, (uint64_t)maxsize, NULL));
}

static lua_Integer maxsize(lua_State *L) {
  lua_Integer n = luaL_optinteger(L, 1, 0);
  luaL_argcheck(L, n >= 0, 1, "maxsize must not be negative");
  return n;
}

static int new_queue(lua_State *L) { return bind_queue_made(L, CC_QUEUE, maxsize(L)); }

static int new_lifo(lua_State *L) { return bind_queue_made(L, CC_LIFO, maxsize(L)); }

void bind_open_queue(lua_State *L) {
  static const luaL_Reg methods[] = {{"put", queue_put},
                                     {"get", queue_get},
                                     {"put_nowait", queue_put_nowait},
                                     {"get_nowait", queue_get_nowait},
                                     {"put_many", bind_queue_put_many},
                                     {"get_many", bind_queue_get_many},
                                     {"qsize", queue_qsize},
                                     {"empty", queue_empty},
                                     {"full", queue_full},
                                     {"maxsize", queue_maxsize},
                                     {"task_done", queue_task_done},
                                     {"join", queue_join},
                                     {"close", queue_close},
                                     {"closed", queue_closed},
                                     {"items", queue_items},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__len", queue_qsize}, {"__tostring", queue_tostring}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"queue", new_queue},
                                       {"lifo", new_lifo},
                                       {"priority_queue", bind_new_priority_queue},
                                       {NULL, NULL}};
  bind_type(L, CC_QUEUE, methods, metamethods);
  bind_type(L, CC_LIFO, methods, metamethods);
  bind_type(L, CC_PRIORITY_QUEUE, methods, metamethods);
  luaL_setfuncs(L, functions, 0);
}

/* ==} */
