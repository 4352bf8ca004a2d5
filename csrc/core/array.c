/* Arrays. */
#include "core/array.h"

#include <string.h>

#include "core/arena.h"

static const uint32_t widths[CC_ELEMENTS] = {1, 1, 2, 2, 4, 4, 8, 4, 8};

uint32_t cc_element_width(cc_element type) { return widths[type]; }

static void destroy(cc_object *o) {
  cc_array *a = (cc_array *)o;
  if (a->held > 0) cc_object_parcel_release(&a->owner->object, &a->held);
  if (a->owner == NULL) cc_block_drop((void **)&a->bytes);
}

const cc_ops cc_array_ops = {.destroy = destroy};

static cc_array *new_array(cc_element type, size_t n) {
  cc_array *a = (cc_array *)cc_object_new(CC_ARRAY, sizeof *a);
  if (a == NULL) return NULL;
  a->type = (uint32_t)type;
  a->width = widths[type];
  a->n = n;
  return a;
}

cc_array *cc_array_new(cc_element type, size_t n) {
  cc_self *me = cc_self_get();
  if (n > PTRDIFF_MAX / 16) return NULL;
  cc_array *a = new_array(type, n);
  if (a == NULL) return NULL;
  void *bytes = cc_arena_take(n * a->width);
  if (bytes == NULL) {
    cc_object_release(&a->object);
    return NULL;
  }
  memset(bytes, 0, n * a->width);
  cc_note(me, a->bytes);
  a->bytes = bytes;
  cc_hand_lay(me, me->slot, bytes);
  cc_commit(me, 0);
  return a;
}

cc_array *cc_array_view(cc_array *a, size_t i, size_t n) {
  cc_array *v = new_array((cc_element)a->type, n);
  if (v == NULL) return NULL;
  v->owner = a->owner != NULL ? a->owner : a;
  v->bytes = a->bytes + i * a->width;
  cc_object_parcel_retain(&v->owner->object, &v->held);
  return v;
}
