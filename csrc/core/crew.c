/* Crew: its life, bringing work and calling it off. */
#include "core/crew.h"

#include "core/arena.h"
#include "core/deadlock.h"
#include "core/family.h"
#include "core/line.h"

_Thread_local cc_crew *cc_crew_own;
_Thread_local cc_member *cc_member_own;

/* {== life */

/* In a section: what the member did it lets go of. */
static void let_go(cc_self *me, cc_member *m) {
  cc_note(me, m->done);
  cc_note(me, m->work);
  cc_note(me, m->has);
  cc_note(me, m->had);
  cc_note(me, m->last_child);
  m->done = m->work;
  m->had = m->has;
  m->work = NULL;
  m->has = 0;
  m->last_child = NULL;
  m->stop = 0;
}

static void release_done(cc_member *m) {
  if (m->had) cc_object_parcel_release(&m->done->object, &m->had);
}

/* Under no guard: gives up all references of a member whose thread has ended. */
static void empty(cc_self *me, cc_crew *c, cc_member *m) {
  release_done(m);
  cc_guard_lock(&c->object.guard, me->word);
  let_go(me, m); /* others may look at it */
  cc_section_end(me, &c->object.guard);
  release_done(m);
  if (m->job_held) cc_object_parcel_release(&m->job->work.object, &m->job_held);
  if (m->held) cc_object_parcel_release(m->thread, &m->held);
}

static void drop_first_member(cc_self *me, cc_crew *c) {
  cc_member *m = c->members;
  empty(me, c, m);
  cc_guard_lock(&c->object.guard, me->word);
  cc_note(me, c->members);
  c->members = m->next;
  cc_hand_take(me, me->slot, m, false);
  cc_section_end(me, &c->object.guard);
  cc_arena_free(m);
}

static void destroy(cc_object *o) {
  cc_crew *c = (cc_crew *)o;
  while (c->members != NULL) drop_first_member(cc_self_get(), c);
  cc_parcel_drop(&c->name);
  cc_parcel_drop(&c->surroundings);
  cc_parcel_drop(&c->call);
  cc_parcel_drop(&c->initializer);
  cc_parcel_drop(&c->traceback);
  if (cc_item_has_parcel(c->error.kind)) cc_parcel_drop(&c->error.u.parcel);
  if (c->over_held) cc_object_parcel_release(&c->over->work.object, &c->over_held);
}

cc_crew *cc_crew_new(void) {
  cc_crew *c = (cc_crew *)cc_object_new(CC_CREW, sizeof *c);
  if (c == NULL) return NULL;
  c->home = cc_family_self;
  c->limit = 1;
  c->error.kind = CC_ITEM_NIL;
  c->over = cc_future_new(NULL);
  if (c->over != NULL) {
    cc_object_parcel_retain(&c->over->work.object, &c->over_held);
    cc_object_release(&c->over->work.object);
    return c;
  }
  cc_object_release(&c->object);
  return NULL;
}

static void destroy_pool(cc_object *o) {
  cc_pool *p = (cc_pool *)o;
  if (!p->held) return;
  cc_crew_close(cc_self_get(), p->crew); /* what it has to do it does */
  cc_object_parcel_release(&p->crew->object, &p->held);
}

cc_pool *cc_pool_new(cc_crew *crew) {
  cc_pool *p = (cc_pool *)cc_object_new(CC_POOL, sizeof *p);
  if (p == NULL) return NULL;
  p->crew = crew;
  cc_object_parcel_retain(&crew->object, &p->held);
  return p;
}

/* ==} {== bringing work */

