/* Lists. */
#include "core/list.h"

#include "core/arena.h"

#define SMALLEST 8 /* cells */

/* A value as it is kept: bytes lie in a block of their own. */
struct cc_cell {
  uint32_t size, kind;
  union {
    uint64_t word;
    struct cc_parcel *parcel;
    void *bytes;
  } u;
};

/* {== cells */

static bool write_cell(cc_cell *c, const cc_item *item) {
  c->kind = item->kind;
  c->size = item->size;
  if (!cc_item_sized(item->kind)) {
    c->u.word = item->u.word;
    return true;
  }
  c->u.bytes = cc_arena_new(item->size);
  if (c->u.bytes == NULL) return false;
  memcpy(c->u.bytes, item->u.bytes, item->size);
  return true;
}

/* The reference stays where it is. */
static void read_cell(const cc_cell *c, cc_item *item) {
  item->kind = c->kind;
  item->size = c->size;
  if (cc_item_sized(c->kind))
    memcpy(item->u.bytes, c->u.bytes, c->size);
  else
    item->u.word = c->u.word;
}

/* Frees the cell's own memory: what it refers to has been taken over. */
static void free_cell(const cc_cell *c) {
  if (cc_item_sized(c->kind)) cc_arena_free(c->u.bytes);
}

/* Position from 0. */
static cc_cell *cell(const cc_list *l, size_t i) { return &l->cells[(l->first + i) & (l->room - 1)]; }

/* ==} {== the ring; under the guard */

static size_t size_of(const cc_list *l) { return atomic_load_explicit(&l->n, memory_order_relaxed); }

static void set_size(cc_list *l, size_t n) { atomic_store_explicit(&l->n, n, memory_order_relaxed); }

/* Moves the cells to a ring of that room. */
static bool resize(cc_list *l, size_t room) {
  if (room > SIZE_MAX / sizeof(cc_cell)) return false;
  cc_cell *cells = cc_arena_new(room * sizeof *cells);
  if (cells == NULL) return false;
  size_t n = size_of(l), head = l->room - l->first < n ? l->room - l->first : n;
  if (n > 0) {
    memcpy(cells, l->cells + l->first, head * sizeof *cells);
    memcpy(cells + head, l->cells, (n - head) * sizeof *cells);
  }
  cc_arena_free(l->cells);
  l->cells = cells;
  l->room = room;
  l->first = 0;
  return true;
}

static bool reserve(cc_list *l, size_t n) {
  size_t room = l->room == 0 ? SMALLEST : l->room;
  while (room < n) room *= 2;
  return room == l->room || resize(l, room);
}

static void shrink(cc_list *l) {
  if (l->room > SMALLEST && size_of(l) <= l->room / 4) resize(l, l->room / 2);
}

/* Makes a gap at i (from 0), moving the shorter side; there is room. */
static void open_gap(cc_list *l, size_t i) {
  size_t n = size_of(l);
  if (i < n - i) {
    l->first = (l->first + l->room - 1) & (l->room - 1);
    for (size_t k = 0; k < i; k++) *cell(l, k) = *cell(l, k + 1);
  } else {
    for (size_t k = n; k > i; k--) *cell(l, k) = *cell(l, k - 1);
  }
  set_size(l, n + 1);
}

static void close_gap(cc_list *l, size_t i) {
  size_t n = size_of(l);
  if (i < n - i) {
    for (size_t k = i; k > 0; k--) *cell(l, k) = *cell(l, k - 1);
    l->first = (l->first + 1) & (l->room - 1);
  } else {
    for (size_t k = i; k + 1 < n; k++) *cell(l, k) = *cell(l, k + 1);
  }
  set_size(l, n - 1);
  shrink(l);
}

/* ==} */

/* Locks the guard for a change, once no copy is made. False: somebody else has the turn. */
static bool lock_to_change(cc_self *me, cc_list *l) {
  cc_guard_lock(&l->object.guard, me->word);
  while (cc_unlikely(atomic_load(&l->copying))) {
    cc_guard_unlock(&l->object.guard);
    cc_guard_lock(&l->copy_guard, me->word);
    cc_guard_unlock(&l->copy_guard);
    cc_guard_lock(&l->object.guard, me->word);
  }
  return cc_turn_mine(me, &l->turn);
}

size_t cc_list_size(const cc_list *l) { return size_of(l); }

bool cc_list_get(cc_self *me, cc_list *l, size_t i, cc_item *item) {
  cc_guard_lock(&l->object.guard, me->word);
  bool found = i >= 1 && i <= size_of(l);
  if (found) {
    read_cell(cell(l, i - 1), item);
    cc_item_retain(item);
  }
  cc_guard_unlock(&l->object.guard);
  if (!found) item->kind = CC_ITEM_NIL;
  return found;
}

static cc_outcome insert(cc_list *l, size_t i, const cc_item *item) {
  cc_cell new;
  size_t n = size_of(l);
  if (i < 1 || i > n + 1) return CC_CLOSED;
  if (!reserve(l, n + 1) || !write_cell(&new, item)) return CC_NO_MEMORY;
  open_gap(l, i - 1);
  *cell(l, i - 1) = new;
  return CC_OK;
}

