/*
** Thread objects. Each process keeps a list of those that run in it, with
** a reference to each, so that a thread whose handles are all gone still ends
** well and the script's end can wait for it.
*/
#include "run/thread.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "core/deadlock.h"
#include "core/descriptor.h"
#include "core/family.h"
#include "core/kind.h"
#include "core/trace.h"
#include "run/context.h"
#include "run/process.h"
#include "run/state.h"
#include "run/steward.h"
#include "run/timer.h"
#include "run/worker.h"

#define TOLD 3                /* reports of a deadlock after which the end of a root waits no more */
#define DAEMON_TIME 200000000 /* ns that the end of a root gives its daemons to stop */

typedef struct live {
  run_thread *thread; /* one reference */
  struct live *next, *previous;
} live;

static cc_guard list_guard;
static live *first, *last; /* in order of start; under list_guard */
static size_t nlive;
static _Atomic(run_thread *) main_thread; /* one reference for ever */
static _Atomic uint64_t unnamed;          /* default names given out */
static _Atomic uint64_t dummies;

static cc_parcel *bytes_parcel(const char *s, size_t n) {
  cc_parcel *p = cc_parcel_lay(cc_parcel_new(n + 1, NULL, 0));
  if (p == NULL) return NULL;
  memcpy(p->bytes, s, n);
  p->bytes[n] = '\0'; /* for those who want a C string */
  return p;
}

void run_thread_destroy(cc_object *o) {
  run_thread *t = (run_thread *)o;
  if (t->crew_held) cc_object_parcel_release(t->crew, &t->crew_held);
  cc_parcel_drop(&t->name);
  cc_parcel_drop(&t->result);
  cc_parcel_drop(&t->traceback);
}

size_t run_thread_default_name(char name[RUN_NAME], bool take) {
  uint64_t n = (take ? atomic_fetch_add(&unnamed, 1) : atomic_load(&unnamed)) + 1;
  return (size_t)snprintf(name, RUN_NAME, "Thread-%llu", (unsigned long long)n);
}

static bool ended(const run_thread *t) {
  return atomic_load_explicit(&t->status, memory_order_acquire) > RUN_RUNNING;
}

bool run_thread_ready(const cc_self *me, cc_object *o) {
  (void)me;
  return ended((run_thread *)o);
}

run_thread *run_thread_new_kind(cc_kind kind, size_t size, const char *name, size_t length,
                                bool daemon) {
  char buffer[RUN_NAME];
  run_thread *t = (run_thread *)cc_object_new(kind, size);
  if (t == NULL) return NULL;
  if (name == NULL) {
    length = run_thread_default_name(buffer, true);
    name = buffer;
  }
  atomic_store(&t->daemon, daemon);
  t->process = cc_family_self;
  t->name = bytes_parcel(name, length);
  if (t->name != NULL) return t;
  cc_object_release(&t->object);
  return NULL;
}

run_thread *run_thread_new(const char *name, size_t length, bool daemon) {
  return run_thread_new_kind(CC_THREAD, sizeof(run_thread), name, length, daemon);
}

/* {== the list of running ones */

static bool enter(run_thread *t) {
  live *l = malloc(sizeof *l);
  if (l == NULL) return false;
  cc_object_retain(&t->object);
  l->thread = t;
  l->next = NULL;
  t->live = l;
  cc_guard_lock(&list_guard, cc_self_word());
  l->previous = last;
  if (last != NULL)
    last->next = l;
  else
    first = l;
  last = l;
  nlive++;
  cc_guard_unlock(&list_guard);
  return true;
}

static void leave(run_thread *t) {
  live *l = t->live;
  if (l == NULL) return;
  t->live = NULL;
  cc_guard_lock(&list_guard, cc_self_word());
  if (l->previous != NULL)
    l->previous->next = l->next;
  else
    first = l->next;
  if (l->next != NULL)
    l->next->previous = l->previous;
  else
    last = l->previous;
  nlive--;
  cc_guard_unlock(&list_guard);
  cc_object_release(&t->object);
  free(l);
}