cc_outcome cc_crew_submit(cc_self *me, cc_crew *c, cc_future *f, int64_t deadline) {
  cc_member *by = cc_crew_own == c ? cc_member_own : NULL;
  for (;;) {
    cc_outcome outcome = CC_OK;
    if (cc_resumes(me, &deadline)) goto waits;
    cc_guard_lock(&c->object.guard, me->word);
    cc_crew_state state = cc_crew_now(c);
    if (state != CC_CREW_OPEN && !(state == CC_CREW_CLOSED && by != NULL)) {
      outcome = CC_CLOSED; /* what a task submits belongs to what was submitted before */
    } else if (by == NULL && c->max_queue != 0 && c->futures >= c->max_queue) {
      outcome = CC_TIMEOUT;
      if (deadline != CC_NOW) cc_stand_in(me, &c->object, &c->object.guard, &c->room);
    } else {
      cc_line_push(me, c, &f->work, by);
      cc_crew_serve(me, c);
    }
    cc_guard_unlock(&c->object.guard);
    if (outcome != CC_TIMEOUT || deadline == CC_NOW) return outcome;
  waits:
    outcome = cc_wait(me, &c->object, &c->object.guard, &c->room, &me->slot->waiter, deadline);
    if (outcome != CC_OK) return outcome;
  }
}

static void set_blocked(cc_self *me, cc_crew *c, uint32_t blocked) {
  cc_member *m = cc_member_own;
  cc_guard_lock(&c->object.guard, me->word);
  cc_member_set(me, c, m, m->state, blocked);
  cc_commit(me, 0);
  cc_crew_serve(me, c);
  cc_guard_unlock(&c->object.guard);
}

static _Thread_local uint32_t blocks; /* nested: of waits in callbacks of waits */

void cc_crew_block(cc_self *me, cc_crew *c) {
  if (c != NULL && c == cc_crew_own && blocks++ == 0) set_blocked(me, c, 1);
}

void cc_crew_unblock(cc_self *me, cc_crew *c) {
  if (c != NULL && c == cc_crew_own && --blocks == 0) set_blocked(me, c, 0);
}

void cc_crew_unblock_all(cc_self *me) {
  if (blocks > 0) set_blocked(me, cc_crew_own, 0);
  blocks = 0;
}

void cc_crew_mend_work(cc_self *me, cc_work *w) {
  cc_crew *c = w->crew;
  if (!w->held) return; /* who was making it was killed, or it is bare */
  cc_guard_lock(&c->object.guard, me->word);
  /* there is another reference: the caller's */
  if (w->lined && !w->queued) cc_object_parcel_release(&w->object, &w->lined);
  cc_guard_unlock(&c->object.guard);
}

/* ==} {== calling off */

/* Has what the member does stopped. Under the guard. */
static void stop_member(cc_self *me, cc_crew *c, cc_member *m, cc_stopper *stop) {
  if (stop == NULL || stop(me, m->thread)) return;
  m->stop = 1;
  cc_crew_call_steward(c);
}

/* Under the guard: work was taken out of line, perhaps the last that a closed crew had to do. */
static void less_work(cc_self *me, cc_crew *c) {
  if (cc_crew_now(c) == CC_CREW_OPEN || cc_line_any(c)) return;
  cc_crew_dismiss(me, c);
  cc_crew_check_over(me, c);
}

bool cc_crew_cancel(cc_self *me, cc_crew *c, cc_future *f, cc_stopper *stop) {
  bool was_queued = false;
  cc_guard_lock(&c->object.guard, me->word);
  bool ended = cc_future_ended(f);
  if (!ended && f->work.queued) {
    atomic_fetch_add(&c->called_off, 1);
    was_queued = cc_future_end(me, f, CC_CALLED_OFF, NULL, NULL);
    cc_line_remove(me, c, &f->work);
  } else if (!ended) {
    for (cc_member *m = c->members; m != NULL; m = m->next)
      if (m->work == &f->work) stop_member(me, c, m, stop);
  }
  less_work(me, c);
  cc_guard_unlock(&c->object.guard);
  if (was_queued) cc_future_called(me, f); /* it never will be: what it would have been called with goes */
  return !ended;
}

