/*
** The owner says what it waits for and looks again, a worker ends a cell and then looks what
** is waited for; both are sequentially consistent, so one of them sees the other.
*/
#include "core/job.h"

#include "core/arena.h"
#include "core/crew.h"
#include "core/descriptor.h"

static void destroy(cc_object *o) {
  cc_job *j = (cc_job *)(void *)o;
  for (uint32_t i = 0; j->cells != NULL && i <= j->mask; i++) {
    cc_cell *c = &j->cells[i];
    if (cc_item_has_parcel(c->kind)) cc_parcel_drop(&c->u.parcel);
    cc_parcel_drop(&c->error);
    cc_parcel_drop(&c->traceback);
  }
  cc_block_drop((void **)&j->cells);
  cc_parcel_drop(&j->function);
  if (j->counted) cc_crew_end_map(cc_self_get(), j->work.crew, j);
  if (j->work.held) cc_object_parcel_release(&j->work.crew->object, &j->work.held);
}

cc_job *cc_job_new(struct cc_crew *crew, cc_parcel *function, uint32_t cells, uint32_t flags) {
  cc_self *me = cc_self_get();
  size_t size = cells * sizeof(cc_cell);
  cc_job *j = (cc_job *)(void *)cc_object_new(CC_JOB, sizeof *j);
  if (j == NULL) return NULL;
  char *block = cc_arena_take(size);
  if (block == NULL) {
    cc_object_release(&j->work.object);
    return NULL;
  }
  memset(block, 0, size);
  cc_note(me, j->cells);
  cc_note(me, j->function);
  j->cells = (cc_cell *)(void *)block;
  j->function = function;
  cc_hand_lay(me, me->slot, block);
  cc_hand_lay(me, me->slot, function);
  cc_commit(me, 0);
  for (uint32_t i = 0; i < cells; i++) j->cells[i].kind = CC_ITEM_NIL;
  j->mask = cells - 1;
  j->flags = flags;
  atomic_store(&j->spread, 1);
  j->work.crew = crew;
  cc_object_parcel_retain(&crew->object, &j->work.held);
  cc_crew_begin_map(me, crew, j);
  return j;
}

/* {== the owner */

/* A cell is used for one after the other: the mark of a worker says which it has begun. */
static uint64_t owned(uint64_t i, uint32_t number) { return i << 32 | number; }

bool cc_job_room(const cc_job *j) {
  const cc_cell *c = cc_job_cell(j, atomic_load_explicit(&j->owner.filled, memory_order_relaxed));
  return atomic_load_explicit(&c->state, memory_order_relaxed) == CC_CELL_EMPTY;
}

void cc_job_fill(cc_self *me, cc_job *j, const cc_item *item, uint32_t count, uint64_t first) {
  uint64_t i = atomic_load_explicit(&j->owner.filled, memory_order_relaxed);
  cc_cell *c = cc_job_cell(j, i);
  c->count = count;
  c->first = first;
  atomic_store_explicit(&c->owner, owned(i, 0), memory_order_relaxed);
  c->u.word = item->u.word;
  if (cc_item_has_parcel(item->kind)) {
    cc_note(me, c->kind);
    c->kind = item->kind;
    cc_hand_lay(me, me->slot, item->u.parcel);
    cc_commit(me, 0);
  } else {
    c->kind = item->kind;
  }
  atomic_store_explicit(&c->state, CC_CELL_FILLED, memory_order_release);
  atomic_store(&j->owner.filled, i + 1);
}

void cc_job_take(cc_self *me, cc_cell *c, cc_item *item, cc_parcel **error, cc_parcel **traceback) {
  item->kind = c->kind;
  item->size = 0;
  item->u.word = c->u.word;
  *error = c->error;
  *traceback = c->traceback;
  if (cc_likely(!cc_item_has_parcel(c->kind) && c->error == NULL && c->traceback == NULL)) return;
  cc_note(me, c->kind);
  cc_note(me, c->error);
  cc_note(me, c->traceback);
  if (cc_item_has_parcel(c->kind)) cc_hand_take(me, me->slot, c->u.parcel, true);
  if (c->error != NULL) cc_hand_take(me, me->slot, c->error, true);
  if (c->traceback != NULL) cc_hand_take(me, me->slot, c->traceback, true);
  c->kind = CC_ITEM_NIL;
  c->error = c->traceback = NULL;
  cc_commit(me, 0);
}

void cc_job_empty(cc_cell *c) { atomic_store_explicit(&c->state, CC_CELL_EMPTY, memory_order_release); }

cc_cell *cc_job_any(const cc_job *j) {
  for (uint32_t i = 0; i <= j->mask; i++)
    if (atomic_load(&j->cells[i].state) >= CC_CELL_DONE) return &j->cells[i];
  return NULL;
}

static bool reached(const cc_job *j, uint64_t target) {
  if (atomic_load(&j->stop) != CC_JOB_RUNS) return true;
  if (target == 0) return false;
  if (!(j->flags & CC_JOB_ORDERED)) return cc_job_any(j) != NULL;
  return atomic_load(&cc_job_cell(j, target - 1)->state) >= CC_CELL_DONE;
}

