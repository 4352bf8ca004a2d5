/* Events. */
#include "core/event.h"

#include "core/descriptor.h"

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return atomic_load(&((cc_event *)o)->flag) != 0;
}

cc_event *cc_event_new(void) { return (cc_event *)cc_object_new(CC_EVENT, sizeof(cc_event)); }

/* Under the guard. */
static void release_all(cc_self *me, cc_event *e) {
  cc_slot *s;
  while ((s = cc_grant_first(me, &e->object.waiters, 1)) != NULL) cc_wake(s);
}

void cc_event_set(cc_self *me, cc_event *e) {
  cc_guard_lock(&e->object.guard, me->word);
  atomic_store_explicit(&e->flag, 1, memory_order_release);
  release_all(me, e);
  cc_guard_unlock(&e->object.guard);
  cc_descriptor_update(&e->object);
}

/* Who was about to set it may have been killed before all were released. */
static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_guard_inherit(me, &o->guard, process);
  if (cc_event_is_set((cc_event *)o)) release_all(me, (cc_event *)o);
  cc_guard_unlock(&o->guard);
  cc_descriptor_update(o);
}

const cc_ops cc_event_ops = {.ready = ready, .mend = mend};

void cc_event_clear(cc_self *me, cc_event *e) {
  cc_guard_lock(&e->object.guard, me->word);
  atomic_store_explicit(&e->flag, 0, memory_order_relaxed);
  cc_guard_unlock(&e->object.guard);
  cc_descriptor_update(&e->object);
}

bool cc_event_is_set(const cc_event *e) {
  return atomic_load_explicit(&e->flag, memory_order_acquire) != 0;
}

/* Looks at the flag for a moment before standing in line: most waits are short. */
static bool linger(const cc_event *e) {
  if (!cc_park_parallel()) return false;
  for (int i = 0; i < 20; i++) {
    cc_pause();
    if (cc_event_is_set(e)) return true;
  }
  return false;
}

cc_outcome cc_event_wait(cc_self *me, cc_event *e, int64_t deadline) {
  bool set;
  if (cc_resumes(me, &deadline)) goto waits;
  if (cc_event_is_set(e)) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  if (linger(e)) return CC_OK;
  cc_guard_lock(&e->object.guard, me->word);
  set = cc_event_is_set(e);
  if (!set) cc_stand(me, &e->object);
  cc_guard_unlock(&e->object.guard);
  if (set) return CC_OK;
waits:
  return cc_wait(me, &e->object, &e->object.guard, &e->object.waiters, &me->slot->waiter, deadline);
}
