/* The line of work, and who is called to it. */
#include "core/line.h"

#include "core/deadlock.h"

/* {== the line */

static void insert(cc_self *me, cc_crew *c, cc_work *w, cc_work *after) {
  cc_work *next = after != NULL ? after->next : c->first;
  w->previous = after;
  w->next = next;
  if (after != NULL) {
    cc_note(me, after->next);
    after->next = w;
  } else {
    cc_note(me, c->first);
    c->first = w;
  }
  if (next != NULL) {
    cc_note(me, next->previous);
    next->previous = w;
  } else {
    cc_note(me, c->last);
    c->last = w;
  }
}

static void take_out(cc_self *me, cc_crew *c, cc_work *w) {
  if (w->previous != NULL) {
    cc_note(me, w->previous->next);
    w->previous->next = w->next;
  } else {
    cc_note(me, c->first);
    c->first = w->next;
  }
  if (w->next != NULL) {
    cc_note(me, w->next->previous);
    w->next->previous = w->previous;
  } else {
    cc_note(me, c->last);
    c->last = w->previous;
  }
}

/* In a section. */
static void count(cc_self *me, cc_crew *c, const cc_work *w, uint32_t change) {
  uint32_t *n = w->object.kind == CC_FUTURE ? &c->futures : &c->jobs;
  cc_note(me, *n);
  *n += change;
}

void cc_line_push(cc_self *me, cc_crew *c, cc_work *w, cc_member *by) {
  cc_assert(cc_guard_held(&c->object.guard, me->word));
  if (!w->lined) cc_object_parcel_retain(&w->object, &w->lined);
  cc_note(me, w->queued);
  w->queued = 1;
  w->nested = by != NULL ? by->number : 0;
  insert(me, c, w, by != NULL ? by->last_child : c->last);
  if (by != NULL) {
    cc_note(me, by->last_child);
    by->last_child = w;
  }
  count(me, c, w, 1);
  cc_commit(me, 0);
}

/* In a section. */
static void leave(cc_self *me, cc_crew *c, cc_work *w) {
  cc_assert(cc_guard_held(&c->object.guard, me->word) && w->queued);
  cc_note(me, w->queued);
  w->queued = 0;
  take_out(me, c, w);
  count(me, c, w, UINT32_MAX);
  for (cc_member *m = w->nested != 0 ? c->members : NULL; m != NULL; m = m->next) {
    if (m->last_child != w) continue;
    /* what it had submitted before is in front, if it is still there */
    cc_note(me, m->last_child);
    m->last_child = w->previous != NULL && w->previous->nested == w->nested ? w->previous : NULL;
  }
}

static void more_room(cc_self *me, cc_crew *c) {
  if (c->room.first != NULL && c->futures < c->max_queue) cc_wake(cc_grant_first(me, &c->room, 1));
}

void cc_line_call_room(cc_self *me, cc_crew *c) {
  for (uint32_t n = c->futures; n < c->max_queue && c->room.first != NULL; n++) more_room(me, c);
}

void cc_line_remove(cc_self *me, cc_crew *c, cc_work *w) {
  leave(me, c, w);
  cc_commit(me, 0);
  cc_object_parcel_release(&w->object, &w->lined);
  more_room(me, c);
}

void cc_line_give(cc_self *me, cc_crew *c, cc_work *w, cc_member *m) {
  leave(me, c, w);
  cc_note(me, w->lined);
  cc_note(me, m->has);
  cc_note(me, m->work);
  w->lined = 0;
  m->has = 1;
  m->work = w;
  cc_note(me, ((cc_future *)w)->state);
  if (!cc_future_ended((cc_future *)w)) atomic_store(&((cc_future *)w)->state, CC_RUNNING);
  cc_commit(me, 0);
  more_room(me, c);
}

void cc_line_rotate(cc_self *me, cc_crew *c, cc_work *w) {
  if (w->next == NULL || w->nested != 0) return;
  take_out(me, c, w);
  insert(me, c, w, c->last);
  cc_commit(me, 0);
}

uint64_t cc_line_shares(const cc_job *j) {
  if (atomic_load(&j->stop) != CC_JOB_RUNS) return 0;
  uint64_t cells = atomic_load(&j->owner.filled) - j->cursor;
  uint32_t spread = atomic_load_explicit(&j->spread, memory_order_relaxed);
  return (cells + spread - 1) / spread + (j->rescan != 0);
}

/* Pieces of work in line, counted up to `enough`. */
static uint64_t units(const cc_crew *c, uint64_t enough) {
  uint64_t n = c->futures;
  uint32_t jobs = c->jobs;
  for (const cc_work *w = c->first; jobs > 0 && n < enough && w != NULL; w = w->next) {
    if (w->object.kind != CC_JOB) continue;
    n += cc_line_shares((const cc_job *)(const void *)w);
    jobs--;
  }
  return n;
}

bool cc_line_any(const cc_crew *c) { return units(c, 1) > 0; }

/* ==} {== members */

static bool comes(const cc_member *m) { return m->state == CC_MEMBER_COMING; }

static bool is_busy(const cc_member *m) { return m->state == CC_MEMBER_BUSY; }

static bool works(const cc_member *m) { return (comes(m) || is_busy(m)) && !m->blocked; }

void cc_member_set(cc_self *me, cc_crew *c, cc_member *m, uint32_t state, uint32_t blocked) {
  cc_note(me, c->working);
  cc_note(me, c->coming);
  cc_note(me, c->busy);
  cc_note(me, m->state);
  cc_note(me, m->blocked);
  c->working -= works(m);
  c->coming -= comes(m);
  c->busy -= is_busy(m);
  m->state = state;
  m->blocked = blocked;
  c->working += works(m);
  c->coming += comes(m);
  c->busy += is_busy(m);
}

/* The first idle one comes to look for work. */
static void call(cc_self *me, cc_crew *c) {
  cc_slot *s = c->object.waiters.first->slot;
  cc_member *m = (cc_member *)(uintptr_t)s->item.u.word;
  cc_member_set(me, c, m, CC_MEMBER_COMING, 0);
  cc_deadlock_pending_in(atomic_load(&s->process), 1); /* until it is awake */
  cc_wake(cc_grant_first(me, &c->object.waiters, 1));
}

void cc_crew_serve(cc_self *me, cc_crew *c) {
  cc_assert(cc_guard_held(&c->object.guard, me->word) && cc_begin(me) == 0);
  bool wanted = false;
  if (cc_crew_now(c) >= CC_CREW_ENDED || c->first == NULL) return;
  uint64_t n = units(c, (uint64_t)c->coming + c->requested + c->limit);
  while (n > (uint64_t)c->coming + c->requested && c->working + c->requested < c->limit) {
    if (c->object.waiters.first != NULL) {
      call(me, c);
    } else {
      cc_deadlock_pending_in(c->home, 1); /* until it was started, or given up */
      cc_note(me, c->requested);
      c->requested++;
      cc_commit(me, 0);
      wanted = true;
    }
  }
  if (wanted) cc_crew_call_steward(c);
}

void cc_crew_dismiss(cc_self *me, cc_crew *c) {
  while (c->object.waiters.first != NULL) call(me, c);
}

void cc_crew_check_over(cc_self *me, cc_crew *c) {
  if (cc_crew_now(c) == CC_CREW_OPEN || c->present > 0 || c->requested > 0 || cc_line_any(c)) return;
  if (c->over == NULL) return; /* who was making it was killed */
  cc_future_end(me, c->over, CC_SUCCEEDED, NULL, NULL);
  cc_crew_call_steward(c);
}

/* ==} */
