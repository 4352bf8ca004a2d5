/*
** An end is one section under the guard. Then who waits is granted and who wants to be told is
** told, one after the other; whoever buries the process that did it goes on.
*/
#include "core/future.h"

#include <stdio.h>

#include "core/arena.h"
#include "core/crew.h"
#include "core/descriptor.h"
#include "core/family.h"
#include "core/parcel.h"

static void drop_telling(cc_future *f, bool tell);

static void destroy(cc_object *o) {
  cc_future *f = (cc_future *)o;
  if (cc_item_has_parcel(f->item.kind)) cc_parcel_drop(&f->item.u.parcel);
  cc_parcel_drop(&f->traceback);
  while (f->tellings != NULL) drop_telling(f, false);
  if (f->work.held) cc_object_parcel_release(&f->work.crew->object, &f->work.held);
}

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return cc_future_ended((cc_future *)o);
}

cc_future *cc_future_new(struct cc_crew *crew) {
  cc_future *f = (cc_future *)cc_object_new(CC_FUTURE, sizeof *f);
  if (f == NULL) return NULL;
  f->item.kind = CC_ITEM_NIL;
  f->work.crew = crew;
  if (crew != NULL) cc_object_parcel_retain(&crew->object, &f->work.held);
  return f;
}

/* Writes the item, its parcel leaving the caller's hand; in a section. */
static void set_item(cc_self *me, cc_future *f, const cc_item *item) {
  cc_note(me, f->item.kind);
  f->item.kind = CC_ITEM_NIL;
  f->item.size = item->size;
  if (cc_item_sized(item->kind))
    memcpy(f->item.u.bytes, item->u.bytes, item->size);
  else
    f->item.u.word = item->u.word;
  f->item.kind = item->kind;
  if (cc_item_has_parcel(item->kind)) cc_hand_lay(me, me->slot, item->u.parcel);
}

void cc_future_set_call(cc_self *me, cc_future *f, const cc_item *call) {
  set_item(me, f, call);
  cc_commit(me, 0);
}

void cc_future_called(cc_self *me, cc_future *f) {
  cc_parcel *p = cc_item_has_parcel(f->item.kind) ? f->item.u.parcel : NULL;
  cc_note(me, f->item.kind);
  f->item.kind = CC_ITEM_NIL;
  if (p != NULL) cc_hand_take(me, me->slot, p, true);
  cc_commit(me, 0);
  cc_parcel_release(p);
}

/* {== the end */

/* Takes the first who wants to be told out, and tells it if it has ended. */
static void drop_telling(cc_future *f, bool tell) {
  cc_self *me = cc_self_get();
  cc_guard_lock(&f->work.object.guard, me->word);
  cc_telling *t = f->tellings;
  cc_queue *q = t != NULL && t->held ? t->queue : NULL; /* NULL: whoever asked for it was killed */
  if (q != NULL && tell) {
    cc_item tag = {0, CC_ITEM_INTEGER, {t->tag}};
    cc_queue_put(me, q, &tag, CC_NOW);
  }
  if (q != NULL) { /* it must not be destroyed under the guard */
    cc_object_retain(&q->object);
    cc_object_parcel_release(&q->object, &t->held);
  }
  if (t != NULL) {
    cc_note(me, f->tellings);
    f->tellings = t->next;
    cc_hand_take(me, me->slot, t, false);
  }
  cc_section_end(me, &f->work.object.guard);
  if (q != NULL) cc_object_release(&q->object);
  if (t != NULL) cc_arena_free(t);
}

static void tell(cc_self *me, cc_future *f) {
  cc_slot *s;
  cc_guard_lock(&f->work.object.guard, me->word);
  while ((s = cc_grant_first(me, &f->work.object.waiters, 1)) != NULL) cc_wake(s);
  bool more = f->tellings != NULL;
  cc_guard_unlock(&f->work.object.guard);
  while (cc_unlikely(more)) {
    drop_telling(f, true);
    more = f->tellings != NULL; /* none comes any more: it has ended */
  }
  cc_descriptor_update(&f->work.object);
}