void cc_crew_cancel_job(cc_self *me, cc_crew *c, cc_job *j, cc_stopper *stop) {
  cc_job_stop_it(me, j, CC_JOB_CALLED_OFF, CC_BY_ERROR, 0);
  cc_guard_lock(&c->object.guard, me->word);
  if (j->work.queued) cc_line_remove(me, c, &j->work);
  for (cc_member *m = c->members; m != NULL; m = m->next)
    if (m->work == &j->work) stop_member(me, c, m, stop);
  less_work(me, c);
  cc_guard_unlock(&c->object.guard);
}

/* ==} {== the end */

void cc_crew_close(cc_self *me, cc_crew *c) {
  cc_slot *s;
  cc_guard_lock(&c->object.guard, me->word);
  if (cc_crew_now(c) == CC_CREW_OPEN) {
    atomic_store(&c->state, CC_CREW_CLOSED);
    while ((s = cc_grant_first(me, &c->room, 1)) != NULL) cc_wake(s);
    cc_crew_dismiss(me, c); /* whoever finds nothing to do leaves */
    cc_crew_check_over(me, c);
  }
  cc_guard_unlock(&c->object.guard);
}

/* A task fails, which is counted before anybody hears of it. */
static void fail(cc_self *me, cc_crew *c, cc_future *f, cc_failure why, int code) {
  atomic_fetch_add(&c->failed, 1);
  if (!cc_future_fail(me, f, why, code)) atomic_fetch_sub(&c->failed, 1);
}

/* What comes of work that is ended in that way. */
static void end_work(cc_self *me, cc_crew *c, cc_work *w, cc_failure why, int code) {
  cc_crew_state state = cc_crew_now(c);
  if (w->object.kind == CC_JOB) {
    cc_job_stop_it(me, (cc_job *)(void *)w, state == CC_CREW_ENDED ? CC_JOB_CALLED_OFF : CC_JOB_FAILED, why, code);
  } else if (state == CC_CREW_ENDED) {
    atomic_fetch_add(&c->called_off, 1);
    if (!cc_future_end(me, (cc_future *)w, CC_CALLED_OFF, NULL, NULL)) atomic_fetch_sub(&c->called_off, 1);
  } else {
    fail(me, c, (cc_future *)w, why, code);
  }
}

/* Ends the first work in line; under the guard, which it gives up for a moment. */
static void end_first(cc_self *me, cc_crew *c, cc_failure why, int code) {
  cc_work *w = c->first;
  cc_object_retain(&w->object);
  end_work(me, c, w, why, code);
  cc_line_remove(me, c, w);
  cc_guard_unlock(&c->object.guard);
  if (w->object.kind == CC_FUTURE) cc_future_called(me, (cc_future *)w);
  cc_object_release(&w->object);
  cc_guard_lock(&c->object.guard, me->word);
}

/* If the process is killed in the middle too much counts as pending, which hides deadlocks; never too little. */
static void forget_requests(cc_self *me, cc_crew *c) {
  uint32_t n = c->requested;
  cc_note(me, c->requested);
  c->requested = 0;
  cc_commit(me, 0);
  cc_deadlock_pending_in(c->home, -(int)n);
}

static cc_failure reason_of(const cc_crew *c) {
  switch (cc_crew_now(c)) {
    case CC_CREW_LOST: return CC_BY_LOSS;
    case CC_CREW_BROKEN: return CC_BY_CREW;
    default: return CC_BY_ERROR;
  }
}

void cc_crew_notify(cc_self *me, cc_crew *c, cc_job *j) {
  cc_guard_lock(&c->object.guard, me->word);
  if (cc_crew_now(c) >= CC_CREW_ENDED) {
    end_work(me, c, &j->work, reason_of(c), 0);
  } else {
    if (!j->work.queued && cc_line_shares(j) > 0)
      cc_line_push(me, c, &j->work, cc_crew_own == c ? cc_member_own : NULL);
    cc_crew_serve(me, c);
  }
  cc_guard_unlock(&c->object.guard);
}

