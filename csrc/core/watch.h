/*
** Watch: waiting for one of several objects, of any kinds, without taking anything
** out. A watcher stands in each object's line with a node of its own, among those
** who want something; whoever makes an object ready grants the watchers that it
** meets and goes on to the next in line. No thread polls, none helps.
*/
#ifndef CC_WATCH_H
#define CC_WATCH_H

#include "core/kind.h"
#include "core/park.h"

static inline bool cc_watch_ready(const cc_self *me, cc_object *o) {
  return cc_ops_of(o)->ready(me, o);
}

/* Waits until one of the n objects is ready and notes in `ready` which were: those that
** woke the caller and those that are ready now. CC_OK (at least one is), CC_TIMEOUT,
** CC_CANCELLED, CC_INTERRUPTED, CC_DEADLOCK or CC_NO_MEMORY. */
cc_outcome cc_watch_wait(cc_self *me, cc_object *const *objects, bool *ready, size_t n,
                         int64_t deadline);

#endif
