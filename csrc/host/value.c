/* Values. What changes one waits its turn while Lua code updates it. */
#include "core/value.h"

#include "host/host.h"

static cc_value *core(concur_value *v) { return (cc_value *)(void *)v; }

static int take_turn(cc_self *me, cc_value *v) {
  cc_outcome outcome;
  host_await(outcome, cc_turn_take(me, &v->object, &v->object.guard, &v->turn));
  return host_status(outcome);
}

static void give_turn(cc_self *me, cc_value *v) { cc_turn_give(me, &v->object.guard, &v->turn); }

/* The item becomes what the value held. */
static int exchange(cc_self *me, cc_value *v, cc_item *item) {
  if (cc_value_exchange(me, v, item) == CC_OK) return CONCUR_OK;
  int status = take_turn(me, v);
  if (status != CONCUR_OK) return status;
  cc_value_exchange(me, v, item);
  give_turn(me, v);
  return CONCUR_OK;
}

int concur_value_set(concur_value *v, const concur_item *item) {
  cc_item sent;
  int status = host_send(item, &sent);
  if (status != CONCUR_OK) return status;
  status = exchange(cc_self_get(), core(v), &sent);
  cc_item_drop(&sent);
  return status;
}

concur_value *concur_value_new(const concur_item *item) {
  static const concur_item nil = {.type = CONCUR_NIL};
  concur_value *v = host_ready() ? host_own(cc_value_new()) : NULL;
  if (v == NULL || concur_value_set(v, item != NULL ? item : &nil) == CONCUR_OK) return v;
  concur_release(v);
  return NULL;
}

int concur_value_get(concur_value *v, concur_item *item) {
  cc_value_get(cc_self_get(), core(v), host_stored(item));
  host_receive(item, NULL);
  return CONCUR_OK;
}

/* Adds where the content is an integer; that of another kind is left as it is. */
static int add(cc_self *me, cc_value *v, int64_t n, int64_t *sum) {
  for (bool done = false;;) {
    cc_item now, next = {0, CC_ITEM_INTEGER, {0}};
    cc_value_get(me, v, &now);
    if (now.kind != CC_ITEM_INTEGER) {
      cc_item_drop(&now);
      return CONCUR_TYPE;
    }
    *sum = (int64_t)(now.u.word + (uint64_t)n);
    next.u.word = (uint64_t)*sum;
    if (cc_value_compare_swap(me, v, &now, &next, &done) != CC_OK) return CONCUR_TIMEOUT;
    if (done) return CONCUR_OK;
  }
}

int concur_value_add(concur_value *v, int64_t n, int64_t *result) {
  cc_self *me = cc_self_get();
  int64_t sum = 0;
  int status = CONCUR_OK;
  if (!cc_value_add_integer(core(v), n, &sum)) status = add(me, core(v), n, &sum);
  if (status == CONCUR_TIMEOUT && (status = take_turn(me, core(v))) == CONCUR_OK) {
    status = add(me, core(v), n, &sum);
    give_turn(me, core(v));
  }
  if (status == CONCUR_OK && result != NULL) *result = sum;
  return status;
}

int concur_value_compare_swap(concur_value *v, const concur_item *expected, const concur_item *item,
                              int *swapped) {
  cc_self *me = cc_self_get();
  cc_item was, sent;
  bool done = false;
  int status = host_send(expected, &was);
  if (status != CONCUR_OK) return status;
  status = host_send(item, &sent);
  if (status == CONCUR_OK) {
    if (cc_value_compare_swap(me, core(v), &was, &sent, &done) != CC_OK &&
        (status = take_turn(me, core(v))) == CONCUR_OK) {
      cc_value_compare_swap(me, core(v), &was, &sent, &done);
      give_turn(me, core(v));
    }
    cc_item_drop(&sent);
  }
  cc_item_drop(&was);
  if (swapped != NULL) *swapped = done;
  return status;
}
