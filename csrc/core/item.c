/* Items. */
#include "core/item.h"

#include "core/parcel.h"
#include "core/pile.h"

void cc_item_retain(const cc_item *item) {
  if (cc_item_has_parcel(item->kind)) cc_parcel_take(item->u.parcel);
}

void cc_item_drop(const cc_item *item) {
  cc_item inner;
  if (item->kind == CC_ITEM_NODE) {
    cc_node_item(item->u.node, &inner);
    cc_node_free(item->u.node);
    if (cc_item_has_parcel(inner.kind)) cc_parcel_release(inner.u.parcel);
  } else if (cc_item_has_parcel(item->kind)) {
    cc_parcel_release(item->u.parcel);
  }
}

double cc_item_number(const cc_item *item) {
  double n;
  if (item->kind == CC_ITEM_INTEGER) return (double)(int64_t)item->u.word;
  memcpy(&n, &item->u.word, sizeof n);
  return n;
}

/* Whether a float and an integer are the same number, exactly. */
static bool same_number(double f, int64_t i) {
  return f >= -9223372036854775808.0 && f < 9223372036854775808.0 && (double)(int64_t)f == f && (int64_t)f == i;
}

static bool same_bytes(const void *a, size_t na, const void *b, size_t nb) {
  return na == nb && memcmp(a, b, na) == 0;
}

bool cc_item_same(const cc_item *a, const cc_item *b) {
  if (cc_item_is_number(a) && cc_item_is_number(b)) {
    if (a->kind == b->kind)
      return a->kind == CC_ITEM_INTEGER ? a->u.word == b->u.word
                                        : cc_item_number(a) == cc_item_number(b);
    return a->kind == CC_ITEM_NUMBER ? same_number(cc_item_number(a), (int64_t)b->u.word)
                                     : same_number(cc_item_number(b), (int64_t)a->u.word);
  }
  if (a->kind != b->kind) return false;
  if (cc_item_sized(a->kind)) return same_bytes(a->u.bytes, a->size, b->u.bytes, b->size);
  if (!cc_item_has_parcel(a->kind)) return a->u.word == b->u.word;
  const cc_parcel *p = a->u.parcel, *q = b->u.parcel;
  return same_bytes(p->bytes, p->size, q->bytes, q->size) && p->nobjects == q->nobjects &&
         (p->nobjects == 0 || cc_parcel_objects(p)[0] == cc_parcel_objects(q)[0]);
}
