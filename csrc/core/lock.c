/*
** The word says who holds the lock and whether somebody stands in line. A
** release that finds the line bit wakes the first, which then tries again: it
** owns nothing yet. The bit is away from then on, so that others who take and release the lock
** before the woken one comes need not wake one more each: it answers for those who stood behind
** it, and puts the bit back when it takes the lock or stands in line again, or gives up.
*/
#include "core/lock.h"

#include "core/deadlock.h"
#include "core/descriptor.h"

#define WAITERS 0x80000000u
#define SPINS 100 /* tries before standing in line: most locks are held shortly */

static bool ready(const cc_self *me, cc_object *o) {
  cc_lock *k = (cc_lock *)o;
  bool again = me != NULL && o->kind == CC_RLOCK && cc_lock_mine(me, k);
  return again || (atomic_load(&k->word) & ~WAITERS) == 0;
}

static void notice(cc_self *me, cc_object *o) {
  (void)me;
  atomic_fetch_or(&((cc_lock *)o)->word, WAITERS);
}

cc_lock *cc_lock_new(void) { return (cc_lock *)cc_object_new(CC_LOCK, sizeof(cc_lock)); }

cc_lock *cc_rlock_new(void) { return (cc_lock *)cc_object_new(CC_RLOCK, sizeof(cc_lock)); }

/* Takes the lock if it is free, keeping the line bit; whoever answers for others sets it. */
static bool try_take(cc_self *me, cc_lock *k, bool answers) {
  const uint32_t mark = me->word | (answers ? WAITERS : 0);
  uint32_t word = atomic_load_explicit(&k->word, memory_order_relaxed);
  while ((word & ~WAITERS) == 0) {
    if (atomic_compare_exchange_weak_explicit(&k->word, &word, word | mark,
                                              memory_order_acquire, memory_order_relaxed)) {
      cc_lock_set_holder(me, k);
      cc_descriptor_update(&k->object);
      return true;
    }
  }
  return false;
}

/* Stands in line unless the lock is free now. True when standing. */
static bool line_up(cc_self *me, cc_lock *k, bool again) {
  bool standing = false;
  cc_guard_lock(&k->object.guard, me->word);
  for (;;) {
    uint32_t word = atomic_load_explicit(&k->word, memory_order_relaxed);
    if ((word & ~WAITERS) == 0) break;
    if ((word & WAITERS) || atomic_compare_exchange_weak_explicit(&k->word, &word, word | WAITERS,
                                                                  memory_order_relaxed,
                                                                  memory_order_relaxed)) {
      if (again) /* was first before it was woken */
        cc_waitlist_prepend(me, &k->object, &k->object.guard, &k->object.waiters,
                            &me->slot->waiter, me->slot);
      else
        cc_waitlist_append(me, &k->object, &k->object.guard, &k->object.waiters,
                           &me->slot->waiter, me->slot);
      cc_commit(me, 0);
      standing = true;
      break;
    }
  }
  cc_guard_unlock(&k->object.guard);
  return standing;
}

/* Calls the first in line who wants the lock, and wakes those before who only watch. For those
** behind a task the bit comes back at once, since its thread may be at other things for long.
** With a descriptor the bit stays. */
static cc_slot *grant(cc_self *me, cc_lock *k) {
  cc_waitlist *l = &k->object.waiters;
  while (cc_waitlist_watched(l)) cc_wake(cc_grant_first(me, l, 1));
  if (l->first != NULL) l->first->mode = l->first != l->last;
  if ((l->first != l->last && atomic_load_explicit(&l->first->slot->loop, memory_order_relaxed) != NULL) ||
      atomic_load(&k->object.described))
    atomic_fetch_or_explicit(&k->word, WAITERS, memory_order_relaxed);
  return cc_grant_first(me, l, 1);
}

/* Under the guard: one who was woken has gone, perhaps, and somebody must look at the line. The
** holder does when it releases the lock; when it is free, the first in line does. */
static cc_slot *pass_on(cc_self *me, cc_lock *k) {
  if (k->object.waiters.first == NULL) return NULL;
  uint32_t word = atomic_fetch_or_explicit(&k->word, WAITERS, memory_order_relaxed);
  return (word & ~WAITERS) == 0 ? grant(me, k) : NULL;
}

static void wake_first(cc_self *me, cc_lock *k) {
  cc_guard_lock(&k->object.guard, me->word);
  cc_slot *s = grant(me, k);
  cc_guard_unlock(&k->object.guard);
  cc_wake(s);
  cc_descriptor_update(&k->object);
}

static void give_up(cc_self *me, cc_lock *k) {
  cc_guard_lock(&k->object.guard, me->word);
  cc_slot *s = pass_on(me, k);
  cc_guard_unlock(&k->object.guard);
  cc_wake(s);
}

/* From the moment when the caller was woken, or (not woken) before it stands in line. */
static cc_outcome acquire(cc_self *me, cc_lock *k, int64_t deadline, bool woken) {
  const cc_waiter *w = &me->slot->waiter;
  for (;;) {
    if (!cc_resumes(me, &deadline)) {
      if (try_take(me, k, woken && w->mode)) return CC_OK;
      if (!line_up(me, k, woken)) continue;
    }
    cc_outcome outcome = cc_wait(me, &k->object, &k->object.guard, &k->object.waiters,
                                 &me->slot->waiter, deadline);
    if (outcome != CC_OK) return outcome;
    woken = true;
    /* whoever was told of a deadlock raises, also if another's unwinding frees the lock */
    if (cc_deadlock_told(me))
      outcome = CC_DEADLOCK;
    else if (try_take(me, k, w->mode))
      return CC_OK;
    else if (deadline != CC_FOREVER && cc_clock() >= deadline)
      outcome = CC_TIMEOUT;
    else if (cc_cancelled(me))
      outcome = CC_CANCELLED;
    if (outcome == CC_OK) continue;
    give_up(me, k);
    return outcome;
  }
}

