/* Waiting for one of several. */
#include "core/watch.h"

#include "core/arena.h"
#include "core/deadlock.h"

static _Atomic(const cc_watchable *) kinds[CC_KINDS];

void cc_watch_register(cc_kind kind, const cc_watchable *w) {
  if (atomic_load_explicit(&kinds[kind], memory_order_relaxed) != w)
    atomic_store_explicit(&kinds[kind], w, memory_order_release);
}

const cc_watchable *cc_watch_of(cc_kind kind) {
  return atomic_load_explicit(&kinds[kind], memory_order_acquire);
}

static cc_object *line_of(cc_object *o) {
  const cc_watchable *w = cc_watch_of((cc_kind)o->kind);
  return w->line == NULL ? o : w->line(o);
}

static void stand(cc_self *me, cc_object *o, cc_waiter *w) {
  const cc_watchable *kind = cc_watch_of((cc_kind)o->kind);
  cc_object *line = line_of(o);
  cc_guard_lock(&line->guard, me->word);
  cc_waitlist_append(&line->waiters, w, me->slot);
  w->watches = true;
  if (kind->notice != NULL) kind->notice(o);
  cc_guard_unlock(&line->guard);
}

/* True when it had been granted. */
static bool step_out(cc_self *me, cc_object *o, cc_waiter *w) {
  cc_object *line = line_of(o);
  cc_guard_lock(&line->guard, me->word);
  bool granted = atomic_load_explicit(&w->granted, memory_order_relaxed) != 0;
  if (!granted) cc_waitlist_remove(&line->waiters, w);
  cc_guard_unlock(&line->guard);
  return granted;
}

static bool look(cc_self *me, cc_object *const *objects, bool *ready, size_t n) {
  bool any = false;
  for (size_t i = 0; i < n; i++) any |= ready[i] = cc_watch_ready(me, objects[i]);
  return any;
}

/* What the wait is for, to those who look for deadlocks; NULL when they must not: of several
** rlocks any may come free, so none of them makes a circle. */
static cc_object *waits_for(cc_object *const *objects, size_t n) {
  if (n == 1) return objects[0];
  for (size_t i = 0; i < n; i++)
    if (objects[i]->kind != CC_RLOCK) return objects[i];
  return NULL;
}

cc_outcome cc_watch_wait(cc_self *me, cc_object *const *objects, bool *ready, size_t n,
                         int64_t deadline) {
  if (look(me, objects, ready, n)) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_waiter *nodes = cc_arena_new(n * sizeof *nodes);
  if (nodes == NULL) return CC_NO_MEMORY;
  for (size_t i = 0; i < n; i++) stand(me, objects[i], &nodes[i]);
  /* what became ready before its flag was up is seen now */
  bool any = look(me, objects, ready, n);
  cc_outcome outcome = any ? CC_OK : cc_wait_any(me, waits_for(objects, n), nodes, n, deadline);
  for (size_t i = 0; i < n; i++) any |= ready[i] |= step_out(me, objects[i], &nodes[i]);
  cc_arena_free(nodes);
  if (outcome != CC_OK && outcome != CC_TIMEOUT) return outcome;
  for (size_t i = 0; i < n; i++) any |= ready[i] |= cc_watch_ready(me, objects[i]);
  return any ? CC_OK : CC_TIMEOUT;
}