run_thread **run_thread_list(size_t *n) {
  run_thread **list, *m = run_thread_main();
  for (size_t room = 16;; room *= 2) {
    list = malloc(room * sizeof *list);
    if (list == NULL) return NULL;
    *n = 0;
    cc_guard_lock(&list_guard, cc_self_word());
    bool fits = nlive + 1 <= room;
    if (fits) {
      if (m != NULL) list[(*n)++] = m;
      for (live *l = first; l != NULL; l = l->next) list[(*n)++] = l->thread;
      /* a reference taken here cannot be the last one's revival: the list has one */
      for (size_t i = 0; i < *n; i++) cc_object_retain(&list[i]->object);
    }
    cc_guard_unlock(&list_guard);
    if (fits) return list;
    free(list);
  }
}

void run_thread_list_free(run_thread **list) { free(list); }

/* A non-daemon thread of a root, not the caller's, with a reference, or NULL. */
static run_thread *find_of_root(cc_self *me, uint64_t root) {
  run_thread *t = NULL;
  const cc_object *mine = atomic_load(&cc_home_slot(me)->thread);
  cc_guard_lock(&list_guard, me->word);
  for (live *l = first; l != NULL && t == NULL; l = l->next)
    if (atomic_load(&l->thread->root) == root && atomic_load(&l->thread->daemon) == 0 &&
        &l->thread->object != mine)
      t = l->thread;
  if (t != NULL) cc_object_retain(&t->object);
  cc_guard_unlock(&list_guard);
  return t;
}

/* ==} {== life */

void run_message_drop(run_message *m) {
  run_message had = *m;
  *(volatile run_message *)m = (run_message){NULL, NULL};
  cc_parcel_release(had.surroundings);
  cc_parcel_release(had.call);
}

int run_thread_enlist(run_thread *t, uint64_t root) {
  uint32_t status = RUN_NEW;
  if (!atomic_compare_exchange_strong(&t->status, &status, RUN_STARTING))
    return status == RUN_CANCELLED && atomic_load(&t->ident) == 0 ? ECANCELED : EALREADY;
  atomic_store(&t->ident, atomic_fetch_add(&cc_family_root->next_id, 1) + 1);
  atomic_store(&t->root, root);
  if (enter(t)) return 0;
  atomic_store(&t->ident, 0);
  atomic_store(&t->status, RUN_NEW);
  return ENOMEM;
}

void run_thread_delist(run_thread *t) {
  leave(t);
  atomic_store(&t->ident, 0);
  atomic_store(&t->status, RUN_NEW);
}

int run_thread_start(run_thread *t, run_message *m, uint64_t root, const run_options *options) {
  int error = run_thread_enlist(t, root);
  if (error == 0) {
    cc_object_retain(&t->object); /* the worker's */
    cc_deadlock_pending(1);       /* until it has begun */
    error = run_worker_launch(t, m, options);
    if (error == 0) return 0;
    cc_deadlock_pending(-1);
    run_thread_delist(t);
    cc_object_release(&t->object);
  }
  run_message_drop(m);
  return error;
}

static cc_parcel *name_of(cc_self *me, cc_object *o);

static cc_parcel *name_of_process(cc_self *me, uint32_t entry) {
  if (entry == 0) return bytes_parcel("MainProcess", 11);
  return name_of(me, atomic_load(&cc_family_root->processes[entry].object));
}

/* Name of a thread object for a report, which may be read in any process of the family. */
static void name_thread(cc_object *thread, char *text, size_t size) {
  cc_self *me = cc_self_get();
  uint32_t entry = ((run_thread *)thread)->process;
  cc_parcel *name = name_of(me, thread);
  bool full = !cc_family_alone() && entry < CC_PROCESS_LIMIT;
  cc_parcel *process = full ? name_of_process(me, entry) : NULL;
  snprintf(text, size, "%s%s%s", process != NULL ? (const char *)process->bytes : "",
           process != NULL ? "/" : "", name != NULL ? (const char *)name->bytes : "?");
  cc_parcel_release(name);
  cc_parcel_release(process);
}

