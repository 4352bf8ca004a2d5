/* The steward, and the ends of pools and workers. */
#include "run/steward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/deadlock.h"
#include "run/process.h"

#define RETRY 10000000      /* ns until a worker that could not be started is tried again */
#define PATIENCE 1000000000 /* ns after which what waits for it fails */

typedef struct charge {
  cc_crew *crew;       /* one reference */
  int64_t failing;     /* since when workers cannot be started; 0: they can */
  struct charge *next;
} charge;

static cc_guard guard;
static charge *charges;        /* under guard */
static cc_slot *steward;       /* under guard */
static _Atomic uint32_t state; /* 0: there is none; 1: it is being made; 2: it is there */

/* {== starting workers */

static run_thread *new_worker(cc_crew *c) {
  char name[128];
  int n = snprintf(name, sizeof name, "%.100s-worker-%u", (const char *)c->name->bytes, (unsigned)c->numbers + 1);
  return c->processes ? run_process_new(name, (size_t)n, true) : run_thread_new(name, (size_t)n, true);
}

static int start(cc_crew *c, run_thread *t) {
  static const run_options usual;
  run_message m = {c->surroundings, c->call};
  t->crew = &c->object;
  cc_object_parcel_retain(t->crew, &t->crew_held);
  if (m.surroundings != NULL) cc_parcel_retain(m.surroundings);
  cc_parcel_retain(m.call);
  int error = c->processes ? run_process_start(t, &m, c->root, &usual) : run_thread_start(t, &m, c->root, &usual);
  if (error != 0) cc_object_parcel_release(t->crew, &t->crew_held);
  return error;
}

/* One that is wanted. 0 or an errno value. */
static int start_one(cc_self *me, cc_crew *c) {
  run_thread *t = new_worker(c);
  if (t == NULL) return ENOMEM;
  cc_member *m = cc_crew_enlist(me, c, &t->object);
  int error = m != NULL ? start(c, t) : cc_crew_wants(me, c) ? ENOMEM : 0;
  if (m != NULL && error == 0) cc_deadlock_pending(-1); /* it counts itself now */
  if (m != NULL && error != 0) cc_crew_unlist(me, c, m);
  cc_object_release(&t->object);
  return error;
}

/* Starts what is wanted. True: to be tried again soon. */
static bool look_after(cc_self *me, charge *g) {
  cc_crew_stop_marked(me, g->crew, run_thread_interrupt_task);
  while (cc_crew_wants(me, g->crew)) {
    int error = start_one(me, g->crew);
    int64_t now = cc_clock();
    if (error == 0) {
      g->failing = 0;
    } else if (g->failing == 0) {
      g->failing = now;
      return true;
    } else if (now - g->failing < PATIENCE) {
      return true;
    } else {
      g->failing = 0;
      cc_crew_give_up(me, g->crew, error);
    }
  }
  return false;
}

/* Looks after all; what is over is let go. True: to be done again soon. */
static bool round_of(cc_self *me) {
  bool again = false;
  cc_guard_lock(&guard, me->word);
  charge **at = &charges;
  for (charge *g; (g = *at) != NULL;) {
    cc_guard_unlock(&guard); /* others only add, in front */
    again |= look_after(me, g);
    bool over = cc_crew_over(me, g->crew);
    cc_guard_lock(&guard, me->word);
    if (*at != g) { /* one was added */
      at = &charges;
      while (*at != g) at = &(*at)->next;
    }
    if (!over) {
      at = &g->next;
      continue;
    }
    *at = g->next;
    cc_guard_unlock(&guard);
    cc_object_release(&g->crew->object);
    free(g);
    cc_guard_lock(&guard, me->word);
  }
  cc_guard_unlock(&guard);
  return again;
}

static void serve(void *unused) {
  cc_self *me = cc_self_get();
  (void)unused;
  me->no_signals = true;
  cc_deadlock_active(me, false); /* what it has to do counts as pending */
  cc_thread_set_name("concur-steward");
  cc_guard_lock(&guard, me->word);
  steward = me->slot;
  cc_guard_unlock(&guard);
  atomic_store(&state, 2);
  cc_futex_wake(&state, INT32_MAX);
  bool again = false;
  for (;;) {
    cc_rest(me, again ? cc_clock() + RETRY : CC_FOREVER);
    again = round_of(me);
  }
}

static int ensure(void) {
  cc_thread_options o = {0, NULL, 0};
  uint32_t none = 0;
  if (atomic_compare_exchange_strong(&state, &none, 1)) {
    int error = cc_thread_start(serve, NULL, &o);
    if (error != 0) {
      atomic_store(&state, 0);
      cc_futex_wake(&state, INT32_MAX);
      return error;
    }
  }
  while ((none = atomic_load(&state)) == 1) cc_futex_wait(&state, 1, CC_FOREVER);
  return none == 2 ? 0 : EAGAIN;
}

int run_crew_open(cc_crew *c) {
  int error = ensure();
  if (error != 0) return error;
  charge *g = calloc(1, sizeof *g);
  if (g == NULL) return ENOMEM;
  cc_object_retain(&c->object);
  g->crew = c;
  cc_guard_lock(&guard, cc_self_word());
  atomic_store(&c->steward, steward);
  g->next = charges;
  charges = g;
  cc_guard_unlock(&guard);
  return 0;
}

void run_crews_forget(void) {
  guard = (cc_guard){0};
  charges = NULL;
  steward = NULL;
  atomic_store(&state, 0);
}

/* ==} {== ends */

void run_crew_member_ended(run_thread *t) {
  int code = 0;
  if (t->crew == NULL || !t->crew_held) return;
  if (t->object.kind == CC_PROCESS) run_process_exitcode(t, &code);
  cc_crew_gone(cc_self_get(), (cc_crew *)t->crew, &t->object, code);
  cc_object_parcel_release(t->crew, &t->crew_held);
}

/* A crew of the root that has not ended, with a reference; NULL. */
static cc_crew *find_of_root(cc_self *me, uint64_t root) {
  cc_crew *c = NULL;
  cc_guard_lock(&guard, me->word);
  for (charge *g = charges; g != NULL && c == NULL; g = g->next)
    if (g->crew->root == root && cc_crew_now(g->crew) < CC_CREW_ENDED) c = g->crew;
  if (c != NULL) cc_object_retain(&c->object);
  cc_guard_unlock(&guard);
  return c;
}

void run_crews_end_root(cc_self *me, uint64_t root) {
  cc_crew *c;
  while ((c = find_of_root(me, root)) != NULL) {
    cc_crew_end(me, c, CC_CREW_ENDED, NULL, NULL, run_thread_stop_task);
    cc_object_release(&c->object);
  }
}

#define STOP_TIME 50000000 /* ns that worker processes have to stop; then to be reaped */

static bool kill_worker(cc_self *me, cc_object *o) {
  (void)me;
  if (o->kind == CC_PROCESS) run_process_kill((run_thread *)o);
  return true;
}

void run_crew_terminate(cc_self *me, cc_crew *c) {
  cc_crew_end(me, c, CC_CREW_ENDED, NULL, NULL, run_thread_stop_task);
  me->shield++;
  if (cc_crew_join(me, c, cc_clock() + STOP_TIME) != CC_OK) {
    cc_crew_visit(me, c, kill_worker);
    cc_crew_join(me, c, cc_clock() + STOP_TIME / 2);
  }
  me->shield--;
}

/* ==} */
