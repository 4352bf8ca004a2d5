/* Rwlocks. */
#include "core/rwlock.h"

#include "core/deadlock.h"

static void abandon(cc_self *me, cc_object *o, uint32_t mode);

cc_rwlock *cc_rwlock_new(void) {
  cc_set_abandon(CC_RWLOCK, abandon);
  return (cc_rwlock *)cc_object_new(CC_RWLOCK, sizeof(cc_rwlock));
}

/* {== under the guard */

static bool is_free(const cc_rwlock *w, uint32_t mode) {
  return w->writer == 0 && (mode == CC_READ || w->readers == 0);
}

static void enter(cc_rwlock *w, uint32_t mode, const cc_slot *slot) {
  if (mode == CC_READ) {
    w->readers++;
  } else {
    w->writer = slot->ident;
    atomic_store(&w->word, cc_slot_word(slot));
  }
}

static void serve(cc_rwlock *w) {
  cc_waiter *first;
  while ((first = w->object.waiters.first) != NULL && is_free(w, first->mode)) {
    enter(w, first->mode, first->slot);
    cc_wake(cc_grant_first(&w->object.waiters, 1));
  }
}

static void leave(cc_rwlock *w, uint32_t mode) {
  if (mode == CC_READ) {
    w->readers--;
  } else {
    w->writer = 0;
    atomic_store(&w->word, 0);
  }
  serve(w);
}

/* ==} */

static cc_outcome enter_or_wait(cc_self *me, cc_rwlock *w, uint32_t mode, int64_t deadline,
                                bool again) {
  bool entered, waits = false;
  cc_guard_lock(&w->object.guard, me->word);
  entered = again || (w->object.waiters.first == NULL && is_free(w, mode));
  if (entered) {
    enter(w, mode, me->slot);
  } else if (deadline != CC_NOW) {
    me->slot->waiter.mode = mode;
    cc_waitlist_append(&w->object.waiters, &me->slot->waiter, me->slot);
    waits = true;
  }
  cc_guard_unlock(&w->object.guard);
  if (!waits) return entered ? CC_OK : CC_TIMEOUT;
  cc_outcome outcome = cc_wait(me, &w->object, &w->object.guard, &w->object.waiters,
                               &me->slot->waiter, deadline);
  if (outcome == CC_OK && cc_deadlock_told(me)) {
    /* granted since another who was told went away: this one was told, too */
    cc_guard_lock(&w->object.guard, me->word);
    leave(w, mode);
    cc_guard_unlock(&w->object.guard);
    return CC_DEADLOCK;
  }
  if (outcome != CC_OK) { /* readers may have stood behind a writer that went away */
    cc_guard_lock(&w->object.guard, me->word);
    serve(w);
    cc_guard_unlock(&w->object.guard);
  }
  return outcome;
}

cc_outcome cc_rwlock_acquire(cc_self *me, cc_rwlock *w, uint32_t mode, int64_t deadline,
                             bool *abandoned) {
  bool reads = cc_hold_has(me, &w->object, CC_READ);
  *abandoned = false;
  if (cc_hold_has(me, &w->object, CC_WRITE) || (reads && mode == CC_WRITE)) return CC_MISUSE;
  cc_outcome outcome = enter_or_wait(me, w, mode, deadline, reads);
  if (outcome != CC_OK) return outcome;
  cc_guard_lock(&w->object.guard, me->word);
  *abandoned = w->abandoned != 0;
  w->abandoned = 0;
  bool noted = cc_hold_add(me, &w->object, mode);
  if (!noted) leave(w, mode);
  cc_guard_unlock(&w->object.guard);
  return noted ? CC_OK : CC_NO_MEMORY;
}

bool cc_rwlock_release(cc_self *me, cc_rwlock *w, uint32_t mode) {
  if (!cc_hold_remove(me, &w->object, mode)) return false;
  cc_guard_lock(&w->object.guard, me->word);
  leave(w, mode);
  cc_guard_unlock(&w->object.guard);
  return true;
}

static void abandon(cc_self *me, cc_object *o, uint32_t mode) {
  cc_rwlock *w = (cc_rwlock *)o;
  cc_guard_lock(&w->object.guard, me->word);
  w->abandoned = 1;
  leave(w, mode);
  cc_guard_unlock(&w->object.guard);
}

uint32_t cc_rwlock_state(cc_self *me, cc_rwlock *w, bool *written) {
  cc_guard_lock(&w->object.guard, me->word);
  uint32_t readers = w->readers;
  *written = w->writer != 0;
  cc_guard_unlock(&w->object.guard);
  return readers;
}