void run_thread_begin(run_thread *t, struct run_state *state) {
  cc_self *me = cc_self_get();
  cc_deadlock_active(me, true);
  cc_deadlock_pending(-1);
  cc_slot *s = me->slot;
  cc_parcel *name;
  cc_guard_lock(&t->object.guard, me->word);
  t->slot = s;
  t->state = state;
  atomic_store(&t->running, state != NULL ? run_state_lua(state) : NULL);
  s->ident = atomic_load(&t->ident);
  atomic_store(&s->thread, &t->object);
  atomic_store(&t->native_id, cc_thread_native_id());
  atomic_store(&s->cancel, atomic_load(&t->cancel)); /* it may have been asked already */
  atomic_store(&t->status, RUN_RUNNING);
  name = t->name;
  cc_parcel_retain(name);
  cc_guard_unlock(&t->object.guard);
  if (atomic_load(&t->watched)) cc_futex_wake(&t->status, INT_MAX);
  cc_thread_set_name((const char *)name->bytes);
  if (cc_traced(me)) cc_trace_name(me, CC_TRACE_THREAD, s->ident, 0, (const char *)name->bytes);
  cc_parcel_release(name);
}

void run_thread_unreach(run_thread *t) {
  cc_guard_lock(&t->object.guard, cc_self_word());
  t->state = NULL;
  atomic_store(&t->running, NULL);
  cc_guard_unlock(&t->object.guard);
}

/* The calling kernel thread runs t no longer. */
static void part(cc_self *me, run_thread *t) {
  cc_trace_end(me, CC_TRACE_END, 0, 0, cc_trace_begin(me));
  cc_holds_abandon(me, me->slot, false);
  cc_guard_lock(&t->object.guard, me->word);
  t->slot = NULL;
  atomic_store(&me->slot->thread, NULL);
  atomic_store(&me->slot->cancel, 0);
  cc_guard_unlock(&t->object.guard);
}

void run_thread_pause(run_thread *t) {
  part(cc_self_get(), t);
  atomic_store(&t->status, RUN_STARTING);
}

void run_thread_conclude(run_thread *t, run_status status) {
  cc_self *me = cc_self_get();
  cc_slot *s;
  leave(t);
  cc_guard_lock(&t->object.guard, me->word);
  atomic_store_explicit(&t->status, (uint32_t)status, memory_order_release);
  while ((s = cc_grant_first(me, &t->object.waiters, 1)) != NULL) cc_wake(s);
  cc_guard_unlock(&t->object.guard);
  cc_descriptor_update(&t->object);
  run_crew_member_ended(t);
}

void run_thread_finish(run_thread *t, run_status status, cc_parcel *result, cc_parcel *traceback) {
  cc_guard_lock(&t->object.guard, cc_self_word());
  t->result = result;
  t->traceback = traceback;
  cc_guard_unlock(&t->object.guard);
  run_thread_conclude(t, status);
}

void run_thread_end(run_thread *t, run_status status, cc_parcel *result, cc_parcel *traceback) {
  part(cc_self_get(), t);
  run_thread_finish(t, status, result, traceback);
}

/* A process has ended with what it ran. */
void run_thread_mend(cc_self *me, cc_object *o, uint32_t process) {
  run_thread *t = (run_thread *)o;
  cc_slot *s;
  cc_guard_inherit(me, &o->guard, process);
  bool lost = t->process == process && run_thread_alive(t) && o->kind != CC_PROCESS;
  if (t->process == process) t->slot = NULL; /* which is another's soon */
  if (lost) {
    atomic_store(&t->lost, 1);
    atomic_store(&t->status, RUN_FAILED);
  }
  if (ended(t))
    while ((s = cc_grant_first(me, &o->waiters, 1)) != NULL) cc_wake(s);
  cc_guard_unlock(&o->guard);
  if (lost) cc_descriptor_update(o);
  if (lost && t->crew_held) cc_object_parcel_release(t->crew, &t->crew_held);
}