/* Under the guard: the state has just become one in which nothing is done any more. Whoever
** buries a process that was killed here begins again. */
static void wind_up(cc_self *me, cc_crew *c, cc_stopper *stop) {
  cc_failure why = reason_of(c);
  cc_slot *s;
  forget_requests(me, c);
  for (cc_member *m = c->members; m != NULL && why != CC_BY_CREW; m = m->next) {
    if (m->work == NULL) continue;
    end_work(me, c, m->work, why, 0);
    stop_member(me, c, m, stop);
  }
  cc_crew_dismiss(me, c);
  while ((s = cc_grant_first(me, &c->room, 1)) != NULL) cc_wake(s);
  while (c->first != NULL) end_first(me, c, why, 0);
  cc_crew_check_over(me, c);
}

void cc_crew_end(cc_self *me, cc_crew *c, cc_crew_state state, const cc_item *error,
                 cc_parcel *traceback, cc_stopper *stop) {
  cc_guard_lock(&c->object.guard, me->word);
  if (cc_crew_now(c) < CC_CREW_ENDED) {
    cc_note(me, c->error.kind);
    cc_note(me, c->traceback);
    if (error != NULL) {
      cc_item_copy(&c->error, error);
      if (cc_item_has_parcel(error->kind)) cc_hand_lay(me, me->slot, error->u.parcel);
    }
    c->traceback = traceback;
    cc_hand_lay(me, me->slot, traceback);
    cc_note(me, c->state);
    atomic_store(&c->state, (uint32_t)state);
    cc_commit(me, 0);
    error = NULL;
    traceback = NULL;
  }
  wind_up(me, c, stop);
  cc_guard_unlock(&c->object.guard);
  if (error != NULL) cc_item_drop(error);
  cc_parcel_release(traceback);
}

cc_outcome cc_crew_join(cc_self *me, cc_crew *c, int64_t deadline) {
  return cc_future_wait(me, c->over, deadline);
}

bool cc_crew_over(cc_self *me, cc_crew *c) {
  cc_guard_lock(&c->object.guard, me->word);
  bool over = cc_future_ended(c->over) && c->maps == 0 && c->present == 0 && c->requested == 0;
  cc_guard_unlock(&c->object.guard);
  return over;
}

static void count_map(cc_self *me, cc_crew *c, cc_job *j, uint32_t counted) {
  cc_guard_lock(&c->object.guard, me->word);
  cc_note(me, c->maps);
  cc_note(me, j->counted);
  c->maps += counted - j->counted;
  j->counted = counted;
  cc_section_end(me, &c->object.guard);
}

void cc_crew_begin_map(cc_self *me, cc_crew *c, cc_job *j) { count_map(me, c, j, 1); }

void cc_crew_end_map(cc_self *me, cc_crew *c, cc_job *j) {
  count_map(me, c, j, 0);
  cc_crew_call_steward(c); /* which may have waited for that */
}

static void resume(cc_self *me, cc_object *o, uint32_t process) {
  cc_crew *c = (cc_crew *)o;
  bool lost = c->home == process;
  if (c->over == NULL) return; /* it was just being made */
  cc_guard_lock(&o->guard, me->word);
  if (lost && cc_crew_now(c) < CC_CREW_ENDED) atomic_store(&c->state, CC_CREW_LOST);
  if (cc_crew_now(c) >= CC_CREW_ENDED)
    wind_up(me, c, NULL);
  else
    cc_crew_serve(me, c);
  cc_line_call_room(me, c);
  if (lost) c->present = 0; /* its threads have ended with it, and its processes are ended */
  less_work(me, c);
  cc_crew_call_steward(c); /* a call may have been lost */
  cc_guard_unlock(&o->guard);
  if (lost && !c->processes) /* nobody else is left who knows them */
    while (c->members != NULL) drop_first_member(me, c);
}

const cc_ops cc_crew_ops = {.destroy = destroy, .resume = resume};
const cc_ops cc_pool_ops = {.destroy = destroy_pool};

/* ==} {== the steward */

static cc_member *find(const cc_crew *c, const cc_object *thread) {
  cc_member *m = c->members;
  while (m != NULL && m->thread != thread) m = m->next;
  return m;
}

