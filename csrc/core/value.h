/*
** Value: one shared cell. An integer lives in a single tagged word, so that
** adding needs no lock; everything else lies beside it under the guard.
**
** The word is n * 2 + 1 for the integer n, or even when the content is `item`.
** Tag and number change together, so an addition that comes late to a word that
** has turned even has no effect and is seen to have had none.
**
** Who updates the value by a function of its own has the turn (turn.h) meanwhile; the
** word is even then, so that additions come to the guard and see that.
*/
#ifndef CC_VALUE_H
#define CC_VALUE_H

#include "core/turn.h"

typedef struct cc_value {
  cc_object object;
  _Alignas(64) _Atomic uint64_t word;
  cc_item item; /* under the object's guard; holds when word is even */
  cc_turn turn; /* under the object's guard */
} cc_value;

/* Integers up to this size live in the word; an addition to it stays below a
** quarter of that, so that a thousand at once cannot overflow it. */
#define CC_VALUE_LIMIT (INT64_C(1) << 61)
#define CC_VALUE_STEP (INT64_C(1) << 50)

extern const cc_ops cc_value_ops;

cc_value *cc_value_new(void); /* holds the integer 0 */

/* True and the number when the cell holds a small integer. */
static inline bool cc_value_get_integer(const cc_value *v, int64_t *n) {
  uint64_t word = atomic_load_explicit(&v->word, memory_order_acquire);
  *n = (int64_t)word >> 1;
  return word & 1;
}

/* Adds without a lock and gives the new number, or does nothing. */
bool cc_value_add_integer(cc_value *v, int64_t n, int64_t *result);

/* Under cc_value_lock: the content, and a new one. A parcel in an item is one
** reference, which goes over with it. */
void cc_value_lock(cc_self *me, cc_value *v);
void cc_value_unlock(cc_self *me, cc_value *v);
void cc_value_read(cc_value *v, cc_item *item); /* a parcel is retained */
void cc_value_write(cc_self *me, cc_value *v, const cc_item *item, cc_item *old);

/* What changes the content and needs no turn: CC_TIMEOUT when somebody else has it, and nothing has been
** done. Exchange: the new one goes over, and *item is the old one. Add: a number; CC_MISUSE: the content is
** none. Compare-and-swap: *item goes over and becomes the old one if *swapped. */
cc_outcome cc_value_exchange(cc_self *me, cc_value *v, cc_item *item);
cc_outcome cc_value_add(cc_self *me, cc_value *v, const cc_item *n, cc_item *sum);
cc_outcome cc_value_compare_swap(cc_self *me, cc_value *v, const cc_item *expected, cc_item *item,
                                 bool *swapped);

/* Around an update by the holder of the turn, while it has it for the first time. */
void cc_value_hold(cc_self *me, cc_value *v);
void cc_value_settle(cc_self *me, cc_value *v);

/* The content out, without holding the lock longer than the copy. */
void cc_value_get(cc_self *me, cc_value *v, cc_item *item);

#endif