cc_outcome run_thread_join(cc_self *me, run_thread *t, int64_t deadline) {
  bool waits;
  if (cc_resumes(me, &deadline)) goto waits;
  if (ended(t)) return CC_OK;
  if (atomic_load(&t->status) == RUN_NEW || atomic_load(&cc_home_slot(me)->thread) == &t->object)
    return CC_MISUSE;
  if (deadline == CC_NOW) return CC_TIMEOUT;
  cc_guard_lock(&t->object.guard, me->word);
  waits = !ended(t);
  if (waits) cc_stand(me, &t->object);
  cc_guard_unlock(&t->object.guard);
  if (!waits) return CC_OK;
waits:
  return cc_wait(me, &t->object, &t->object.guard, &t->object.waiters, &me->slot->waiter, deadline);
}

bool run_thread_alive(run_thread *t) {
  uint32_t status = atomic_load(&t->status);
  return status == RUN_STARTING || status == RUN_RUNNING;
}

int64_t run_thread_native_id(run_thread *t) {
  while (atomic_load(&t->native_id) == 0 && run_thread_alive(t) && t->object.kind == CC_THREAD) {
    atomic_store(&t->watched, 1);
    cc_futex_wait(&t->status, RUN_STARTING, cc_clock() + 10000000);
  }
  return atomic_load(&t->native_id);
}

bool run_thread_waiting(run_thread *t) {
  bool waiting;
  cc_guard_lock(&t->object.guard, cc_self_word());
  waiting = t->slot != NULL && atomic_load(&t->slot->parked) != 0;
  cc_guard_unlock(&t->object.guard);
  return waiting;
}

/* Has the debug hook stop a thread that may never wait. lua_sethook may be called at
** any time, as from a signal handler; from another thread it reads the list
** of calls while that changes. So the memory of the state is kept from being freed
** meanwhile: what it reads is a call, if perhaps one that has just ended. Under the guard
** of t, which its worker takes before it closes the state. */
static void interrupt(run_thread *t) {
  if (t->state == NULL || !run_state_freeze(t->state)) return;
  /* twice: a function that was just being called looks at the hook before its call can
  ** be seen here */
  for (int i = 0; i < 2; i++) {
    lua_State *L = atomic_load(&t->running);
    if (L != NULL) run_arm(L);
    for (int n = 0; n < 100; n++) cc_pause();
  }
  run_state_thaw(t->state);
}

bool run_thread_cancel(cc_self *me, run_thread *t) {
  uint32_t status = RUN_NEW;
  cc_slot *s = NULL;
  if (ended(t)) return false;
  if (t->object.kind == CC_TIMER && run_timer_withdraw(t)) {
    run_thread_finish(t, RUN_CANCELLED, NULL, NULL);
    return true;
  }
  cc_guard_lock(&t->object.guard, me->word);
  bool unstarted = atomic_compare_exchange_strong(&t->status, &status, RUN_CANCELLED);
  bool running = !unstarted && !ended(t);
  if (running) {
    uint32_t request = atomic_fetch_add(&t->cancel, 1) + 1;
    s = t->slot;
    if (s != NULL) {
      atomic_store(&s->cancel, request);
      if (t->process != cc_family_self)
        run_process_nudge(t);
      else if (s != me->slot)
        interrupt(t);
    }
  }
  cc_guard_unlock(&t->object.guard);
  cc_wake(s);
  if (running && t->object.kind == CC_TIMER && run_timer_withdraw(t))
    run_thread_finish(t, RUN_CANCELLED, NULL, NULL); /* between two of its runs */
  if (unstarted) cc_grant_all(me, &t->object.guard, &t->object.waiters, 1);
  if (unstarted) cc_descriptor_update(&t->object);
  return unstarted || running;
}

bool run_thread_stop_task(cc_self *me, cc_object *o) {
  run_thread *t = (run_thread *)o;
  bool reached = true;
  cc_guard_lock(&o->guard, me->word);
  cc_slot *s = t->slot;
  if (s != NULL) {
    if (atomic_load(&t->cancel) == 0) atomic_store(&s->cancel, CC_CANCEL_TASK | ++t->stops);
    if (s == me->slot)
      ; /* its next wait tells it */
    else if (o->kind == CC_PROCESS)
      run_process_nudge(t);
    else if (t->process == cc_family_self)
      interrupt(t);
    else
      reached = false;
  }
  cc_guard_unlock(&o->guard);
  cc_wake(s);
  return reached;
}

