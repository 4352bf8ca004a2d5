/*
** Descriptor: a file descriptor that is readable while an object is ready, for
** event loops of others. At most one per object and process, made on demand; it
** goes with the process's last reference to the object.
**
** Whoever changes whether an object is ready calls cc_descriptor_update after the
** change if the object says that it is described. Updates exclude each other and
** look at the object anew, so the last of them leaves the descriptor as the object is.
*/
#ifndef CC_DESCRIPTOR_H
#define CC_DESCRIPTOR_H

#include "core/watch.h"

/* The descriptor of o in this process, which stays the object's; a negated errno value when
** there can be none. o's kind can be watched. The caller has a reference. */
int cc_descriptor_of(cc_self *me, cc_object *o);

/* Brings the descriptor of the object with that index up to date, if it has one here. */
void cc_descriptor_update_slow(uint32_t index);

static inline void cc_descriptor_update(const cc_object *o) {
  if (cc_unlikely(atomic_load(&o->described))) cc_descriptor_update_slow(o->index);
}

/* Before the family gets a second process: has the descriptors there are follow what others
** do, too. 0 or an errno value. */
int cc_descriptor_share(void);

/* In a child: closes the parent's, which came along. */
void cc_descriptor_forget(void);

/* The process gives up its last reference to o; under the local guard of o. */
void cc_descriptor_close(cc_object *o);

#endif
