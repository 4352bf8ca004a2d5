/* Values. */
#include "core/value.h"

#include <string.h>

#include "core/parcel.h"

static uint64_t tagged(int64_t n) { return (uint64_t)n * 2 + 1; }

static void destroy(cc_object *o);
static void mend(cc_self *me, cc_object *o, uint32_t process);

const cc_ops cc_value_ops = {.destroy = destroy, .mend = mend};

cc_value *cc_value_new(void) {
  cc_value *v = (cc_value *)cc_object_new(CC_VALUE, sizeof *v);
  if (v != NULL) atomic_store(&v->word, tagged(0));
  return v;
}

static bool fits(int64_t n) { return n > -CC_VALUE_LIMIT && n < CC_VALUE_LIMIT; }

bool cc_value_add_integer(cc_value *v, int64_t n, int64_t *result) {
  if (n <= -CC_VALUE_STEP || n >= CC_VALUE_STEP) return false;
  int64_t now;
  if (!cc_value_get_integer(v, &now) || !fits(now + n)) return false;
  uint64_t before;
  if (cc_likely(cc_family_alone())) {
    before = atomic_fetch_add(&v->word, (uint64_t)n * 2);
    if (!(before & 1)) return false; /* turned even meanwhile: its other bits mean nothing */
  } else { /* who changes the word relies on what it was, until that is done or undone */
    before = atomic_load(&v->word);
    do {
      if (!(before & 1) || !fits(((int64_t)before >> 1) + n)) return false;
    } while (!atomic_compare_exchange_weak(&v->word, &before, before + (uint64_t)n * 2));
  }
  *result = ((int64_t)before >> 1) + n;
  return true;
}

void cc_value_lock(cc_self *me, cc_value *v) { cc_guard_lock(&v->object.guard, me->word); }

void cc_value_unlock(cc_self *me, cc_value *v) {
  (void)me;
  cc_guard_unlock(&v->object.guard);
}

static bool is_integer(uint64_t word, cc_item *item) {
  if (!(word & 1)) return false;
  item->kind = CC_ITEM_INTEGER;
  item->u.word = (uint64_t)((int64_t)word >> 1);
  return true;
}

void cc_value_read(cc_value *v, cc_item *item) {
  if (is_integer(atomic_load_explicit(&v->word, memory_order_acquire), item)) return;
  cc_item_copy(item, &v->item);
  cc_item_retain(item);
}

/* Under the guard, in a section: writes the item where it will be the content with the word
** that is returned. As long as the word is odd, it is not. */
static uint64_t prepare(cc_self *me, cc_value *v, uint64_t before, const cc_item *item) {
  if (item->kind == CC_ITEM_INTEGER && fits((int64_t)item->u.word) && v->turn.holder == 0)
    return tagged((int64_t)item->u.word);
  if (!(before & 1)) {
    uint32_t bytes = cc_item_sized(item->kind) ? item->size : 8;
    cc_undo_note(&me->slot->undo, &v->item, 8); /* size and kind */
    for (uint32_t i = 0; i < bytes; i += 8)
      cc_undo_note(&me->slot->undo, v->item.u.bytes + i, 8);
  }
  cc_item_copy(&v->item, item);
  return 0;
}

/* Changes the content; *old is what it was, `before` as the word told. The references in the
** caller's hand go over and come. False: others have added meanwhile. */
static bool change(cc_self *me, cc_value *v, uint64_t before, const cc_item *item, const cc_item *old) {
  cc_undo *u = &me->slot->undo;
  uint64_t after = prepare(me, v, before, item);
  bool done = true;
  if (cc_item_has_parcel(item->kind)) cc_hand_lay(me, me->slot, item->u.parcel);
  if (cc_item_has_parcel(old->kind)) cc_hand_take(me, me->slot, old->u.parcel, true);
  if (((before | after) & 1) == 0) {
    cc_commit(me, 0);
    return true;
  }
  cc_commit_with(me, 0, &v->word);
  if (!(before & 1))
    atomic_store(&v->word, after); /* whatever late additions have made of it */
  else
    done = atomic_compare_exchange_strong(&v->word, &before, after);
  if (!done) {
    u->word = NULL;
    cc_undo_all(u);
  }
  cc_commit_done(me, 0);
  return done;
}

void cc_value_write(cc_self *me, cc_value *v, const cc_item *item, cc_item *old) {
  cc_assert(cc_guard_held(&v->object.guard, me->word));
  uint64_t before;
  do {
    before = atomic_load_explicit(&v->word, memory_order_relaxed);
    if (!is_integer(before, old)) cc_item_copy(old, &v->item);
  } while (!change(me, v, before, item, old));
}