static bool end(cc_self *me, cc_future *f, cc_future_state state, const cc_item *item,
                cc_parcel *traceback, cc_failure why, int code) {
  if (item != NULL && item->kind == CC_ITEM_PARCEL) cc_parcel_weaken(item->u.parcel, &f->work.object);
  cc_guard_lock(&f->work.object.guard, me->word);
  uint32_t begin = cc_begin(me);
  bool ends = !cc_future_ended(f);
  if (ends) {
    f->failure = (uint32_t)why;
    f->code = code;
    f->stamp = atomic_fetch_add(&cc_family_root->next_id, 1) + 1;
    if (item != NULL) set_item(me, f, item);
    if (traceback != NULL) {
      cc_note(me, f->traceback);
      f->traceback = traceback;
      cc_hand_lay(me, me->slot, traceback);
    }
    cc_note(me, f->state);
    atomic_store_explicit(&f->state, (uint32_t)state, memory_order_release);
  }
  cc_commit(me, begin);
  cc_guard_unlock(&f->work.object.guard);
  if (ends) tell(me, f);
  return ends;
}

bool cc_future_end(cc_self *me, cc_future *f, cc_future_state state, const cc_item *item,
                   cc_parcel *traceback) {
  return end(me, f, state, item, traceback, CC_BY_ERROR, 0);
}

bool cc_future_fail(cc_self *me, cc_future *f, cc_failure why, int code) {
  return end(me, f, CC_FAILED, NULL, NULL, why, code);
}

void cc_failure_text(cc_failure why, int code, char *text, size_t size) {
  char name[32];
  switch (why) {
    case CC_BY_EXIT: snprintf(text, size, "worker exited with code %d", code); break;
    case CC_BY_SIGNAL:
      cc_signal_name(code, name, sizeof name);
      snprintf(text, size, "worker killed by signal %d (%s)", code, name);
      break;
    case CC_BY_LOSS: snprintf(text, size, "the process of the pool has ended"); break;
    case CC_BY_START: snprintf(text, size, "cannot start a worker: %s", cc_error_text(code)); break;
    default: snprintf(text, size, "out of shared memory");
  }
}

static void resume(cc_self *me, cc_object *o, uint32_t process) {
  cc_future *f = (cc_future *)o;
  (void)process;
  if (cc_future_ended(f)) tell(me, f);
  cc_crew_mend_work(me, &f->work);
}

/* ==} */

cc_outcome cc_future_wait(cc_self *me, cc_future *f, int64_t deadline) {
  cc_object *o = &f->work.object;
  if (cc_resumes(me, &deadline)) goto waits;
  if (cc_future_ended(f)) return CC_OK;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_guard_lock(&o->guard, me->word);
  bool waits = !cc_future_ended(f);
  if (waits) cc_stand(me, o);
  cc_guard_unlock(&o->guard);
  if (!waits) return CC_OK;
waits:
  return cc_wait(me, o, &o->guard, &o->waiters, &me->slot->waiter, deadline);
}

cc_outcome cc_future_tell(cc_self *me, cc_future *f, cc_queue *q, uint64_t tag) {
  if (cc_future_ended(f)) return CC_CLOSED;
  cc_telling *t = cc_arena_take(sizeof *t);
  if (t == NULL) return CC_NO_MEMORY;
  *t = (cc_telling){NULL, q, 0, tag};
  cc_guard_lock(&f->work.object.guard, me->word);
  bool ended = cc_future_ended(f);
  if (!ended) {
    cc_telling **last = &f->tellings; /* few, and told in their order */
    while (*last != NULL) last = &(*last)->next;
    cc_note(me, *last);
    *last = t;
    cc_hand_lay(me, me->slot, t);
    cc_commit(me, 0);
    cc_object_parcel_retain(&q->object, &t->held);
  }
  cc_guard_unlock(&f->work.object.guard);
  if (!ended) return CC_OK;
  cc_arena_free(t);
  return CC_CLOSED;
}

void cc_future_untell(cc_self *me, cc_future *f, const cc_queue *q) {
  if (cc_future_ended(f)) return;
  cc_guard_lock(&f->work.object.guard, me->word);
  cc_telling **at = &f->tellings, *t;
  while (*at != NULL && !((*at)->queue == q && (*at)->held)) at = &(*at)->next;
  cc_queue *had = NULL;
  if ((t = *at) != NULL) {
    had = t->queue;
    cc_object_retain(&had->object); /* it must not be destroyed under the guard */
    cc_object_parcel_release(&had->object, &t->held);
    cc_note(me, *at);
    *at = t->next;
    cc_hand_take(me, me->slot, t, false);
  }
  cc_section_end(me, &f->work.object.guard);
  if (t == NULL) return;
  cc_object_release(&had->object);
  cc_arena_free(t);
}

const cc_ops cc_future_ops = {.destroy = destroy, .ready = ready, .resume = resume};
