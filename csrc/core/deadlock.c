/*
** The close look reads all slots twice. A thread that is blocked with the same
** number in both readings was blocked all the time between them, so at that
** moment all of them were, with no wake-up on its way; and since only threads of
** the family (and what is counted as pending) can end a wait, none ever ends.
*/
#include "core/deadlock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/family.h"
#include "core/lock.h"
#include "core/loop.h"
#include "core/once.h"
#include "core/park.h"
#include "core/rwlock.h"

static void (*_Atomic namer)(cc_object *thread, char *text, size_t size);

void cc_deadlock_set_namer(void (*name)(cc_object *thread, char *text, size_t size)) {
  atomic_store(&namer, name);
}

/* {== text */

typedef struct text {
  char *at, *end;
} text;

static void add(text *t, const char *format, ...) {
  va_list list;
  size_t room = (size_t)(t->end - t->at);
  va_start(list, format);
  int n = vsnprintf(t->at, room, format, list);
  va_end(list);
  if (n > 0) t->at += (size_t)n < room ? (size_t)n : room - 1;
}

/* ==} {== counting */

/* True when no thread is left that could signal. */
static bool suspicious(cc_family *f) {
  return atomic_load(&f->pending) == 0 && atomic_load(&f->blocked) >= atomic_load(&f->active);
}

/* Makes one of the blocked threads look again. */
static void nudge(cc_family *f) {
  uint32_t top = atomic_load(&f->slot_seen);
  if (!suspicious(f)) return;
  for (uint32_t i = 0; i < top; i++) {
    cc_slot *s = &f->slots[i];
    if (atomic_load(&s->blocked) != 0) {
      cc_wake(s);
      return;
    }
  }
}

/* Under the place guard: what the thread or task holds and the objects themselves do not tell, as
** text for others: reading and semaphores' units. */
static void write_held(cc_slot *s) {
  text t = {s->held, s->held + sizeof s->held};
  s->held[0] = '\0';
  for (uint32_t i = 0; i < atomic_load(&s->nholds); i++) {
    const cc_hold *h = &s->holds[i];
    if (!cc_object_alive(h->index, h->id)) continue;
    bool reads = h->kind == CC_RWLOCK && h->mode == CC_READ;
    bool units = h->kind == CC_SEMAPHORE || h->kind == CC_BOUNDED_SEMAPHORE;
    if (h->count == 0 || !(reads || units)) continue;
    add(&t, "%sconcur.%s: %p", s->held[0] == '\0' ? "" : ", ", cc_kind_name((cc_kind)h->kind),
        (void *)h->object);
  }
}

bool cc_deadlock_enter(cc_self *me, cc_object *o) {
  cc_family *f = cc_family_root;
  cc_slot *s = me->slot;
  cc_guard_lock(&s->place_guard, me->word);
  s->place[0] = '\0';
  if (me->where != NULL) me->where(me->where_arg, s->place, sizeof s->place);
  write_held(s);
  cc_guard_unlock(&s->place_guard);
  atomic_fetch_add(&f->blocked, 1); /* first: if the process is killed in between, one too many does no harm */
  atomic_store(&s->blocked, ++me->sleeps);
  /* whoever closes a circle of rlocks finds it at the first look, so one is enough */
  return suspicious(f) || (o->kind == CC_RLOCK && !me->looked);
}

void cc_deadlock_place(cc_self *me, cc_slot *task, const char *place) {
  cc_guard_lock(&task->place_guard, me->word);
  snprintf(task->place, sizeof task->place, "%s", place);
  write_held(task);
  cc_guard_unlock(&task->place_guard);
}

void cc_deadlock_leave(cc_self *me) {
  atomic_store(&me->slot->blocked, 0);
  atomic_fetch_sub(&cc_family_root->blocked, 1);
}

void cc_deadlock_active(cc_self *me, bool active) {
  cc_family *f = cc_family_root;
  if (atomic_exchange(&me->slot->active, active) == active) return;
  if (active) {
    atomic_fetch_add(&f->active, 1);
  } else {
    atomic_fetch_sub(&f->active, 1);
    nudge(f);
  }
}

void cc_deadlock_pending(int change) { cc_deadlock_pending_in(cc_family_self, change); }

void cc_deadlock_pending_in(uint32_t process, int change) {
  cc_family *f = cc_family_root;
  atomic_fetch_add(&f->processes[process].pending, (uint32_t)change);
  atomic_fetch_add(&f->pending, (uint32_t)change);
  if (change <= 0) nudge(f);
}