cc_member *cc_crew_find(cc_self *me, cc_crew *c, const cc_object *thread) {
  cc_guard_lock(&c->object.guard, me->word);
  cc_member *m = find(c, thread);
  cc_guard_unlock(&c->object.guard);
  return m;
}

bool cc_crew_wants(cc_self *me, cc_crew *c) {
  cc_guard_lock(&c->object.guard, me->word);
  bool wants = c->requested > 0;
  cc_guard_unlock(&c->object.guard);
  return wants;
}

cc_member *cc_crew_enlist(cc_self *me, cc_crew *c, cc_object *thread) {
  cc_member *m = cc_arena_take(sizeof *m);
  if (m == NULL) return NULL;
  memset(m, 0, sizeof *m);
  m->thread = thread;
  m->state = CC_MEMBER_LEAVING; /* counts for nothing yet */
  cc_guard_lock(&c->object.guard, me->word);
  bool wanted = c->requested > 0;
  if (wanted) {
    cc_note(me, c->requested);
    c->requested--;
    cc_note(me, c->present);
    c->present++;
    cc_note(me, c->numbers);
    m->number = ++c->numbers;
    cc_note(me, c->members);
    m->next = c->members;
    c->members = m;
    cc_hand_lay(me, me->slot, m);
    cc_member_set(me, c, m, CC_MEMBER_COMING, 0);
    cc_commit(me, 0);
    cc_object_parcel_retain(thread, &m->held);
  }
  cc_guard_unlock(&c->object.guard);
  if (wanted) return m;
  cc_arena_free(m);
  return NULL;
}

/* Under the guard, which counts one member less then. */
static void unlink_member(cc_self *me, cc_crew *c, const cc_member *m) {
  cc_member **at = &c->members;
  while (*at != m) at = &(*at)->next;
  cc_note(me, *at);
  *at = m->next;
  cc_note(me, c->present);
  if (c->present > 0) c->present--;
}

void cc_crew_unlist(cc_self *me, cc_crew *c, cc_member *m) {
  if (m->held) cc_object_parcel_release(m->thread, &m->held);
  cc_guard_lock(&c->object.guard, me->word);
  cc_member_set(me, c, m, CC_MEMBER_LEAVING, 0);
  unlink_member(me, c, m);
  cc_note(me, c->requested);
  c->requested++;
  cc_hand_take(me, me->slot, m, false);
  cc_commit(me, 0);
  if (cc_crew_now(c) >= CC_CREW_ENDED) forget_requests(me, c);
  cc_crew_check_over(me, c);
  cc_guard_unlock(&c->object.guard);
  cc_arena_free(m);
}

void cc_crew_give_up(cc_self *me, cc_crew *c, int error) {
  cc_guard_lock(&c->object.guard, me->word);
  forget_requests(me, c);
  while (c->working == 0 && c->first != NULL) end_first(me, c, CC_BY_START, error);
  cc_crew_check_over(me, c);
  cc_guard_unlock(&c->object.guard);
}

#define STILLBORN 20 /* workers in a row */

/* Under the guard: what a worker did that has ended. */
static void lose(cc_self *me, cc_crew *c, cc_member *m, int code) {
  cc_failure why = code < 0 ? CC_BY_SIGNAL : CC_BY_EXIT;
  cc_work *w = m->has ? m->work : NULL;
  code = code < 0 ? -code : code;
  if (w == NULL) return;
  if (w->object.kind == CC_FUTURE) {
    fail(me, c, (cc_future *)w, why, code);
    return;
  }
  cc_job *j = (cc_job *)(void *)w;
  atomic_fetch_add(&c->failed, cc_job_lose(me, j, m->number, why, code));
  j->rescan = 1;
  if (!w->queued && cc_crew_now(c) < CC_CREW_ENDED && atomic_load(&j->stop) == CC_JOB_RUNS)
    cc_line_push(me, c, w, NULL);
}

