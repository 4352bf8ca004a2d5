/*
** Whoever marks the last one looks for those who wait after it has counted; whoever
** waits looks at the counts after it has said so. Both are sequentially
** consistent, so one of them sees the other.
*/
#include "core/tasks.h"

static bool all_done(const cc_tasks *t, const _Atomic uint64_t *total) {
  return atomic_load(&t->done) == atomic_load(total);
}

/* Under the guard. */
static void serve(cc_self *me, cc_tasks *t, const _Atomic uint64_t *total) {
  cc_slot *s;
  if (!all_done(t, total)) return;
  while ((s = cc_grant_first(me, &t->waiters, 1)) != NULL) cc_wake(s);
  atomic_store(&t->waiting, 0);
}

void cc_tasks_mend(cc_self *me, cc_tasks *t, const _Atomic uint64_t *total, uint32_t process) {
  cc_guard_inherit(me, &t->guard, process);
  serve(me, t, total);
  cc_guard_unlock(&t->guard);
}

uint64_t cc_tasks_done(cc_self *me, cc_tasks *t, const _Atomic uint64_t *total, uint64_t n) {
  uint64_t done = atomic_load(&t->done);
  uint64_t open;
  do {
    open = atomic_load(total) - done; /* in this order: never less than nothing */
    if (open < n) n = open;
    if (n == 0) return 0;
  } while (!atomic_compare_exchange_weak(&t->done, &done, done + n));
  if (cc_likely(!atomic_load(&t->waiting)) || !all_done(t, total)) return n;
  cc_guard_lock(&t->guard, me->word);
  serve(me, t, total);
  cc_guard_unlock(&t->guard);
  return n;
}

cc_outcome cc_tasks_join(cc_self *me, cc_tasks *t, const _Atomic uint64_t *total, cc_object *o,
                         int64_t deadline) {
  cc_waiter *w = &me->slot->waiter;
  bool done = false;
  if (cc_resumes(me, &deadline)) goto waits;
  if (all_done(t, total)) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_guard_lock(&t->guard, me->word);
  atomic_store(&t->waiting, 1);
  done = all_done(t, total);
  if (!done) cc_stand_in(me, o, &t->guard, &t->waiters);
  cc_guard_unlock(&t->guard);
waits:
  return done ? CC_OK : cc_wait(me, o, &t->guard, &t->waiters, w, deadline);
}
