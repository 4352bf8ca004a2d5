/* Values. */
#include "core/value.h"

#include <string.h>

#include "core/parcel.h"

static uint64_t tagged(int64_t n) { return (uint64_t)n * 2 + 1; }

static void destroy(cc_object *o) {
  cc_value *v = (cc_value *)o;
  if (!(atomic_load(&v->word) & 1) && cc_item_has_parcel(v->item.kind))
    cc_parcel_release(v->item.u.parcel);
}

cc_value *cc_value_new(void) {
  cc_value *v = (cc_value *)cc_object_new(CC_VALUE, sizeof *v);
  if (v == NULL) return NULL;
  cc_object_set_destructor(CC_VALUE, destroy);
  atomic_store(&v->word, tagged(0));
  return v;
}

static bool fits(int64_t n) { return n > -CC_VALUE_LIMIT && n < CC_VALUE_LIMIT; }

bool cc_value_add_integer(cc_value *v, int64_t n, int64_t *result) {
  if (n <= -CC_VALUE_STEP || n >= CC_VALUE_STEP) return false;
  int64_t now;
  if (!cc_value_get_integer(v, &now) || !fits(now + n)) return false;
  uint64_t before = atomic_fetch_add(&v->word, (uint64_t)n * 2);
  if (!(before & 1)) return false; /* turned even meanwhile: its other bits mean nothing */
  *result = ((int64_t)before >> 1) + n;
  return true;
}

void cc_value_lock(cc_self *me, cc_value *v) { cc_guard_lock(&v->object.guard, me->word); }

void cc_value_unlock(cc_self *me, cc_value *v) {
  (void)me;
  cc_guard_unlock(&v->object.guard);
}

void cc_value_read(cc_value *v, cc_item *item) {
  int64_t n;
  if (cc_value_get_integer(v, &n)) {
    item->kind = CC_ITEM_INTEGER;
    item->u.word = (uint64_t)n;
    return;
  }
  cc_item_copy(item, &v->item);
  if (cc_item_has_parcel(item->kind)) cc_parcel_retain(item->u.parcel);
}

/* Takes the word out of the lock-free form, if it is in it: *old is the number then. */
static bool turn_even(cc_value *v, cc_item *old) {
  uint64_t before = atomic_exchange(&v->word, 0);
  if (!(before & 1)) return false;
  old->kind = CC_ITEM_INTEGER;
  old->u.word = (uint64_t)((int64_t)before >> 1);
  return true;
}

void cc_value_write(cc_value *v, const cc_item *item, cc_item *old) {
  cc_assert(cc_guard_held(&v->object.guard, cc_self_word()));
  if (item->kind == CC_ITEM_INTEGER && fits((int64_t)item->u.word) && v->turn.holder == 0) {
    /* the old item stays in its place, read before the word changes */
    cc_item_copy(old, &v->item);
    uint64_t before = atomic_exchange(&v->word, tagged((int64_t)item->u.word));
    if (before & 1) {
      old->kind = CC_ITEM_INTEGER;
      old->u.word = (uint64_t)((int64_t)before >> 1);
    }
    return;
  }
  if (!turn_even(v, old)) cc_item_copy(old, &v->item);
  cc_item_copy(&v->item, item);
}

void cc_value_hold(cc_self *me, cc_value *v) {
  cc_item number = {0, CC_ITEM_NIL, {0}};
  cc_value_lock(me, v);
  if (turn_even(v, &number)) cc_item_copy(&v->item, &number);
  cc_value_unlock(me, v);
}

void cc_value_settle(cc_self *me, cc_value *v) {
  cc_value_lock(me, v);
  bool small = v->item.kind == CC_ITEM_INTEGER && fits((int64_t)v->item.u.word);
  if (small && v->turn.depth == 1) atomic_store(&v->word, tagged((int64_t)v->item.u.word));
  cc_value_unlock(me, v);
}

bool cc_value_replace(cc_value *v, uint64_t n, const cc_item *item) {
  uint64_t before = tagged((int64_t)n), after = 0;
  if (item->kind == CC_ITEM_INTEGER && fits((int64_t)item->u.word))
    after = tagged((int64_t)item->u.word);
  else
    cc_item_copy(&v->item, item); /* nobody reads it while the word is odd */
  return atomic_compare_exchange_strong(&v->word, &before, after);
}

void cc_value_get(cc_self *me, cc_value *v, cc_item *item) {
  int64_t n;
  if (cc_value_get_integer(v, &n)) {
    item->kind = CC_ITEM_INTEGER;
    item->u.word = (uint64_t)n;
    return;
  }
  cc_value_lock(me, v);
  cc_value_read(v, item);
  cc_value_unlock(me, v);
}
