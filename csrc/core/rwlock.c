/* Rwlocks. */
#include "core/rwlock.h"

#include "core/deadlock.h"

cc_rwlock *cc_rwlock_new(void) { return (cc_rwlock *)cc_object_new(CC_RWLOCK, sizeof(cc_rwlock)); }

/* {== under the guard, in a section */

static bool is_free(const cc_rwlock *w, uint32_t mode) {
  return w->writer == 0 && (mode == CC_READ || w->readers == 0);
}

/* The thread of that slot, which has room for it, holds it from now on. */
static void enter(cc_self *me, cc_rwlock *w, uint32_t mode, cc_slot *slot) {
  if (mode == CC_READ) {
    cc_note(me, w->readers);
    w->readers++;
  } else {
    cc_note(me, w->writer);
    w->writer = slot->ident;
    cc_note(me, w->word);
    atomic_store(&w->word, cc_slot_word(slot));
  }
  cc_hold_note(me, slot, &w->object, mode);
}

static void serve(cc_self *me, cc_rwlock *w) {
  cc_waiter *first;
  while ((first = w->object.waiters.first) != NULL && is_free(w, first->mode)) {
    enter(me, w, first->mode, first->slot);
    cc_wake(cc_grant_first(me, &w->object.waiters, 1));
  }
}

/* The section is done with that. */
static void leave(cc_self *me, cc_rwlock *w, uint32_t mode) {
  if (mode == CC_READ) {
    cc_note(me, w->readers);
    w->readers--;
  } else {
    cc_note(me, w->writer);
    w->writer = 0;
    cc_note(me, w->word);
    atomic_store(&w->word, 0);
  }
  cc_commit(me, 0);
  serve(me, w);
}

/* ==} */

static cc_outcome enter_or_wait(cc_self *me, cc_rwlock *w, uint32_t mode, int64_t deadline,
                                bool again) {
  bool entered, waits = false;
  if (cc_resumes(me, &deadline)) goto waits;
  if (!cc_hold_reserve(me)) return CC_NO_MEMORY;
  cc_guard_lock(&w->object.guard, me->word);
  entered = again || (w->object.waiters.first == NULL && is_free(w, mode));
  if (entered) {
    enter(me, w, mode, me->slot);
  } else if (deadline != CC_NOW) {
    me->slot->waiter.mode = mode;
    cc_stand(me, &w->object);
    waits = true;
  }
  cc_section_end(me, &w->object.guard);
  if (!waits) return entered ? CC_OK : CC_TIMEOUT;
waits:;
  cc_outcome outcome = cc_wait(me, &w->object, &w->object.guard, &w->object.waiters,
                               &me->slot->waiter, deadline);
  if (outcome == CC_OK && cc_deadlock_told(me)) {
    /* granted since another who was told went away: this one was told, too */
    cc_rwlock_release(me, w, mode);
    return CC_DEADLOCK;
  }
  if (outcome != CC_OK && outcome != CC_SUSPENDED) { /* readers may have stood behind a writer that went away */
    cc_guard_lock(&w->object.guard, me->word);
    serve(me, w);
    cc_guard_unlock(&w->object.guard);
  }
  return outcome;
}

cc_outcome cc_rwlock_acquire(cc_self *me, cc_rwlock *w, uint32_t mode, int64_t deadline,
                             bool *abandoned) {
  bool reads = cc_hold_has(me, &w->object, CC_READ);
  *abandoned = false;
  if (me->suspended) reads = false; /* it was looked at when the wait began */
  else if (cc_hold_has(me, &w->object, CC_WRITE) || (reads && mode == CC_WRITE)) return CC_MISUSE;
  cc_outcome outcome = enter_or_wait(me, w, mode, deadline, reads);
  if (outcome == CC_OK && cc_unlikely(atomic_load(&w->abandoned) != 0))
    *abandoned = atomic_exchange(&w->abandoned, 0) != 0;
  return outcome;
}

bool cc_rwlock_release(cc_self *me, cc_rwlock *w, uint32_t mode) {
  cc_guard_lock(&w->object.guard, me->word);
  bool held = cc_hold_remove(me, &w->object, mode);
  if (held) leave(me, w, mode);
  cc_guard_unlock(&w->object.guard);
  return held;
}

static void abandon(cc_self *me, cc_object *o, uint32_t mode, uint32_t count, bool killed) {
  cc_rwlock *w = (cc_rwlock *)o;
  (void)count, (void)killed;
  cc_guard_lock(&o->guard, me->word);
  atomic_store(&w->abandoned, 1);
  leave(me, w, mode);
  cc_guard_unlock(&o->guard);
}

/* A writer that stood before readers has gone. */
static void withdrawn(cc_self *me, cc_object *o, cc_waitlist *line) {
  (void)line;
  cc_guard_lock(&o->guard, me->word);
  serve(me, (cc_rwlock *)o);
  cc_guard_unlock(&o->guard);
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_guard_inherit(me, &o->guard, process);
  serve(me, (cc_rwlock *)o);
  cc_guard_unlock(&o->guard);
}

const cc_ops cc_rwlock_ops = {.abandon = abandon, .withdrawn = withdrawn, .mend = mend};

uint32_t cc_rwlock_state(cc_self *me, cc_rwlock *w, bool *written) {
  cc_guard_lock(&w->object.guard, me->word);
  uint32_t readers = w->readers;
  *written = w->writer != 0;
  cc_guard_unlock(&w->object.guard);
  return readers;
}
