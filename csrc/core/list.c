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

/* Bytes are in the caller's hand then. */
static bool write_cell(cc_cell *c, const cc_item *item) {
  c->kind = item->kind;
  c->size = item->size;
  if (!cc_item_sized(item->kind)) {
    c->u.word = item->u.word;
    return true;
  }
  c->u.bytes = cc_arena_take(item->size);
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

/* In a section: what a cell refers to leaves the caller's hand, or comes into it. */
static void lay_cell(cc_self *me, const cc_cell *c) {
  if (cc_item_sized(c->kind))
    cc_hand_lay(me, me->slot, c->u.bytes);
  else if (cc_item_has_parcel(c->kind))
    cc_hand_lay(me, me->slot, c->u.parcel);
}

static void take_cell(cc_self *me, const cc_cell *c) {
  if (cc_item_sized(c->kind))
    cc_hand_take(me, me->slot, c->u.bytes, false);
  else if (cc_item_has_parcel(c->kind))
    cc_hand_take(me, me->slot, c->u.parcel, true);
}

static void note_cell(cc_self *me, cc_cell *c) {
  cc_undo_note(&me->slot->undo, &c->size, 8); /* and kind */
  cc_note(me, c->u.word);
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
static bool resize(cc_self *me, cc_list *l, size_t room) {
  if (room > SIZE_MAX / sizeof(cc_cell)) return false;
  cc_cell *cells = cc_arena_take(room * sizeof *cells), *old = l->cells;
  if (cells == NULL) return false;
  size_t n = size_of(l), head = l->room - l->first < n ? l->room - l->first : n;
  if (n > 0) {
    memcpy(cells, l->cells + l->first, head * sizeof *cells);
    memcpy(cells + head, l->cells, (n - head) * sizeof *cells);
  }
  cc_note(me, l->cells);
  cc_note(me, l->room);
  cc_note(me, l->first);
  l->cells = cells;
  l->room = room;
  l->first = 0;
  cc_hand_lay(me, me->slot, cells);
  cc_hand_take(me, me->slot, old, false);
  cc_commit(me, 0);
  cc_arena_free(old);
  return true;
}

static bool reserve(cc_self *me, cc_list *l, size_t n) {
  size_t room = l->room == 0 ? SMALLEST : l->room;
  while (room < n) room *= 2;
  return room == l->room || resize(me, l, room);
}

static void shrink(cc_self *me, cc_list *l) {
  if (l->room > SMALLEST && size_of(l) <= l->room / 4) resize(me, l, l->room / 2);
}

/* Moves the hole by one cell up or down: its content is nothing's, so this is done with the
** store of its new place. */
static void move_hole(cc_list *l, size_t to) {
  *cell(l, l->hole - 1) = *cell(l, to);
  cc_order();
  l->hole = to + 1;
  cc_order();
  cc_crash_point();
}

/* Moves the hole to the nearer end, where it is gone. */
static void close_hole(cc_self *me, cc_list *l) {
  size_t n = size_of(l), i = l->hole - 1;
  if (i < n - i) {
    for (; i > 0; i--) move_hole(l, i - 1);
    cc_note(me, l->first);
    l->first = (l->first + 1) & (l->room - 1);
  } else {
    for (; i < n; i++) move_hole(l, i + 1);
  }
  cc_note(me, l->hole);
  l->hole = 0;
  cc_commit(me, 0);
}

/* Makes a hole at i (from 0), moving the shorter side; there is room. */
static void open_hole(cc_self *me, cc_list *l, size_t i) {
  size_t n = size_of(l);
  bool front = i < n - i;
  cc_note(me, l->hole);
  if (front) {
    cc_note(me, l->first);
    l->first = (l->first + l->room - 1) & (l->room - 1);
  }
  l->hole = (front ? 0 : n) + 1;
  cc_commit(me, 0);
  while (l->hole - 1 < i) move_hole(l, l->hole);
  while (l->hole - 1 > i) move_hole(l, l->hole - 2);
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

static cc_outcome insert(cc_self *me, cc_list *l, size_t i, const cc_item *item) {
  cc_cell new;
  size_t n = size_of(l);
  if (i < 1 || i > n + 1) return CC_CLOSED;
  if (!reserve(me, l, n + 1) || !write_cell(&new, item)) return CC_NO_MEMORY;
  open_hole(me, l, i - 1);
  *cell(l, i - 1) = new;
  cc_note(me, l->hole);
  cc_note(me, l->n);
  l->hole = 0;
  set_size(l, n + 1);
  lay_cell(me, &new);
  cc_commit(me, 0);
  return CC_OK;
}

cc_outcome cc_list_set(cc_self *me, cc_list *l, size_t i, const cc_item *item, cc_item *old) {
  cc_outcome outcome = CC_TIMEOUT;
  old->kind = CC_ITEM_NIL;
  if (lock_to_change(me, l)) {
    if (i >= 1 && i <= size_of(l)) {
      cc_cell new, was, *c = cell(l, i - 1);
      outcome = write_cell(&new, item) ? CC_OK : CC_NO_MEMORY;
      if (outcome == CC_OK) {
        was = *c;
        read_cell(&was, old);
        note_cell(me, c);
        *c = new;
        lay_cell(me, &new);
        take_cell(me, &was);
        cc_commit(me, 0);
        free_cell(&was);
      }
    } else {
      outcome = insert(me, l, i, item);
    }
  }
  cc_guard_unlock(&l->object.guard);
  return outcome;
}

cc_outcome cc_list_insert(cc_self *me, cc_list *l, size_t i, const cc_item *item) {
  cc_outcome outcome = CC_TIMEOUT;
  if (lock_to_change(me, l)) outcome = insert(me, l, i == 0 ? size_of(l) + 1 : i, item);
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
      cc_cell was = *cell(l, i - 1);
      read_cell(&was, item);
      cc_note(me, l->hole);
      cc_note(me, l->n);
      l->hole = i;
      set_size(l, n - 1);
      take_cell(me, &was);
      cc_commit(me, 0);
      free_cell(&was);
      close_hole(me, l);
      shrink(me, l);
    }
  }
  cc_guard_unlock(&l->object.guard);
  return outcome;
}

/* {== dropping many: their values may be the last references to other objects, so no guard is
** held meanwhile */

/* Under the guard, in a section: all cells become trash, of which there is none. */
static void take_all(cc_self *me, cc_list *l) {
  cc_note(me, l->trash.cells);
  cc_note(me, l->trash.room);
  cc_note(me, l->trash.first);
  cc_note(me, l->trash.n);
  cc_note(me, l->cells);
  cc_note(me, l->room);
  cc_note(me, l->first);
  cc_note(me, l->n);
  l->trash.cells = l->cells;
  l->trash.room = l->room;
  l->trash.first = l->first;
  l->trash.n = size_of(l);
  l->cells = NULL;
  l->room = l->first = 0;
  set_size(l, 0);
}

/* Takes the last cell out of the trash, or its memory if that was all; false when there is none. */
static bool take_trash(cc_self *me, cc_list *l, cc_cell *c, cc_cell **memory) {
  cc_guard_lock(&l->object.guard, me->word);
  bool any = l->trash.cells != NULL;
  *memory = NULL;
  if (any && l->trash.n > 0) {
    *c = l->trash.cells[(l->trash.first + l->trash.n - 1) & (l->trash.room - 1)];
    cc_note(me, l->trash.n);
    l->trash.n--;
    take_cell(me, c);
  } else if (any) {
    *memory = l->trash.cells;
    cc_note(me, l->trash.cells);
    l->trash.cells = NULL;
    cc_hand_take(me, me->slot, *memory, false);
  }
  cc_section_end(me, &l->object.guard);
  return any;
}

static void drop_trash(cc_self *me, cc_list *l) {
  cc_cell c, *memory;
  cc_item item;
  while (take_trash(me, l, &c, &memory)) {
    if (memory != NULL) {
      cc_arena_free(memory);
      continue;
    }
    read_cell(&c, &item);
    free_cell(&c);
    cc_item_drop(&item);
  }
}

/* ==} */

/* Fills cells that nobody else knows; with CC_OK the references have gone over. */
static bool fill(cc_list *new, const cc_records *r) {
  cc_self *me = cc_self_get();
  cc_records rest = *r;
  cc_item item;
  if (rest.left > 0 && !reserve(me, new, rest.left)) return false;
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

/* The list is locked, and its trash empty. */
static bool lock_without_trash(cc_self *me, cc_list *l, bool *mine) {
  *mine = lock_to_change(me, l);
  if (l->trash.cells == NULL) return true;
  cc_guard_unlock(&l->object.guard);
  drop_trash(me, l);
  return false;
}

cc_outcome cc_list_extend(cc_self *me, cc_list *l, cc_records *r, bool replace) {
  cc_outcome outcome = CC_TIMEOUT;
  bool mine;
  cc_list new;
  memset(&new, 0, sizeof new);
  if (!fill(&new, r)) return CC_NO_MEMORY;
  size_t more = size_of(&new);
  while (!lock_without_trash(me, l, &mine)) continue;
  if (mine) {
    size_t n = replace ? 0 : size_of(l);
    outcome = CC_OK;
    if (n == 0) {
      take_all(me, l);
      l->cells = new.cells;
      l->room = new.room;
      set_size(l, more);
      new.cells = NULL;
    } else if (!reserve(me, l, n + more)) {
      outcome = CC_NO_MEMORY;
    } else {
      for (size_t i = 0; i < more; i++) *cell(l, n + i) = *cell(&new, i);
      cc_note(me, l->n);
      set_size(l, n + more);
    }
    for (size_t i = 0; outcome == CC_OK && i < more; i++)
      lay_cell(me, cell(new.cells == NULL ? l : &new, i));
  }
  cc_section_end(me, &l->object.guard);
  if (outcome == CC_OK)
    cc_records_skip(r, r->left);
  else
    for (size_t i = 0; i < more; i++) free_cell(cell(&new, i));
  cc_arena_free(new.cells);
  drop_trash(me, l);
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

static void destroy(cc_object *o) {
  cc_list *l = (cc_list *)o;
  cc_self *me = cc_self_get();
  drop_trash(me, l);
  take_all(me, l);
  cc_commit(me, 0);
  drop_trash(me, l);
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_list *l = (cc_list *)o;
  cc_guard_inherit(me, &l->copy_guard, process);
  atomic_store(&l->copying, 0);
  cc_guard_unlock(&l->copy_guard);
  cc_guard_inherit(me, &o->guard, process);
  if (l->hole != 0) close_hole(me, l);
  cc_turn_mend(me, &l->turn, process);
  cc_guard_unlock(&o->guard);
  drop_trash(me, l);
}

const cc_ops cc_list_ops = {.destroy = destroy, .mend = mend};

cc_list *cc_list_new(void) { return (cc_list *)cc_object_new(CC_LIST, sizeof(cc_list)); }