void cc_value_hold(cc_self *me, cc_value *v) {
  cc_item number;
  cc_value_lock(me, v);
  for (uint64_t word; is_integer(word = atomic_load(&v->word), &number);)
    if (change(me, v, word, &number, &number)) break;
  cc_value_unlock(me, v);
}

/* Under the guard: the lock-free form, if the content has it. */
static void settle(cc_value *v) {
  uint64_t word = atomic_load(&v->word);
  if (word & 1) return;
  if (v->item.kind == CC_ITEM_INTEGER && fits((int64_t)v->item.u.word))
    atomic_store(&v->word, tagged((int64_t)v->item.u.word));
}

void cc_value_settle(cc_self *me, cc_value *v) {
  cc_value_lock(me, v);
  if (v->turn.depth == 1) settle(v);
  cc_value_unlock(me, v);
}

/* Writes the item if the cell still holds the small integer n. */
static bool replace(cc_self *me, cc_value *v, uint64_t n, const cc_item *item) {
  const cc_item old = {0, CC_ITEM_INTEGER, {n}};
  return change(me, v, tagged((int64_t)n), item, &old);
}

/* Writes the item in the place of what was read; small: that was the lock-free form, to which others add
** meanwhile, so that only an exchange of what was seen counts. */
static bool store(cc_self *me, cc_value *v, bool small, const cc_item *seen, const cc_item *item, cc_item *old) {
  if (small) return replace(me, v, seen->u.word, item);
  cc_value_write(me, v, item, old);
  return true;
}

cc_outcome cc_value_exchange(cc_self *me, cc_value *v, cc_item *item) {
  cc_item old;
  cc_value_lock(me, v);
  bool mine = cc_turn_mine(me, &v->turn);
  if (mine) cc_value_write(me, v, item, &old);
  cc_value_unlock(me, v);
  if (mine) cc_item_copy(item, &old);
  return mine ? CC_OK : CC_TIMEOUT;
}

/* As Lua adds. */
static void add(cc_item *sum, const cc_item *a, const cc_item *b) {
  if (a->kind == CC_ITEM_INTEGER && b->kind == CC_ITEM_INTEGER) {
    sum->kind = CC_ITEM_INTEGER;
    sum->u.word = a->u.word + b->u.word; /* wraps around */
  } else {
    double n = cc_item_number(a) + cc_item_number(b);
    sum->kind = CC_ITEM_NUMBER;
    memcpy(&sum->u.word, &n, sizeof n);
  }
}

cc_outcome cc_value_add(cc_self *me, cc_value *v, const cc_item *n, cc_item *sum) {
  cc_outcome outcome = CC_TIMEOUT;
  cc_item now = {0, CC_ITEM_NIL, {0}}, old;
  int64_t seen;
  cc_value_lock(me, v);
  if (cc_turn_mine(me, &v->turn)) {
    do {
      bool small = cc_value_get_integer(v, &seen);
      cc_value_read(v, &now);
      outcome = cc_item_is_number(&now) ? CC_OK : CC_MISUSE;
      if (outcome == CC_MISUSE) break;
      add(sum, &now, n);
      if (store(me, v, small, &now, sum, &old)) break;
    } while (true);
  }
  cc_value_unlock(me, v);
  if (outcome == CC_MISUSE) cc_item_drop(&now);
  return outcome;
}

cc_outcome cc_value_compare_swap(cc_self *me, cc_value *v, const cc_item *expected, cc_item *item,
                                 bool *swapped) {
  cc_item now, old = {0, CC_ITEM_NIL, {0}};
  int64_t seen;
  *swapped = false;
  cc_value_lock(me, v);
  bool mine = cc_turn_mine(me, &v->turn);
  for (bool same = mine; same && !*swapped;) {
    bool small = cc_value_get_integer(v, &seen);
    cc_value_read(v, &now);
    same = cc_item_same(&now, expected);
    if (same) *swapped = store(me, v, small, &now, item, &old);
  }
  cc_value_unlock(me, v);
  if (!mine) return CC_TIMEOUT;
  cc_item_drop(&now);
  if (*swapped) cc_item_copy(item, &old);
  return CC_OK;
}

static void destroy(cc_object *o) {
  const cc_item zero = {0, CC_ITEM_INTEGER, {0}};
  cc_self *me = cc_self_get();
  cc_item old;
  cc_value_lock(me, (cc_value *)o);
  ((cc_value *)o)->turn.holder = 0;
  cc_value_write(me, (cc_value *)o, &zero, &old);
  cc_value_unlock(me, (cc_value *)o);
  cc_item_drop(&old);
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_value *v = (cc_value *)o;
  cc_guard_inherit(me, &o->guard, process);
  if (cc_turn_mend(me, &v->turn, process) && v->turn.holder == 0) settle(v);
  cc_guard_unlock(&o->guard);
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