/* ==} {== the report */

static void add_name(text *t, cc_slot *s) {
  char name[64] = "a thread of the host";
  if (atomic_load(&s->loop) != NULL && !atomic_load(&s->active)) add(t, "a task of ");
  cc_object *thread = atomic_load(&s->thread);
  void (*f)(cc_object *, char *, size_t) = atomic_load(&namer);
  if (thread != NULL && f != NULL) f(thread, name, sizeof name);
  add(t, "%s", name);
}

/* The slot of the thread that holds o, if o is something that one thread holds. */
static cc_slot *holder(cc_object *o) {
  uint32_t word = 0;
  switch (o->kind) {
    case CC_LOCK:
    case CC_RLOCK: word = atomic_load(&((cc_lock *)o)->word) & ~CC_GUARD_SLEEPERS; break;
    case CC_RWLOCK: word = atomic_load(&((cc_rwlock *)o)->word); break;
    case CC_ONCE: word = atomic_load(&((cc_once *)o)->word); break;
    default: break;
  }
  /* o is read without a reference: it may be gone, and its memory mean anything; then the
  ** second reading will not agree, but this one must not go astray */
  if (word == 0 || word > atomic_load(&cc_family_root->slot_seen)) return NULL;
  cc_slot *s = &cc_family_root->slots[word - 1];
  /* a plain lock outlives the thread that took it, whose slot may be another's by now */
  bool stale = o->kind == CC_LOCK && (atomic_load(&s->thread) == NULL ||
                                     cc_lock_holder((cc_lock *)o) != s->ident);
  return stale ? NULL : s;
}

/* A task of a loop that stands in a line. */
static bool suspended(const cc_slot *s) {
  return atomic_load(&s->loop) != NULL && !atomic_load(&s->active) && atomic_load(&s->token) == 3;
}

static void add_line(text *t, cc_self *me, cc_slot *s) {
  cc_object *o = atomic_load(&s->waiting_for);
  if (suspended(s) && atomic_load(&s->waiter.line) != NULL) o = s->waiter.object;
  add(t, "\n  ");
  add_name(t, s);
  if (atomic_load(&s->loop) != NULL && atomic_load(&s->active)) {
    add(t, " runs an event loop whose tasks wait");
    return;
  }
  if (o != NULL) {
    cc_slot *h = holder(o);
    add(t, " waits for concur.%s: %p", cc_kind_name((cc_kind)o->kind), (void *)o);
    if (h != NULL) {
      add(t, ", held by ");
      add_name(t, h);
    }
  }
  cc_guard_lock(&s->place_guard, me->word);
  if (s->place[0] != '\0') add(t, ", at %s", s->place);
  if (s->held[0] != '\0') add(t, "\n    holding %s", s->held);
  cc_guard_unlock(&s->place_guard);
}

#define LINE 256
#define LINES 100 /* of a report; a longer one says how many more there are */

static void deliver(cc_self *me, const char *what, cc_slot **slots, uint32_t n) {
  uint32_t lines = n < LINES ? n : LINES;
  size_t size = (size_t)(lines + 2) * LINE;
  cc_parcel *p = cc_parcel_lay(cc_parcel_new(size, NULL, 0));
  if (p == NULL) return; /* no memory even for a report: they go on waiting */
  text t = {(char *)p->bytes, (char *)p->bytes + size};
  add(&t, "deadlock: %s", what);
  for (uint32_t i = 0; i < lines; i++) add_line(&t, me, slots[i]);
  if (n > lines) add(&t, "\n  and %u more", (unsigned)(n - lines));
  for (uint32_t i = 0; i < n; i++) {
    cc_parcel_retain(p);
    cc_parcel_release(atomic_exchange(&slots[i]->report, p));
  }
  /* all are told before the first wakes, whose end might end another's wait; a task's loop wakes it */
  for (uint32_t i = 0; i < n; i++)
    if (slots[i] != me->slot && !suspended(slots[i])) cc_wake(slots[i]);
  cc_parcel_release(p);
}

bool cc_deadlock_told(cc_self *me) {
  if (cc_unlikely(atomic_load_explicit(&me->slot->report, memory_order_relaxed) != NULL)) {
    cc_parcel_release(me->report);
    me->report = atomic_exchange(&me->slot->report, NULL);
  }
  return me->report != NULL;
}

