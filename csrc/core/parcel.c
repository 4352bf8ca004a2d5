/* Parcels: messages in the arena. */
#include "core/parcel.h"

#include "core/arena.h"

static size_t objects_at(size_t size) { return (sizeof(cc_parcel) + size + 15) / 16 * 16; }

cc_object *const *cc_parcel_objects(const cc_parcel *p) {
  return (cc_object *const *)(const void *)((const char *)p + objects_at(p->size));
}

static void add_objects(cc_parcel *p, cc_object *const *objects, uint32_t n) {
  cc_object **to = (cc_object **)(void *)((char *)p + objects_at(p->size));
  p->nobjects = n;
  for (uint32_t i = 0; i < n; i++) {
    cc_object_parcel_retain(objects[i]);
    to[i] = objects[i];
  }
}

cc_parcel *cc_parcel_new(size_t size, cc_object *const *objects, uint32_t nobjects) {
  if (size > PTRDIFF_MAX / 2) return NULL;
  cc_parcel *p = cc_arena_new(objects_at(size) + nobjects * sizeof *objects);
  if (p == NULL) return NULL;
  atomic_store_explicit(&p->references, 1, memory_order_relaxed);
  p->size = size;
  p->weak = NULL;
  add_objects(p, objects, nobjects);
  return p;
}

bool cc_parcel_resize(cc_parcel **p, size_t size) {
  if (size > PTRDIFF_MAX / 2) return false;
  cc_parcel *moved = cc_arena_resize(*p, objects_at(size));
  if (moved == NULL) return false;
  moved->size = size;
  *p = moved;
  return true;
}

bool cc_parcel_seal(cc_parcel **p, size_t size, cc_object *const *objects, uint32_t nobjects) {
  cc_parcel *moved = cc_arena_resize(*p, objects_at(size) + nobjects * sizeof *objects);
  if (moved == NULL) return false;
  moved->size = size;
  add_objects(moved, objects, nobjects);
  *p = moved;
  return true;
}

void cc_parcel_weaken(cc_parcel *p, cc_object *o) {
  cc_object *const *objects = cc_parcel_objects(p);
  p->weak = o;
  for (uint32_t i = 0; i < p->nobjects; i++)
    if (objects[i] == o) cc_object_parcel_release(o);
}

void cc_parcel_retain(cc_parcel *p) {
  atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
}

void cc_parcel_release(cc_parcel *p) {
  if (p == NULL || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1) return;
  cc_object *const *objects = cc_parcel_objects(p);
  for (uint32_t i = 0; i < p->nobjects; i++)
    if (objects[i] != p->weak) cc_object_parcel_release(objects[i]);
  cc_arena_free(p);
}
