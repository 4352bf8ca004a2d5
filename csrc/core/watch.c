/* Waiting for one of several. */
#include "core/watch.h"

#include <string.h>

#include "core/arena.h"
#include "core/deadlock.h"

static cc_object *line_of(cc_object *o) {
  const cc_ops *ops = cc_ops_of(o);
  return ops->line == NULL ? o : ops->line(o);
}

static void stand(cc_self *me, cc_object *o, cc_waiter *w) {
  const cc_ops *ops = cc_ops_of(o);
  cc_object *line = line_of(o);
  cc_guard_lock(&line->guard, me->word);
  cc_waitlist_append(me, line, &line->guard, &line->waiters, w, me->slot);
  w->watches = true;
  cc_commit(me, 0);
  if (ops->notice != NULL) ops->notice(me, o);
  cc_guard_unlock(&line->guard);
}

/* True when it had been granted. */
static bool step_out(cc_self *me, cc_object *o, cc_waiter *w) {
  cc_object *line = line_of(o);
  cc_guard_lock(&line->guard, me->word);
  bool granted = cc_granted(w) != 0;
  if (!granted) cc_waitlist_remove(me, &line->waiters, w);
  cc_note(me, w->line);
  atomic_store(&w->line, NULL);
  cc_section_end(me, &line->guard);
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
  bool any = false;
  cc_waiter *nodes = me->slot->watchers;
  if (cc_resumes(me, &deadline)) goto waits;
  if (look(me, objects, ready, n)) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  nodes = cc_arena_take(n * sizeof *nodes);
  if (nodes == NULL) return CC_NO_MEMORY;
  memset(nodes, 0, n * sizeof *nodes);
  for (size_t i = 0; i < n; i++) atomic_store(&nodes[i].granted, (uint64_t)++me->watches << 32);
  /* whoever buries the thread finds them there */
  cc_note(me, me->slot->watchers);
  me->slot->nwatchers = (uint32_t)n;
  me->slot->watchers = nodes;
  cc_hand_lay(me, me->slot, nodes);
  cc_commit(me, 0);
  for (size_t i = 0; i < n; i++) stand(me, objects[i], &nodes[i]);
  /* what became ready before its flag was up is seen now */
  any = look(me, objects, ready, n);
waits:;
  cc_outcome outcome = any ? CC_OK : cc_wait_any(me, waits_for(objects, n), nodes, n, deadline);
  if (outcome == CC_SUSPENDED) return outcome;
  for (size_t i = 0; i < n; i++) any |= ready[i] |= step_out(me, objects[i], &nodes[i]);
  cc_note(me, me->slot->watchers);
  me->slot->watchers = NULL;
  cc_hand_take(me, me->slot, nodes, false);
  cc_commit(me, 0);
  cc_arena_free(nodes);
  if (outcome != CC_OK && outcome != CC_TIMEOUT) return outcome;
  for (size_t i = 0; i < n; i++) any |= ready[i] |= cc_watch_ready(me, objects[i]);
  return any ? CC_OK : CC_TIMEOUT;
}