void cc_deadlock_forget(cc_self *me) {
  me->looked = false;
  if (cc_likely(!cc_deadlock_told(me))) return;
  cc_parcel_release(me->report);
  me->report = NULL;
}

/* ==} {== the close look */

/* The number under which a slot sleeps for good, 0 when it does not. */
static uint64_t sleeps(cc_slot *s) {
  uint64_t number = atomic_load(&s->blocked);
  if (cc_granted(&s->waiter) != 0) return 0;
  if (atomic_load(&s->token) == 1) return 0; /* a wake-up is there, the caller's own included */
  if (atomic_load(&s->report) != NULL) return 0;
  cc_loop *l = atomic_load(&s->loop);
  if (l != NULL && !cc_loop_quiet(l)) return 0;
  return number;
}

/* A process that was killed, and is not buried yet, looks as if it waited. */
static bool all_running(cc_slot **slots, uint32_t n) {
  uint32_t seen = cc_family_self;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t entry = atomic_load(&slots[i]->process);
    if (entry == seen || entry == cc_family_self) continue;
    if (entry >= CC_PROCESS_LIMIT) return false;
    int64_t pid = atomic_load(&cc_family_root->processes[entry].pid);
    if (pid <= 0 || !cc_process_running(pid)) return false;
    seen = entry;
  }
  return true;
}

static bool everybody(cc_slot **slots, uint64_t *numbers, uint32_t top, uint32_t *n) {
  cc_family *f = cc_family_root;
  *n = 0;
  for (uint32_t i = 0; i < top; i++) {
    cc_slot *s = &f->slots[i];
    if (suspended(s) && cc_granted(&s->waiter) != 0) return false; /* it is about to be woken */
    if (!atomic_load(&s->active)) continue;
    if ((numbers[*n] = sleeps(s)) == 0) return false;
    slots[(*n)++] = s;
  }
  for (uint32_t i = 0; i < *n; i++)
    if (!atomic_load(&slots[i]->active) || sleeps(slots[i]) != numbers[i]) return false;
  return all_running(slots, *n) && suspicious(f) && atomic_load(&f->active) == *n &&
         atomic_load(&f->slot_seen) == top;
}

/* Once everybody is blocked, loops included: their tasks in lines go behind the threads. */
static void add_tasks(cc_slot **slots, uint32_t top, uint32_t *n) {
  for (uint32_t i = 0; i < top; i++)
    if (suspended(&cc_family_root->slots[i])) slots[(*n)++] = &cc_family_root->slots[i];
}

/* Follows holders of rlocks from the caller; true when that leads back to it. */
static bool circle(cc_self *me, cc_slot **slots, uint64_t *numbers, uint32_t limit, uint32_t *n) {
  cc_slot *s = me->slot;
  for (*n = 0; *n < limit;) {
    cc_object *o = atomic_load(&s->waiting_for);
    if ((numbers[*n] = sleeps(s)) == 0 || o == NULL || o->kind != CC_RLOCK) return false;
    slots[(*n)++] = s;
    s = holder(o);
    if (s == NULL) return false;
    if (s == me->slot) break;
  }
  if (s != me->slot) return false;
  for (uint32_t i = 0; i < *n; i++) {
    cc_object *o = atomic_load(&slots[i]->waiting_for);
    if (sleeps(slots[i]) != numbers[i] || o == NULL) return false;
    if (holder(o) != slots[(i + 1) % *n]) return false;
  }
  return true;
}

void cc_deadlock_look(cc_self *me) {
  cc_family *f = cc_family_root;
  me->looked = true;
  uint32_t top = atomic_load(&f->slot_seen), n = 0;
  cc_slot **slots = malloc(top * sizeof *slots);
  uint64_t *numbers = malloc(top * sizeof *numbers);
  if (slots != NULL && numbers != NULL) {
    cc_guard_lock(&f->deadlock_guard, me->word);
    if (suspicious(f) && everybody(slots, numbers, top, &n)) {
      add_tasks(slots, top, &n);
      deliver(me, "every thread waits for another", slots, n);
    } else if (circle(me, slots, numbers, top, &n)) {
      deliver(me, "rlocks are waited for in a circle", slots, n);
    }
    cc_guard_unlock(&f->deadlock_guard);
  }
  free(slots);
  free(numbers);
}

/* ==} */
