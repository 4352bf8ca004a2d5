/*
** q:put_many and q:get_many. Items that are to be put stand in a batch of private
** memory until all are packed; items that were taken stand in a row of shared memory
** until all are decoded, so that what cannot be decoded goes back.
*/
#include <string.h>

#include "bind/batch.h"
#include "bind/queue.h"
#include "codec/codec.h"
#include "core/parcel.h"

/* {== put_many */

/* How many items the list at index 2 has. */
static lua_Integer length(lua_State *L) {
  int ok;
  luaL_checktype(L, 2, LUA_TTABLE);
  if (lua_getfield(L, 2, "n") == LUA_TNIL) {
    lua_pop(L, 1);
    return luaL_len(L, 2);
  }
  lua_Integer n = lua_tointegerx(L, -1, &ok);
  luaL_argcheck(L, ok && n >= 0 && lua_type(L, -1) == LUA_TNUMBER, 2, "its n must be a number of items");
  lua_pop(L, 1);
  return n;
}

/* Of items that go into a priority queue: that they have an order with each other and with what
** is in there now. */
static void check_order(lua_State *L, cc_self *me, cc_queue *q, const cc_records *b) {
  cc_pile all;
  cc_item item;
  cc_records rest = *b;
  bool ok = true;
  memset(&all, 0, sizeof all);
  while (ok && cc_records_next(&rest, &item)) {
    ok = cc_pile_put(me, &all, item.u.node);
    cc_commit(me, 0);
    ok = ok && cc_pile_fits(me, q->pile, item.u.node);
  }
  if (!ok) bind_queue_raise(L, CC_MISUSE);
}

/* Returns the bytes of shared memory that the items take. */
static size_t fill(lua_State *L, cc_queue *q, cc_records *b, lua_Integer n) {
  size_t bytes = 0;
  int top = lua_gettop(L) + 1;
  for (lua_Integer i = 1; i <= n; i++) {
    cc_item item;
    lua_geti(L, 2, i);
    bind_queue_item(L, q, 1, top, &item);
    if (cc_item_has_parcel(item.kind)) bytes += item.u.parcel->size;
    bind_batch_add(L, b, &item);
    lua_settop(L, top - 1);
  }
  return bytes;
}

/* Waits for room for the first one and puts it. */
static cc_outcome put_first(lua_State *L, cc_queue *q, cc_records *b, int64_t deadline) {
  cc_item item;
  bind_wait wait;
  cc_outcome outcome;
  cc_records first = *b;
  cc_records_next(&first, &item);
  cc_self *me = bind_enter_task(L, &wait);
  do outcome = cc_queue_put(me, q, &item, deadline);
  while (bind_again(L, &wait, outcome));
  return outcome;
}

int bind_queue_put_many(lua_State *L) {
  cc_queue *q = bind_queue(L, 1);
  cc_self *me = cc_self_get();
  cc_outcome outcome = CC_OK;
  size_t bytes = 0;
  cc_records *b;
  bool resumes = bind_resumes();
  if (!resumes) {
    lua_Integer all = length(L);
    int64_t until = bind_deadline(L, 3);
    lua_settop(L, 3);
    b = bind_open_batch(L);
    bytes = fill(L, q, b, all);
    if (q->object.kind == CC_PRIORITY_QUEUE) check_order(L, me, q, b);
    lua_pushinteger(L, all); /* the fifth, and the sixth: for when a task goes on */
    lua_pushinteger(L, until);
  }
  b = lua_touserdata(L, 4);
  lua_Integer n = lua_tointeger(L, 5);
  int64_t deadline = lua_tointeger(L, 6);
  while (b->left > 0) {
    if (resumes)
      outcome = CC_TIMEOUT; /* where it was suspended */
    else
      cc_records_skip(b, cc_queue_put_row(me, q, b->bytes + b->at, b->left, &outcome));
    resumes = false;
    if (outcome == CC_TIMEOUT && deadline != CC_NOW) {
      outcome = put_first(L, q, b, deadline);
      if (outcome == CC_OK) cc_records_skip(b, 1);
    }
    if (outcome != CC_OK) break;
  }
  if (bytes > 0) bind_owe_bytes(L, bytes);
  bind_queue_raise(L, outcome);
  lua_pushinteger(L, n - (lua_Integer)b->left);
  if (outcome == CC_OK) return 1;
  lua_pushstring(L, bind_queue_reason(outcome, "full"));
  return 2;
}

/* ==} {== get_many */

