/*
** Parcel: a message in the arena that no longer changes: bytes made by the
** codec, and the objects that the bytes refer to by number. Counted by
** reference; the last one gone releases the objects. Core never looks into the
** bytes, so a message can be dropped without a Lua state.
*/
#ifndef CC_PARCEL_H
#define CC_PARCEL_H

#include "core/object.h"

typedef struct cc_parcel {
  _Atomic uint32_t references;
  uint32_t nobjects;      /* that are retained */
  uint32_t weak_counted;  /* references to `weak` that are still counted */
  size_t size;            /* bytes of payload */
  cc_object *weak;        /* one of the objects, not counted; NULL: none */
  unsigned char bytes[];  /* the payload; objects follow, aligned */
} cc_parcel;

/* A parcel with one reference, which is in the calling thread's hand (undo.h), and room for `size`
** bytes, which the caller fills. It retains the objects. NULL when shared memory is used up. */
cc_parcel *cc_parcel_new(size_t size, cc_object *const *objects, uint32_t nobjects);

cc_object *const *cc_parcel_objects(const cc_parcel *p);
/* A parcel made without objects, which nobody else knows yet, may grow while it
** is filled: changes its room to `size` bytes and keeps those that fit. It may
** move. False when shared memory is used up; *p is then as before. */
bool cc_parcel_resize(cc_parcel **p, size_t size);

/* Ends the filling: cuts the room to `size` bytes, adds the objects and retains
** them. It may move. False when shared memory is used up; *p is then as before. */
bool cc_parcel_seal(cc_parcel **p, size_t size, cc_object *const *objects, uint32_t nobjects);

/* Makes the references to o uncounted: the parcel will be owned by o itself. Before
** anybody else knows the parcel. */
void cc_parcel_weaken(cc_parcel *p, cc_object *o);

/* Lays the reference down, outside any section: the caller keeps it elsewhere. Returns p, which
** may be NULL. */
cc_parcel *cc_parcel_lay(cc_parcel *p);

/* One reference more, which is in no hand; which is in the calling thread's hand. */
void cc_parcel_retain(cc_parcel *p);
void cc_parcel_take(cc_parcel *p);
void cc_parcel_release(cc_parcel *p); /* p may be NULL; out of the hand if it is in one */

/* Releases the reference that *p is, if it is one, and clears *p first, so that a destructor
** may be called again. */
void cc_parcel_drop(cc_parcel **p);

/* What was in the hand of a thread that ended: a parcel's reference, or a parcel that it was
** about to free. */
void cc_parcel_bury(cc_parcel *p);

#endif