bool run_thread_interrupt_task(cc_self *me, cc_object *o) {
  run_thread *t = (run_thread *)o;
  cc_guard_lock(&o->guard, me->word);
  if (t->slot != NULL) interrupt(t);
  cc_guard_unlock(&o->guard);
  return true;
}

void run_thread_forget_stop(cc_self *me, run_thread *t) {
  cc_guard_lock(&t->object.guard, me->word);
  atomic_store(&me->slot->cancel, atomic_load(&t->cancel));
  cc_guard_unlock(&t->object.guard);
}

/* Daemons are asked to stop; processes that do not are killed. */
static void stop_daemons(cc_self *me, uint64_t root) {
  size_t n;
  run_thread **list = run_thread_list(&n);
  int64_t deadline = cc_clock() + DAEMON_TIME;
  for (size_t i = 0; list != NULL && i < n; i++) {
    if (atomic_load(&list[i]->root) != root) continue;
    if (list[i]->object.kind == CC_PROCESS)
      run_process_terminate(list[i]);
    else
      run_thread_cancel(me, list[i]);
  }
  for (size_t i = 0; list != NULL && i < n; i++) {
    if (atomic_load(&list[i]->root) == root) {
      cc_outcome outcome = run_thread_join(me, list[i], deadline);
      if (outcome == CC_TIMEOUT && list[i]->object.kind == CC_PROCESS) {
        run_process_kill(list[i]);
        run_thread_join(me, list[i], CC_FOREVER);
      }
    }
    cc_object_release(&list[i]->object);
  }
  free(list);
}

void run_thread_end_root(uint64_t root) {
  cc_self *me = cc_self_get();
  run_thread *t;
  int told = 0;
  if (root == 0) return; /* a state that never ran anything */
  me->where = NULL;
  me->interrupted = NULL; /* the state closes: no hook may run in it */
  me->shield++;           /* a cancelled main thread waits, too */
  while ((t = find_of_root(me, root)) != NULL) {
    /* a deadlock is told to the others, too, whose errors end them; here there is nobody
    ** to raise it to, and no sense in being told again and again */
    cc_outcome outcome = run_thread_join(me, t, CC_FOREVER);
    cc_object_release(&t->object);
    if (outcome != CC_OK && (outcome != CC_DEADLOCK || ++told > TOLD)) break;
  }
  run_crews_end_root(me, root);
  stop_daemons(me, root);
  me->shield--;
}

/* ==} {== names */

cc_parcel *run_thread_name(cc_self *me, run_thread *t) {
  cc_parcel *name;
  cc_guard_lock(&t->object.guard, me->word);
  name = t->name;
  cc_parcel_retain(name);
  cc_guard_unlock(&t->object.guard);
  return name;
}

bool run_thread_set_name(cc_self *me, run_thread *t, const char *s, size_t length) {
  cc_parcel *name = bytes_parcel(s, length), *old;
  if (name == NULL) return false;
  cc_guard_lock(&t->object.guard, me->word);
  old = t->name;
  t->name = name;
  bool running = t->slot != NULL;
  cc_guard_unlock(&t->object.guard);
  if (atomic_load(&cc_home_slot(me)->thread) == &t->object)
    cc_thread_set_name(s);
  else if (running)
    cc_thread_rename(atomic_load(&t->native_id), s);
  cc_parcel_release(old);
  return true;
}

/* The name of what may be gone by now; NULL then. */
static cc_parcel *name_of(cc_self *me, cc_object *o) {
  cc_parcel *name = NULL;
  if (o == NULL) return NULL;
  cc_object *same = cc_object_revive(o->index, o->id); /* wherever it lay there is memory */
  if (same == o) name = run_thread_name(me, (run_thread *)o);
  if (same != NULL) cc_object_release(same);
  return name;
}