cc_outcome cc_list_set(cc_self *me, cc_list *l, size_t i, const cc_item *item, cc_item *old) {
  cc_outcome outcome = CC_TIMEOUT;
  old->kind = CC_ITEM_NIL;
  if (lock_to_change(me, l)) {
    if (i >= 1 && i <= size_of(l)) {
      cc_cell new, *c = cell(l, i - 1);
      outcome = write_cell(&new, item) ? CC_OK : CC_NO_MEMORY;
      if (outcome == CC_OK) {
        read_cell(c, old);
        free_cell(c);
        *c = new;
      }
    } else {
      outcome = insert(l, i, item);
    }
  }
  cc_guard_unlock(&l->object.guard);
  return outcome;
}

cc_outcome cc_list_insert(cc_self *me, cc_list *l, size_t i, const cc_item *item) {
  cc_outcome outcome = CC_TIMEOUT;
  if (lock_to_change(me, l)) outcome = insert(l, i == 0 ? size_of(l) + 1 : i, item);
  cc_guard_unlock(&l->object.guard);
  return outcome;
}

cc_outcome cc_list_pop(cc_self *me, cc_list *l, size_t i, cc_item *item) {
  cc_outcome outcome = CC_TIMEOUT;
  if (lock_to_change(me, l)) {
    size_t n = size_of(l);
    if (i == 0) i = n;
    outcome = i >= 1 && i <= n ? CC_OK : CC_CLOSED;
    if (outcome == CC_OK) {
      read_cell(cell(l, i - 1), item);
      free_cell(cell(l, i - 1));
      close_gap(l, i - 1);
    }
  }
  cc_guard_unlock(&l->object.guard);
  return outcome;
}

/* Takes everything out: the cells go to *old, which nobody else knows. */
static void take_all(cc_list *l, cc_list *old) {
  old->cells = l->cells;
  old->room = l->room;
  old->first = l->first;
  set_size(old, size_of(l));
  l->cells = NULL;
  l->room = l->first = 0;
  set_size(l, 0);
}

/* Their values may be the last references to other objects. */
static void drop_all(cc_list *l) {
  cc_item item;
  for (size_t i = 0; i < size_of(l); i++) {
    read_cell(cell(l, i), &item);
    free_cell(cell(l, i));
    cc_item_drop(&item);
  }
  cc_arena_free(l->cells);
}

/* Fills cells of a list that nobody else knows; with CC_OK the references have gone over. */
static bool fill(cc_list *new, const cc_records *r) {
  cc_records rest = *r;
  cc_item item;
  if (rest.left > 0 && !reserve(new, rest.left)) return false;
  while (cc_records_next(&rest, &item)) {
    size_t n = size_of(new);
    if (!write_cell(cell(new, n), &item)) {
      for (size_t i = 0; i < n; i++) free_cell(cell(new, i));
      cc_arena_free(new->cells);
      return false;
    }
    set_size(new, n + 1);
  }
  return true;
}

cc_outcome cc_list_extend(cc_self *me, cc_list *l, cc_records *r, bool replace) {
  cc_outcome outcome = CC_TIMEOUT;
  cc_list new, old;
  memset(&new, 0, sizeof new);
  memset(&old, 0, sizeof old);
  if (!fill(&new, r)) return CC_NO_MEMORY;
  size_t more = size_of(&new);
  if (lock_to_change(me, l)) {
    size_t n = size_of(l);
    outcome = CC_OK;
    if (replace || n == 0) {
      take_all(l, &old);
      take_all(&new, l);
    } else if (!reserve(l, n + more)) {
      outcome = CC_NO_MEMORY;
    } else {
      for (size_t i = 0; i < more; i++) *cell(l, n + i) = *cell(&new, i);
      set_size(l, n + more);
    }
  }
  cc_guard_unlock(&l->object.guard);
  if (outcome == CC_OK)
    cc_records_skip(r, r->left);
  else
    for (size_t i = 0; i < more; i++) free_cell(cell(&new, i));
  cc_arena_free(new.cells);
  drop_all(&old);
  return outcome;
}

bool cc_list_copy(cc_self *me, cc_list *l, cc_records *r) {
  bool ok = true;
  cc_guard_lock(&l->copy_guard, me->word);
  atomic_store(&l->copying, 1);
  /* a change that did not see that is over once its guard was ours */
  cc_guard_lock(&l->object.guard, me->word);
  cc_guard_unlock(&l->object.guard);
  for (size_t i = 0; ok && i < size_of(l); i++) {
    cc_item item;
    read_cell(cell(l, i), &item);
    cc_item_retain(&item);
    ok = cc_records_add(r, &item);
    if (!ok) cc_item_drop(&item);
  }
  atomic_store(&l->copying, 0);
  cc_guard_unlock(&l->copy_guard);
  return ok;
}

size_t cc_list_index(cc_self *me, cc_list *l, const cc_item *item) {
  size_t found = 0;
  cc_guard_lock(&l->copy_guard, me->word); /* it may be long */
  atomic_store(&l->copying, 1);
  cc_guard_lock(&l->object.guard, me->word);
  cc_guard_unlock(&l->object.guard);
  for (size_t i = 0; found == 0 && i < size_of(l); i++) {
    cc_item other;
    read_cell(cell(l, i), &other);
    if (cc_item_same(&other, item)) found = i + 1;
  }
  atomic_store(&l->copying, 0);
  cc_guard_unlock(&l->copy_guard);
  return found;
}

static void destroy(cc_object *o) { drop_all((cc_list *)o); }

cc_list *cc_list_new(void) {
  cc_object_set_destructor(CC_LIST, destroy);
  return (cc_list *)cc_object_new(CC_LIST, sizeof(cc_list));
}