void cc_crew_gone(cc_self *me, cc_crew *c, cc_object *thread, int code) {
  bool breaks = false;
  cc_guard_lock(&c->object.guard, me->word);
  cc_member *m = find(c, thread);
  if (m != NULL) {
    bool alive = m->state != CC_MEMBER_LEAVING;
    cc_member_set(me, c, m, CC_MEMBER_LEAVING, 0);
    cc_commit(me, 0);
    lose(me, c, m, code);
    if (alive && !m->ready) {
      breaks = ++c->stillborn >= STILLBORN && cc_crew_now(c) < CC_CREW_ENDED;
      c->failure = code < 0 ? CC_BY_SIGNAL : CC_BY_EXIT;
      c->code = code < 0 ? -code : code;
    }
  }
  cc_guard_unlock(&c->object.guard);
  if (m == NULL) return;
  if (breaks) cc_crew_end(me, c, CC_CREW_BROKEN, NULL, NULL, NULL);
  empty(me, c, m);
  cc_guard_lock(&c->object.guard, me->word);
  unlink_member(me, c, m);
  cc_hand_take(me, me->slot, m, false);
  cc_commit(me, 0);
  cc_crew_serve(me, c);
  cc_crew_check_over(me, c);
  cc_guard_unlock(&c->object.guard);
  cc_arena_free(m);
}

void cc_crew_visit(cc_self *me, cc_crew *c, cc_stopper *visit) {
  cc_guard_lock(&c->object.guard, me->word);
  for (cc_member *m = c->members; m != NULL; m = m->next) visit(me, m->thread);
  cc_guard_unlock(&c->object.guard);
}

void cc_crew_stop_marked(cc_self *me, cc_crew *c, cc_stopper *stop) {
  cc_guard_lock(&c->object.guard, me->word);
  for (cc_member *m = c->members; m != NULL; m = m->next) {
    if (!m->stop) continue;
    m->stop = 0;
    if (m->work != NULL) stop(me, m->thread);
  }
  cc_guard_unlock(&c->object.guard);
}

/* ==} {== workers */

/* A cell that was given to a worker which has not begun it, and may have ended; made the member's. */
static bool rescan(cc_job *j, const cc_member *m, uint64_t *cell) {
  uint64_t filled = atomic_load(&j->owner.filled), i = filled > j->mask ? filled - j->mask - 1 : 0;
  for (; i < j->cursor; i++) {
    *cell = i;
    if (cc_job_begin(j, i, m->number)) return true;
  }
  j->rescan = 0;
  return false;
}

/* How many cells of the job, n of which are left, a worker is given. */
static uint64_t share_of(const cc_crew *c, const cc_job *j, uint64_t n) {
  uint64_t k = n / c->limit;
  uint32_t most = atomic_load_explicit(&j->spread, memory_order_relaxed);
  return k < 1 ? 1 : k > most ? most : k;
}

/* Gives the member cells of a job that is in line; false: it has none left. */
static bool share(cc_self *me, cc_crew *c, cc_job *j, cc_member *m) {
  uint64_t n = atomic_load(&j->owner.filled) - j->cursor;
  if (atomic_load(&j->stop) != CC_JOB_RUNS) return false;
  /* first the reference, so that whoever buries the worker may look at the job */
  m->job = j;
  cc_object_parcel_retain(&j->work.object, &m->job_held);
  uint64_t from = j->cursor, k = n > 0 ? share_of(c, j, n) : 1;
  bool found = n > 0 || rescan(j, m, &from);
  cc_note(me, m->job_held);
  if (found) {
    cc_note(me, m->has);
    cc_note(me, m->work);
    cc_note(me, j->cursor);
    m->job_held = 0;
    m->has = 1;
    m->work = &j->work;
    m->from = from;
    m->to = from + k;
    if (n > 0) j->cursor += k;
    cc_commit(me, 0);
    cc_line_rotate(me, c, &j->work);
  } else {
    cc_commit(me, 0);
    cc_object_parcel_release(&j->work.object, &m->job_held); /* the line has another */
  }
  return found;
}

