/* Parcels: messages in the arena. */
#include "core/parcel.h"

#include "core/arena.h"
#include "core/slot.h"

static size_t objects_at(size_t size) { return (sizeof(cc_parcel) + size + 15) / 16 * 16; }

cc_object *const *cc_parcel_objects(const cc_parcel *p) {
  return (cc_object *const *)(const void *)((const char *)p + objects_at(p->size));
}

static cc_object **places(cc_parcel *p) {
  return (cc_object **)(void *)((char *)p + objects_at(p->size));
}

static void add_objects(cc_parcel *p, cc_object *const *objects, uint32_t n) {
  cc_object **to = places(p);
  for (uint32_t i = 0; i < n; i++) {
    to[i] = objects[i];
    cc_object_parcel_retain(objects[i], &p->nobjects);
  }
}

/* A block in the hand becomes a parcel there. */
static void mark_hand(const cc_parcel *p) {
  cc_undo *u = &cc_self_get()->slot->undo;
  cc_order();
  for (uint32_t i = 0; i < CC_HANDS; i++)
    if (cc_held(&u->hands[i]) == p) u->hands[i].parcel = 1;
  cc_order();
}

cc_parcel *cc_parcel_new(size_t size, cc_object *const *objects, uint32_t nobjects) {
  if (size > PTRDIFF_MAX / 2) return NULL;
  cc_parcel *p = cc_arena_take(objects_at(size) + nobjects * sizeof *objects);
  if (p == NULL) return NULL;
  atomic_store_explicit(&p->references, 1, memory_order_relaxed);
  p->size = size;
  p->weak = NULL;
  p->weak_counted = 0;
  p->nobjects = 0;
  mark_hand(p);
  if (nobjects > 0) add_objects(p, objects, nobjects);
  return p;
}

bool cc_parcel_resize(cc_parcel **p, size_t size) {
  if (size > PTRDIFF_MAX / 2) return false;
  cc_parcel *moved = cc_arena_resize(*p, objects_at(size));
  if (moved == NULL) return false;
  moved->size = size;
  if (moved != *p) mark_hand(moved);
  *p = moved;
  return true;
}

bool cc_parcel_seal(cc_parcel **p, size_t size, cc_object *const *objects, uint32_t nobjects) {
  cc_parcel *moved = cc_arena_resize(*p, objects_at(size) + nobjects * sizeof *objects);
  if (moved == NULL) return false;
  moved->size = size;
  if (moved != *p) mark_hand(moved);
  if (nobjects > 0) add_objects(moved, objects, nobjects);
  *p = moved;
  return true;
}

void cc_parcel_weaken(cc_parcel *p, cc_object *o) {
  cc_object *const *objects = cc_parcel_objects(p);
  uint32_t n = 0;
  for (uint32_t i = 0; i < p->nobjects; i++) n += objects[i] == o;
  if (n == 0) return;
  p->weak_counted = n;
  cc_order();
  p->weak = o;
  cc_order();
  while (p->weak_counted > 0) cc_object_parcel_release(o, &p->weak_counted);
}

cc_parcel *cc_parcel_lay(cc_parcel *p) {
  if (p != NULL) cc_hand_drop(cc_self_get(), p);
  return p;
}

void cc_parcel_retain(cc_parcel *p) {
  atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
}

void cc_parcel_take(cc_parcel *p) {
  cc_self *me = cc_self_get();
  cc_parcel_retain(p);
  uint32_t begin = cc_begin(me);
  cc_hand_take(me, me->slot, p, true);
  cc_commit(me, begin);
}

/* The last reference is gone; the parcel is in the caller's hand, so that what is left of it is
** freed in any case. */
static void tear_down(cc_parcel *p) {
  cc_object *const *objects = cc_parcel_objects(p);
  while (p->weak != NULL && p->weak_counted > 0) cc_object_parcel_release(p->weak, &p->weak_counted);
  while (p->nobjects > 0) {
    cc_object *o = objects[p->nobjects - 1];
    if (o == p->weak)
      p->nobjects--;
    else
      cc_object_parcel_release(o, &p->nobjects);
  }
  cc_arena_free(p);
}

/* Into a hand, unless it is in one. */
static void take(cc_parcel *p) {
  cc_self *me = cc_self_get();
  if (cc_arena_in_hand(p)) return;
  uint32_t begin = cc_begin(me);
  cc_hand_take(me, me->slot, p, true);
  cc_commit(me, begin);
}

void cc_parcel_release(cc_parcel *p) {
  if (p == NULL) return;
  if (atomic_load_explicit(&p->references, memory_order_acquire) != 1) {
    cc_parcel_lay(p);
    if (atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1) return;
    atomic_store_explicit(&p->references, 1, memory_order_relaxed); /* the caller's alone */
  }
  if (p->nobjects > 0) take(p);
  tear_down(p);
}

void cc_parcel_drop(cc_parcel **place) {
  cc_self *me = cc_self_get();
  cc_parcel *p = *place;
  if (p == NULL) return;
  uint32_t begin = cc_begin(me);
  cc_note(me, *place);
  *place = NULL;
  cc_hand_take(me, me->slot, p, true);
  cc_commit(me, begin);
  cc_parcel_release(p);
}

void cc_parcel_bury(cc_parcel *p) { cc_parcel_release(p); }