cc_outcome cc_lock_acquire_slow(cc_self *me, cc_lock *k, int64_t deadline) {
  if (me->suspended) return acquire(me, k, deadline, false);
  for (int i = 0; i < SPINS; i++) {
    if (try_take(me, k, false)) return CC_OK;
    if (deadline == CC_NOW) return CC_TIMEOUT;
    cc_pause();
  }
  return acquire(me, k, deadline, false);
}

void cc_lock_move(cc_self *me, cc_lock *k, cc_waiter *w) {
  /* if this is undone it stands where it stood */
  cc_note(me, w->next);
  cc_note(me, w->previous);
  cc_note(me, w->object);
  cc_note(me, w->guard);
  cc_note(me, w->moved);
  cc_waitlist_append(me, &k->object, &k->object.guard, &k->object.waiters, w, w->slot);
  w->moved = true;
  atomic_fetch_or_explicit(&k->word, WAITERS, memory_order_relaxed);
}

void cc_lock_moved(cc_self *me, cc_lock *k) {
  /* a plain lock may be released by another while its holder notifies */
  if (!cc_lock_locked(k)) wake_first(me, k);
}

cc_outcome cc_lock_acquire_moved(cc_self *me, cc_lock *k) {
  cc_waiter *w = &me->slot->waiter;
  int64_t deadline = CC_FOREVER;
  if (!cc_resumes(me, &deadline)) w->moved = false; /* it has arrived: from here on this line is its own */
  cc_outcome outcome = cc_wait(me, &k->object, &k->object.guard, &k->object.waiters, w, CC_FOREVER);
  return outcome == CC_OK ? acquire(me, k, CC_FOREVER, true) : outcome;
}

/* Notes how long it was held; to be called before the release, which lets others in at once. */
static void trace_hold(cc_self *me, const cc_lock *k) {
  int64_t since = atomic_load_explicit(&k->since, memory_order_relaxed);
  uint64_t holder = atomic_load_explicit(&k->holder, memory_order_relaxed);
  if (since != 0 && holder != 0) cc_trace_span(me, CC_TRACE_HOLD, holder, k->object.kind, k->object.id, since);
}

bool cc_lock_release(cc_self *me, cc_lock *k) {
  if (cc_traced(me)) trace_hold(me, k);
  atomic_store_explicit(&k->holder, 0, memory_order_relaxed);
  uint32_t word = atomic_exchange_explicit(&k->word, 0, memory_order_release);
  if (cc_unlikely(word & WAITERS)) wake_first(me, k);
  return (word & ~WAITERS) != 0;
}

bool cc_lock_locked(const cc_lock *k) {
  return (atomic_load_explicit(&k->word, memory_order_relaxed) & ~WAITERS) != 0;
}

uint64_t cc_lock_holder(const cc_lock *k) {
  return cc_lock_locked(k) ? atomic_load_explicit(&k->holder, memory_order_relaxed) : 0;
}

static void set_abandoned(cc_lock *k) {
  atomic_store(&k->count, 0);
  atomic_store(&k->abandoned, 1);
}

/* Of rlocks: a thread has ended in a process that goes on. */
static void abandon(cc_self *me, cc_object *o, uint32_t mode, uint32_t count, bool killed) {
  cc_lock *k = (cc_lock *)o;
  (void)mode, (void)count, (void)killed;
  if (!cc_lock_mine(me, k)) return;
  set_abandoned(k);
  cc_lock_release(me, k);
}

/* Whether a process that has ended holds it: by a thread that was there to the end, or (a
** plain lock) by one that had ended before and left it locked. */
static bool left_by(cc_lock *k, uint32_t word, uint32_t process) {
  if (word == 0) return false;
  if (cc_slot_of(word, process)) return true;
  return atomic_load(&k->holder) != 0 && atomic_load(&k->process) == process;
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_lock *k = (cc_lock *)o;
  cc_guard_inherit(me, &o->guard, process);
  uint32_t word = atomic_load(&k->word), left = word & ~WAITERS;
  if (left_by(k, left, process)) {
    set_abandoned(k);
    atomic_store(&k->holder, 0);
    /* unless somebody releases it just now, as anybody may a plain lock */
    while ((word & ~WAITERS) == left && !atomic_compare_exchange_weak(&k->word, &word, 0)) continue;
  }
  cc_slot *s = pass_on(me, k); /* a wake-up may be lost */
  cc_section_end(me, &o->guard);
  cc_wake(s);
  cc_descriptor_update(o);
}

static void withdrawn(cc_self *me, cc_object *o, cc_waitlist *line) {
  (void)line;
  give_up(me, (cc_lock *)o);
}

const cc_ops cc_lock_ops = {
    .ready = ready, .notice = notice, .abandon = abandon, .withdrawn = withdrawn, .mend = mend};

cc_outcome cc_rlock_taken(cc_self *me, cc_lock *k, cc_outcome outcome) {
  if (outcome != CC_OK) return outcome;
  atomic_store_explicit(&k->count, 1, memory_order_relaxed);
  if (cc_hold_add(me, &k->object, 0)) return CC_OK;
  cc_lock_release(me, k);
  return CC_NO_MEMORY;
}

uint32_t cc_rlock_count(const cc_lock *k) {
  return cc_lock_locked(k) ? atomic_load_explicit(&k->count, memory_order_relaxed) : 0;
}
