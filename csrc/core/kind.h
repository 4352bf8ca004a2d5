/*
** Kind: what the floors below need to know of each kind of object. The kinds of this floor
** are listed in kinds.c; the floor above adds those of its own when the module is opened.
*/
#ifndef CC_KIND_H
#define CC_KIND_H

#include "core/slot.h"

typedef struct cc_ops {
  /* What is to be done when the last reference goes, under no guard. It may be called again when
  ** a process was killed in the middle: what it has done once it must not do twice. NULL: nothing. */
  void (*destroy)(cc_object *o);

  /* {== for kinds that can be waited for together with others: see watch.h */

  /* Whether it is ready now, for the caller (me NULL: for anybody). Takes no guard. NULL: the
  ** kind cannot be watched. */
  bool (*ready)(const cc_self *me, cc_object *o);
  /* A watcher has come into the line, under its guard, or a descriptor shall show the
  ** object from now on: whoever makes a difference must notice. NULL: nothing to do. */
  void (*notice)(cc_self *me, cc_object *o);
  /* Whose guard and line it is; NULL: its own. */
  cc_object *(*line)(cc_object *o);

  /* ==} {== for kinds that may end before their last reference goes */

  /* Asked under the reference guard when less refer to it; true once. */
  bool (*over)(cc_object *o);
  /* Called then, under no guard, with a parcel's reference that it gives up. It may be called
  ** while it runs, from below: it must not nest without bound. */
  void (*end)(cc_object *o);

  /* ==} {== what threads and processes leave behind */

  /* A thread has ended that held it, noted as a hold of that mode and count. killed: with its
  ** process, by a signal. */
  void (*abandon)(cc_self *me, cc_object *o, uint32_t mode, uint32_t count, bool killed);
  /* A thread stood in that line of it, not granted, and has ended; it has been taken out. */
  void (*withdrawn)(cc_self *me, cc_object *o, cc_waitlist *line);
  /* The same, but it had been granted and had not seen that: what it was given may be taken
  ** back. Under the line's guard, in a section. NULL: nothing is lost, or mend sees to it. */
  void (*give_back)(cc_self *me, cc_object *o, cc_waitlist *line, cc_slot *s);
  /* A process has ended: its guards of the object are to be taken over (cc_guard_inherit), and
  ** what it has begun for others finished. NULL: the object's guard is all there is. */
  void (*mend)(cc_self *me, cc_object *o, uint32_t process);
  /* Called after that has been done for all objects, for what concerns others, too. NULL: nothing. */
  void (*resume)(cc_self *me, cc_object *o, uint32_t process);

  /* ==} */
} cc_ops;

void cc_kind_define(cc_kind kind, const cc_ops *ops);
const cc_ops *cc_kind_ops(cc_kind kind); /* never NULL */
const cc_ops *cc_ops_of(const cc_object *o);

/* Defines those of this floor. */
void cc_kinds_open(void);

/* Locks a guard that may be held by a thread of a process that has ended. */
void cc_guard_inherit(cc_self *me, cc_guard *g, uint32_t process);

/* Ends a section and unlocks its guard. */
static inline void cc_section_end(cc_self *me, cc_guard *g) {
  cc_commit(me, 0);
  cc_guard_unlock(g);
}

#endif