static bool ready(const cc_self *me, cc_object *o) {
  const cc_job *j = (const cc_job *)(const void *)o;
  (void)me;
  return reached(j, atomic_load(&j->owner.target));
}

void cc_job_aim(cc_job *j, uint64_t target) { atomic_store(&j->owner.target, target); }

cc_outcome cc_job_wait(cc_self *me, cc_job *j, uint64_t target, int64_t deadline) {
  cc_object *o = &j->work.object;
  if (cc_resumes(me, &deadline)) goto waits;
  if (reached(j, target)) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_guard_lock(&o->guard, me->word);
  cc_stand(me, o);
  cc_guard_unlock(&o->guard);
  if (reached(j, target)) deadline = CC_NOW; /* only out of the line */
waits:;
  cc_outcome outcome = cc_wait(me, o, &o->guard, &o->waiters, &me->slot->waiter, deadline);
  return outcome == CC_TIMEOUT && reached(j, target) ? CC_OK : outcome;
}

static void tell(cc_self *me, cc_job *j) {
  cc_grant_all(me, &j->work.object.guard, &j->work.object.waiters, 1);
  cc_descriptor_update(&j->work.object);
}

/* ==} {== workers */

bool cc_job_begin(cc_job *j, uint64_t i, uint32_t number) {
  cc_cell *c = cc_job_cell(j, i);
  uint64_t owner = owned(i, 0);
  if (atomic_load_explicit(&c->state, memory_order_acquire) != CC_CELL_FILLED) return false;
  return atomic_compare_exchange_strong(&c->owner, &owner, owned(i, number)) || owner == owned(i, number);
}

/* Cell i has got its result. */
static void finish(cc_self *me, cc_job *j, uint64_t i, uint32_t state) {
  atomic_store(&cc_job_cell(j, i)->state, state);
  if (state == CC_CELL_FAILED && !(j->flags & CC_JOB_LAZY)) {
    cc_job_stop_it(me, j, CC_JOB_FAILED, CC_BY_ERROR, 0);
    return;
  }
  uint64_t target = atomic_load(&j->owner.target);
  if (target != 0 && (target == i + 1 || !(j->flags & CC_JOB_ORDERED))) tell(me, j);
}

void cc_job_end(cc_self *me, cc_job *j, uint64_t i, const cc_item *item, uint32_t count,
                cc_parcel *error, cc_parcel *traceback) {
  cc_cell *c = cc_job_cell(j, i);
  cc_parcel *old = cc_item_has_parcel(c->kind) ? c->u.parcel : NULL;
  bool failed = count < c->count;
  if (cc_unlikely(old != NULL || cc_item_has_parcel(item->kind) || error != NULL || traceback != NULL)) {
    cc_note(me, c->kind);
    cc_note(me, c->u.word);
    cc_note(me, c->error);
    cc_note(me, c->traceback);
    if (old != NULL) cc_hand_take(me, me->slot, old, true);
    c->kind = item->kind;
    c->u.word = item->u.word;
    c->error = error;
    c->traceback = traceback;
    if (cc_item_has_parcel(item->kind)) cc_hand_lay(me, me->slot, item->u.parcel);
    cc_hand_lay(me, me->slot, error);
    cc_hand_lay(me, me->slot, traceback);
    cc_commit(me, 0);
  } else {
    c->kind = item->kind;
    c->u.word = item->u.word;
  }
  c->count = count;
  c->failure = error != NULL ? CC_BY_ERROR : CC_BY_MEMORY;
  finish(me, j, i, failed ? CC_CELL_FAILED : CC_CELL_DONE);
  cc_parcel_release(old);
}

/* ==} */

uint32_t cc_job_lose(cc_self *me, cc_job *j, uint32_t number, cc_failure why, int code) {
  uint64_t filled = atomic_load(&j->owner.filled), i = filled > j->mask ? filled - j->mask - 1 : 0;
  uint32_t lost = 0;
  for (; i < filled; i++) {
    cc_cell *c = cc_job_cell(j, i);
    if (atomic_load(&c->state) != CC_CELL_FILLED || atomic_load(&c->owner) != owned(i, number)) continue;
    c->count = 0;
    c->failure = (uint32_t)why;
    c->code = code;
    finish(me, j, i, CC_CELL_FAILED);
    lost++;
  }
  return lost;
}

void cc_job_stop_it(cc_self *me, cc_job *j, cc_job_stop stop, cc_failure why, int code) {
  uint32_t runs = CC_JOB_RUNS;
  cc_guard_lock(&j->work.object.guard, me->word);
  if (atomic_load(&j->stop) == CC_JOB_RUNS) {
    j->failure = (uint32_t)why;
    j->code = code;
  }
  atomic_compare_exchange_strong(&j->stop, &runs, (uint32_t)stop);
  cc_guard_unlock(&j->work.object.guard);
  tell(me, j);
}

static void resume(cc_self *me, cc_object *o, uint32_t process) {
  (void)process;
  if (ready(me, o)) tell(me, (cc_job *)(void *)o);
  cc_crew_mend_work(me, (cc_work *)(void *)o);
}

const cc_ops cc_job_ops = {.destroy = destroy, .ready = ready, .resume = resume};