static cc_parcel *foreign_name(cc_self *me, uint64_t ident, cc_parcel **process) {
  cc_family *f = cc_family_root;
  uint32_t top = atomic_load(&f->slot_seen);
  for (uint32_t i = 0; i < top; i++) {
    cc_slot *s = &f->slots[i];
    uint32_t entry = atomic_load(&s->process);
    if (atomic_load(&s->ident) != ident || entry >= CC_PROCESS_LIMIT || entry == cc_family_self) continue;
    cc_parcel *name = name_of(me, atomic_load(&s->thread));
    *process = name_of_process(me, entry);
    if (name != NULL && *process != NULL) return name;
    cc_parcel_release(name);
    cc_parcel_release(*process);
    *process = NULL;
  }
  return NULL;
}

cc_parcel *run_thread_name_of(cc_self *me, uint64_t ident, cc_parcel **process) {
  cc_parcel *name = NULL;
  size_t n;
  *process = NULL;
  run_thread **list = run_thread_list(&n);
  for (size_t i = 0; list != NULL && i < n; i++) {
    if (name == NULL && atomic_load(&list[i]->ident) == ident && list[i]->object.kind != CC_PROCESS)
      name = run_thread_name(me, list[i]);
    cc_object_release(&list[i]->object);
  }
  free(list);
  return name != NULL || cc_family_alone() ? name : foreign_name(me, ident, process);
}

/* ==} {== threads that concur did not make */

static run_thread *adopt(const char *name, bool daemon) {
  cc_self *me = cc_self_get();
  run_thread *t = run_thread_new(name, strlen(name), daemon);
  if (t == NULL) return NULL;
  atomic_store(&t->ident, me->slot->ident);
  atomic_store(&t->native_id, cc_thread_native_id());
  atomic_store(&t->status, RUN_RUNNING);
  t->slot = me->slot;
  atomic_store(&me->slot->thread, &t->object);
  return t;
}

/* The kernel thread ends that run_thread_current adopted. */
static void foreign_end(void) {
  cc_self *me = &cc_self_storage;
  run_thread *t = (run_thread *)atomic_load(&me->slot->thread);
  codec_thread_end();
  if (t == NULL) return;
  run_thread_end(t, RUN_DONE, NULL, NULL);
  cc_object_release(&t->object);
}

/* The kernel thread ends that was the main one, in a host that goes on without it. The
** object stays, alive as the process is, but its slot is the next thread's. */
static void main_end(void) {
  cc_self *me = &cc_self_storage;
  run_thread *t = (run_thread *)atomic_load(&me->slot->thread);
  codec_thread_end();
  if (t != NULL) part(me, t);
}

static cc_guard once;

/* The calling kernel thread becomes the main one. */
static bool become_main(void) {
  run_thread *t = adopt("MainThread", false);
  if (t != NULL) cc_self_get()->on_detach = main_end;
  atomic_store(&main_thread, t);
  return t != NULL;
}

bool run_thread_renew(void) {
  list_guard = once = (cc_guard){0};
  first = last = NULL; /* what the parent's list has allocated is not worth copying pages */
  nlive = 0;
  atomic_store(&unnamed, 0);
  return become_main();
}

bool run_thread_open(void) {
  static const cc_ops ops = {
      .destroy = run_thread_destroy, .ready = run_thread_ready, .mend = run_thread_mend};
  cc_kind_define(CC_THREAD, &ops);
  cc_kind_define(CC_TIMER, &run_timer_ops);
  cc_kind_define(CC_PROCESS, &run_process_ops);
  bool ok = true;
  cc_guard_lock(&once, cc_self_word());
  if (atomic_load(&main_thread) == NULL) {
    ok = become_main();
    cc_child_note_signals();
    cc_deadlock_set_namer(name_thread);
  }
  cc_guard_unlock(&once);
  return ok;
}

run_thread *run_thread_main(void) { return atomic_load(&main_thread); }

run_thread *run_thread_current(void) {
  cc_self *me = &cc_self_storage;
  if (me->home == NULL) me = cc_self_get();
  run_thread *t = (run_thread *)atomic_load(&cc_home_slot(me)->thread);
  if (t != NULL) return t;
  char name[32];
  snprintf(name, sizeof name, "Dummy-%llu", (unsigned long long)atomic_fetch_add(&dummies, 1) + 1);
  t = adopt(name, true);
  if (t == NULL) return NULL;
  if (enter(t)) me->on_detach = foreign_end;
  return t;
}

/* ==} */
