/*
** Watch: waiting for one of several objects, of any kinds, without taking anything
** out. A watcher stands in each object's line with a node of its own, among those
** who want something; whoever makes an object ready grants the watchers that it
** meets and goes on to the next in line. No thread polls, none helps.
*/
#ifndef CC_WATCH_H
#define CC_WATCH_H

#include "core/park.h"

/* What a kind must do to be watched. */
typedef struct cc_watchable {
  /* Whether it is ready now, for the caller (me NULL: for anybody). Takes no guard. */
  bool (*ready)(const cc_self *me, cc_object *o);
  /* A watcher has come into the line, under its guard, or a descriptor shall show the
  ** object from now on: whoever makes a difference must notice. NULL: nothing to do. */
  void (*notice)(cc_object *o);
  /* Whose guard and line it is; NULL: its own. */
  cc_object *(*line)(cc_object *o);
} cc_watchable;

void cc_watch_register(cc_kind kind, const cc_watchable *w);
const cc_watchable *cc_watch_of(cc_kind kind); /* NULL: cannot be watched */

static inline bool cc_watch_ready(const cc_self *me, cc_object *o) {
  return cc_watch_of((cc_kind)o->kind)->ready(me, o);
}

/* Waits until one of the n objects is ready and notes in `ready` which were: those that
** woke the caller and those that are ready now. CC_OK (at least one is), CC_TIMEOUT,
** CC_CANCELLED, CC_INTERRUPTED, CC_DEADLOCK or CC_NO_MEMORY. */
cc_outcome cc_watch_wait(cc_self *me, cc_object *const *objects, bool *ready, size_t n,
                         int64_t deadline);

#endif