/* Gives the member the first work in line. *drained: a job with nothing left to give, to be
** released without the guard, after which there may be more. */
static bool pick(cc_self *me, cc_crew *c, cc_member *m, cc_work **drained) {
  cc_work *w = c->first;
  *drained = NULL;
  if (w == NULL || c->working > c->limit) return false;
  if (w->object.kind == CC_FUTURE) {
    cc_line_give(me, c, w, m);
    return true;
  }
  if (share(me, c, (cc_job *)(void *)w, m)) return true;
  cc_object_retain(&w->object);
  cc_line_remove(me, c, w);
  *drained = w;
  return false;
}

/* Stands among the idle ones, in front: the last to come has the warmest memory. */
static void line_up(cc_self *me, cc_crew *c, cc_member *m) {
  cc_member_set(me, c, m, CC_MEMBER_IDLE, 0);
  me->slot->item.kind = CC_ITEM_INTEGER;
  me->slot->item.u.word = (uintptr_t)m;
  cc_waitlist_prepend(me, &c->object, &c->object.guard, &c->object.waiters, &me->slot->waiter, me->slot);
  cc_commit(me, 0);
}

static cc_outcome rest(cc_self *me, cc_crew *c, int64_t deadline) {
  cc_deadlock_active(me, false);
  cc_outcome outcome = cc_wait(me, &c->object, &c->object.guard, &c->object.waiters, &me->slot->waiter, deadline);
  cc_deadlock_active(me, true);
  if (outcome == CC_OK) cc_deadlock_pending(-1);
  return outcome;
}

typedef enum next_step { HAS_WORK, IS_IDLE, LEAVES, LOOKS_AGAIN, HAS_WAITED, WAS_STOPPED } next_step;

/* Under the guard. */
static next_step step(cc_self *me, cc_crew *c, cc_member *m, bool leave, bool waited, cc_work **drained) {
  cc_crew_state state = cc_crew_now(c);
  *drained = NULL;
  if (!leave && state < CC_CREW_ENDED && !cc_cancelled(me)) {
    if (pick(me, c, m, drained)) {
      cc_member_set(me, c, m, CC_MEMBER_BUSY, 0);
      cc_commit(me, 0);
      return HAS_WORK;
    }
    if (*drained != NULL) return LOOKS_AGAIN;
    if (state == CC_CREW_OPEN || cc_line_any(c)) {
      if (waited) return HAS_WAITED;
      line_up(me, c, m);
      return IS_IDLE;
    }
  }
  cc_member_set(me, c, m, CC_MEMBER_LEAVING, 0);
  cc_commit(me, 0);
  cc_crew_serve(me, c);
  less_work(me, c);
  return LEAVES;
}

cc_outcome cc_crew_take(cc_self *me, cc_crew *c, cc_member *m, bool leave, int64_t deadline) {
  bool waited = deadline == CC_NOW;
  cc_work *drained = NULL;
  for (;;) {
    cc_guard_lock(&c->object.guard, me->word);
    let_go(me, m);
    cc_member_set(me, c, m, CC_MEMBER_COMING, 0);
    cc_commit(me, 0);
    if (!m->ready) c->stillborn = 0;
    m->ready = 1;
    bool stopped = (atomic_load(&me->slot->cancel) & CC_CANCEL_TASK) != 0;
    next_step next = stopped ? WAS_STOPPED : step(me, c, m, leave, waited, &drained);
    cc_guard_unlock(&c->object.guard);
    release_done(m);
    if (next == WAS_STOPPED) return CC_INTERRUPTED;
    if (drained != NULL) cc_object_release(&drained->object);
    if (next == HAS_WORK) return CC_OK;
    if (next == LEAVES) return CC_CLOSED;
    if (next == HAS_WAITED) return CC_TIMEOUT;
    if (next == IS_IDLE) waited = rest(me, c, deadline) != CC_OK;
  }
}

/* ==} */
