/* Latches. */
#include "core/latch.h"

#include "core/descriptor.h"

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return atomic_load(&((cc_latch *)o)->count) == 0;
}

cc_latch *cc_latch_new(int64_t n) {
  cc_latch *l = (cc_latch *)cc_object_new(CC_LATCH, sizeof *l);
  if (l != NULL) atomic_store(&l->count, n);
  return l;
}

/* Under the guard. */
static void release_all(cc_self *me, cc_latch *l) {
  cc_slot *s;
  while ((s = cc_grant_first(me, &l->object.waiters, 1)) != NULL) cc_wake(s);
}

void cc_latch_count_down(cc_self *me, cc_latch *l, int64_t k) {
  cc_guard_lock(&l->object.guard, me->word);
  int64_t n = atomic_load_explicit(&l->count, memory_order_relaxed);
  n = n > k ? n - k : 0;
  atomic_store_explicit(&l->count, n, memory_order_release);
  if (n == 0) release_all(me, l);
  cc_guard_unlock(&l->object.guard);
  cc_descriptor_update(&l->object);
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_guard_inherit(me, &o->guard, process);
  if (ready(NULL, o)) release_all(me, (cc_latch *)o);
  cc_guard_unlock(&o->guard);
  cc_descriptor_update(o);
}

const cc_ops cc_latch_ops = {.ready = ready, .mend = mend};

cc_outcome cc_latch_wait(cc_self *me, cc_latch *l, int64_t deadline) {
  if (cc_resumes(me, &deadline)) goto waits;
  bool open = atomic_load_explicit(&l->count, memory_order_acquire) == 0;
  if (open) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_guard_lock(&l->object.guard, me->word);
  open = atomic_load_explicit(&l->count, memory_order_relaxed) == 0;
  if (!open) cc_stand(me, &l->object);
  cc_guard_unlock(&l->object.guard);
  if (open) return CC_OK;
waits:
  return cc_wait(me, &l->object, &l->object.guard, &l->object.waiters, &me->slot->waiter, deadline);
}