typedef struct taken {
  cc_row row;    /* what is not decoded yet */
  lua_Integer n; /* how many are in the list */
} taken;

/* Pushes an item of a row, which keeps its own reference to it. */
static void push(lua_State *L, const cc_item *item) {
  cc_item copy;
  if (item->kind == CC_ITEM_NODE)
    cc_node_item(item->u.node, &copy);
  else
    cc_item_copy(&copy, item);
  const cc_parcel *p = copy.u.parcel;
  if (copy.kind == CC_ITEM_TEXT)
    lua_pushlstring(L, (const char *)p->bytes, p->size);
  else if (copy.kind == CC_ITEM_PARCEL)
    codec_decode(L, p->bytes, p->size, cc_parcel_objects(p), p->nobjects, CODEC_FAMILY);
  else
    codec_push_item(L, &copy);
}

/* Called with a taken and the list. What could not be decoded is still in the row. */
static int decode(lua_State *L) {
  taken *t = lua_touserdata(L, 1);
  cc_item item;
  for (cc_row rest = t->row; cc_row_next(&rest, &item); t->row = rest) {
    if (item.kind < CC_ITEM_NODE)
      codec_push_item(L, &item);
    else
      push(L, &item);
    lua_rawseti(L, 2, t->n + 1);
    t->n++;
    if (item.kind >= CC_ITEM_NODE) cc_item_drop(&item);
  }
  return 0;
}

/* Decodes the row into the list on top. False: an error lies on top of that. */
static bool decode_row(lua_State *L, taken *t) {
  lua_pushcfunction(L, decode);
  lua_pushlightuserdata(L, t);
  lua_pushvalue(L, -3);
  return lua_pcall(L, 2, 0, 0) == LUA_OK;
}

/* The first item of all cannot be decoded: it is lost, as with get. */
static void lose_first(taken *t) {
  cc_item item;
  if (cc_row_next(&t->row, &item)) cc_item_drop(&item);
}

/* Takes and decodes what is there, until the list on top has max items. */
static cc_outcome take(lua_State *L, cc_self *me, cc_queue *q, taken *t, lua_Integer max) {
  cc_outcome outcome = CC_OK;
  bool ok = true;
  while (ok && outcome == CC_OK && t->n < max) {
    outcome = cc_queue_get_row(me, q, &t->row, (size_t)(max - t->n));
    if (outcome != CC_OK) break;
    ok = decode_row(L, t);
    if (!ok && t->n == 0) lose_first(t);
    cc_queue_give_back(me, q, &t->row);
  }
  if (!ok && t->n == 0) lua_error(L);
  if (!ok) lua_pop(L, 1); /* who gets that item next will meet the error again */
  return outcome;
}

/* The ordinary get. */
static cc_outcome take_first(lua_State *L, cc_queue *q, taken *t, int64_t deadline) {
  cc_item item;
  cc_outcome outcome = bind_queue_wait_item(L, q, &item, deadline);
  if (outcome != CC_OK) return outcome;
  codec_push_item(L, &item);
  lua_rawseti(L, -2, ++t->n);
  return CC_OK;
}

int bind_queue_get_many(lua_State *L) {
  cc_queue *q = bind_queue(L, 1);
  lua_Integer max = luaL_checkinteger(L, 2);
  luaL_argcheck(L, max >= 1, 2, "at least 1 expected");
  int64_t deadline = bind_deadline(L, 3);
  lua_settop(L, 3);
  cc_self *me = cc_self_get();
  taken t = {{NULL, 0, 0, 0}, 0};
  uint64_t size = cc_queue_size(q);
  bool resumes = bind_resumes(); /* with nothing taken yet */
  lua_createtable(L, size < (uint64_t)max ? (int)(size < 1 << 20 ? size : 1 << 20) : (int)max, 1);
  cc_outcome outcome = resumes ? CC_TIMEOUT : take(L, me, q, &t, max);
  if (t.n == 0 && outcome == CC_TIMEOUT && deadline != CC_NOW) {
    outcome = take_first(L, q, &t, deadline);
    if (outcome == CC_OK) take(L, me, q, &t, max);
  }
  if (t.n == 0) {
    bind_raise(L, outcome);
    lua_pushnil(L);
    lua_pushstring(L, bind_queue_reason(outcome, "empty"));
    return 2;
  }
  lua_pushinteger(L, t.n);
  lua_setfield(L, -2, "n");
  return 1;
}

/* ==} */
