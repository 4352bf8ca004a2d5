/* Latches. */
#include "core/latch.h"

#include "core/descriptor.h"

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return atomic_load(&((cc_latch *)o)->count) == 0;
}

cc_latch *cc_latch_new(int64_t n) {
  static const cc_watchable watchable = {.ready = ready};
  cc_watch_register(CC_LATCH, &watchable);
  cc_latch *l = (cc_latch *)cc_object_new(CC_LATCH, sizeof *l);
  if (l != NULL) atomic_store(&l->count, n);
  return l;
}

void cc_latch_count_down(cc_self *me, cc_latch *l, int64_t k) {
  cc_slot *s;
  cc_guard_lock(&l->object.guard, me->word);
  int64_t n = atomic_load_explicit(&l->count, memory_order_relaxed);
  n = n > k ? n - k : 0;
  atomic_store_explicit(&l->count, n, memory_order_release);
  if (n == 0)
    while ((s = cc_grant_first(&l->object.waiters, 1)) != NULL) cc_wake(s);
  cc_guard_unlock(&l->object.guard);
  cc_descriptor_update(&l->object);
}

cc_outcome cc_latch_wait(cc_self *me, cc_latch *l, int64_t deadline) {
  bool open = atomic_load_explicit(&l->count, memory_order_acquire) == 0;
  if (open) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_guard_lock(&l->object.guard, me->word);
  open = atomic_load_explicit(&l->count, memory_order_relaxed) == 0;
  if (!open) cc_waitlist_append(&l->object.waiters, &me->slot->waiter, me->slot);
  cc_guard_unlock(&l->object.guard);
  if (open) return CC_OK;
  return cc_wait(me, &l->object, &l->object.guard, &l->object.waiters, &me->slot->waiter, deadline);
}
