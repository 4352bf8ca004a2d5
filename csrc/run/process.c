/*
** One kernel thread of each process that has children, the reaper, forks them and waits for
** their ends. It forks so that a child begins on a stack of known depth, and since the
** system takes the end of the thread that forked for the parent's end. It keeps a Lua state that
** was never used: each child finds that in its memory and need not make one.
**
** The child runs the function, puts what came of it into the object, closes its state (which
** waits for its own threads and children) and exits. The reaper sees the exit, takes
** back what the process held in the family, and tells the joiners.
*/
#include "run/process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "codec/codec.h"
#include "core/bury.h"
#include "core/deadlock.h"
#include "core/descriptor.h"
#include "core/family.h"
#include "run/context.h"
#include "run/require.h"
#include "run/state.h"
#include "run/steward.h"
#include "run/timer.h"
#include "run/worker.h"

#define STACK ((size_t)8 << 20) /* of the reaper, and so of its children; untouched pages cost nothing */
#define RETRY 5000000 /* ns between two looks at children that no descriptor tells of */
#define ALIVE INT_MIN /* no exit code yet */

typedef struct process {
  run_thread thread;         /* first: a process is joined and cancelled like a thread */
  _Atomic int64_t pid;       /* 0 before the start; by its parent and by itself */
  _Atomic int32_t exitcode;  /* ALIVE until it ended; by who reaps it */
  _Atomic int32_t announced; /* the exit code that it is about to end with; by itself */
  _Atomic uint32_t starter;   /* entry of the process whose child it is, or which took it over */
  int64_t starter_id;         /* the first one's pid */
  _Atomic uint32_t committed; /* run_status, once results or error are in place; by itself */
  run_message message;       /* the child's until decoded; what is left is given up at its end */
} process;

typedef struct request { /* on the stack of who starts one */
  process *process;
  const run_options *options;
  _Atomic uint32_t done; /* 1: error is set */
  int error;
  struct request *next;
} request;

typedef struct child {
  process *process; /* a reference: the list's of running ones, or (adopted) its own */
  int64_t pid;
  uint32_t entry;
  int watch; /* -1: to be looked at now and then */
  bool adopted; /* another's child, who has ended */
  struct child *next;
} child;

static cc_guard guard;
static request *first_request, *last_request; /* under guard */
static bool reaper_runs;                      /* under guard */
static cc_signal bell;                        /* raised while there are requests */
static child *children;                       /* the reaper's own */
static size_t nchildren;
static run_state *spare;                      /* the reaper's own */
static _Atomic(run_thread *) own, parent;     /* one reference for ever */

static process *of(const run_thread *t) { return (process *)(void *)(uintptr_t)t; }

/* {== objects */

static void destroy(cc_object *o) {
  run_message_drop(&of((run_thread *)o)->message);
  run_thread_destroy(o);
}

size_t run_process_default_name(char name[RUN_NAME], bool take) {
  _Atomic uint64_t *unnamed = &cc_family_root->unnamed;
  uint64_t n = (take ? atomic_fetch_add(unnamed, 1) : atomic_load(unnamed)) + 1;
  return (size_t)snprintf(name, RUN_NAME, "Process-%llu", (unsigned long long)n);
}

run_thread *run_process_new(const char *name, size_t length, bool daemon) {
  char buffer[RUN_NAME];
  if (name == NULL) {
    length = run_process_default_name(buffer, true);
    name = buffer;
  }
  run_thread *t = run_thread_new_kind(CC_PROCESS, sizeof(process), name, length, daemon);
  if (t != NULL) atomic_store(&of(t)->exitcode, ALIVE);
  if (t != NULL) atomic_store(&of(t)->announced, ALIVE);
  return t;
}

run_thread *run_process_current(void) {
  static cc_guard once;
  run_thread *t = atomic_load(&own);
  if (t != NULL) return t;
  cc_guard_lock(&once, cc_self_word());
  t = atomic_load(&own);
  if (t == NULL && (t = run_process_new("MainProcess", 11, false)) != NULL) {
    atomic_store(&of(t)->pid, cc_process_id());
    atomic_store(&t->native_id, cc_process_id());
    atomic_store(&t->ident, atomic_fetch_add(&cc_family_root->next_id, 1) + 1);
    atomic_store(&t->status, RUN_RUNNING);
    atomic_store(&own, t);
  }
  cc_guard_unlock(&once);
  return t;
}

run_thread *run_process_myself(void) { return atomic_load(&own); }

run_thread *run_process_parent(void) { return atomic_load(&parent); }

bool run_process_daemon(void) {
  run_thread *t = atomic_load(&own);
  return t != NULL && atomic_load(&t->daemon) != 0;
}

int64_t run_process_id(const run_thread *t) { return atomic_load(&of(t)->pid); }

bool run_process_exitcode(const run_thread *t, int *code) {
  *code = atomic_load(&of(t)->exitcode);
  return *code != ALIVE;
}

/* ==} {== signals */

/* The reaper reaps under this guard, so that the number is still the child's. */
int run_process_signal(run_thread *t, int sig) {
  int64_t pid = run_process_id(t);
  int code, error = ESRCH;
  cc_guard_lock(&t->object.guard, cc_self_word());
  if (pid > 0 && !run_process_exitcode(t, &code)) error = cc_process_signal(pid, sig);
  cc_guard_unlock(&t->object.guard);
  return error;
}

int run_process_terminate(run_thread *t) { return run_process_signal(t, CC_SIGNAL_TERMINATE); }

int run_process_kill(run_thread *t) { return run_process_signal(t, CC_SIGNAL_KILL); }

void run_process_nudge(const run_thread *t) {
  int64_t pid = atomic_load(&cc_family_root->processes[t->process].pid);
  /* the main process is its host's, who has not asked for a handler of ours */
  if (pid > 0 && t->process != 0) cc_process_nudge(pid, atomic_load(&t->native_id));
}

/* In the main thread of a child: the state that its main function runs in. */
static _Atomic(lua_State *) child_state;

static _Atomic uint32_t ignores_interrupts;

static void interrupt_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!");
}

/* As lua's own handler: what is blocked notices the hook of the state, what runs meets it. */
static void on_interrupt(int sig) {
  const int mask = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT;
  run_thread *main = run_thread_main();
  lua_State *L = atomic_load(&child_state);
  lua_State *running = main != NULL ? atomic_load(&main->running) : NULL;
  (void)sig;
  if (atomic_load(&ignores_interrupts)) return;
  if (L != NULL) lua_sethook(L, interrupt_hook, mask, 1);
  if (L != NULL && running != NULL && running != L) lua_sethook(running, interrupt_hook, mask, 1);
}

/* In the thread that is meant. */
static void on_nudge(int sig) {
  const cc_slot *s = cc_home_slot(&cc_self_storage);
  run_thread *t = s != NULL ? (run_thread *)atomic_load(&s->thread) : NULL;
  lua_State *running = t != NULL ? atomic_load(&t->running) : NULL;
  (void)sig;
  if (running != NULL && atomic_load(&s->cancel) != 0) run_arm(running);
}

/* ==} {== the child */

/* What a process has of its own begins anew. */
static bool renew(process *p, uint32_t entry) {
  run_thread *was = atomic_load(&own);
  cc_family_enter(entry);
  guard = (cc_guard){0};
  first_request = last_request = NULL;
  reaper_runs = false;
  cc_signal_close(&bell);
  for (child *c = children; c != NULL; c = c->next) cc_child_unwatch(c->watch);
  children = NULL;
  nchildren = 0;
  run_worker_forget();
  run_timers_forget();
  run_crews_forget();
  run_require_forget();
  atomic_store(&p->pid, cc_process_id()); /* the parent may not have come to that yet */
  atomic_store(&p->thread.native_id, cc_process_id());
  cc_object_retain(&p->thread.object);
  cc_object_retain(&was->object); /* the parent has a reference while it lives */
  atomic_store(&own, &p->thread);
  atomic_store(&parent, was);
  cc_child_settle(on_interrupt, on_nudge);
  cc_self_get()->no_signals = false;
  if (atomic_load(&p->thread.daemon)) cc_child_die_with(p->starter_id);
  return run_thread_renew();
}

/* The main thread runs p from now on. */
static void begin(cc_self *me, process *p, run_state *s, uint64_t root) {
  run_thread *t = &p->thread, *m = run_thread_main();
  atomic_store(&m->root, root);
  cc_guard_lock(&t->object.guard, me->word);
  t->slot = me->slot;
  atomic_store(&t->running, run_state_lua(s));
  atomic_store(&m->running, run_state_lua(s));
  atomic_store(&me->slot->cancel, atomic_load(&t->cancel));
  atomic_store(&t->status, RUN_RUNNING);
  cc_parcel *name = t->name;
  cc_parcel_retain(name);
  cc_guard_unlock(&t->object.guard);
  cc_deadlock_pending(-1);
  cc_thread_set_name((const char *)name->bytes);
  if (cc_traced(me)) {
    cc_trace_name(me, CC_TRACE_PROCESS, 0, 0, (const char *)name->bytes);
    cc_trace_name(me, CC_TRACE_THREAD, me->slot->ident, 0, "MainThread");
  }
  cc_parcel_release(name);
}

static void commit(cc_self *me, process *p, run_status status, cc_parcel *result, cc_parcel *traceback) {
  run_thread *t = &p->thread;
  cc_guard_lock(&t->object.guard, me->word);
  t->result = result;
  t->traceback = traceback;
  atomic_store(&p->committed, (uint32_t)status);
  cc_guard_unlock(&t->object.guard);
}

static run_status verdict(process *p, int code);

static _Noreturn void leave(process *p, int code) {
  cc_assert(cc_begin(cc_self_get()) == 0 && cc_hands_empty(cc_self_get()));
  cc_trace_end(cc_self_get(), CC_TRACE_END, 0, 0, cc_trace_begin(cc_self_get()));
  atomic_store(&p->announced, code);
  if (cc_process_parent() != p->starter_id) { /* there may be nobody to tell of the end */
    p->thread.live = NULL;
    atomic_store(&p->exitcode, code);
    run_thread_conclude(&p->thread, verdict(p, code));
  }
  cc_deadlock_pending(1); /* from now on its end is what will happen */
  cc_child_exit(code);
}

static _Noreturn void run_child(process *p, uint32_t entry) {
  cc_parcel *result = NULL, *traceback = NULL;
  if (!renew(p, entry) || !run_state_inherit(spare)) leave(p, 1);
  cc_self *me = cc_self_get();
  run_state *s = spare;
  spare = NULL;
  lua_State *L = run_state_lua(s);
  atomic_store(&child_state, L);
  uint64_t root = run_context_new_root();
  atomic_store(&ignores_interrupts, p->thread.crew != NULL); /* Ctrl-C is for the pool's users */
  begin(me, p, s, root);
  run_status status = run_body(L, &p->thread, root, &p->message, &result, &traceback);
  commit(me, p, status, result, traceback);
  me->shield++;
  run_thread_end_root(root);
  run_worker_closing = true; /* what its function holds is abandoned, not given back */
  run_state_end(s);
  run_thread_end_root(root); /* of what finalizers have started */
  leave(p, status == RUN_DONE ? 0 : 1);
}

static int os_exit(lua_State *L) {
  run_thread *t = atomic_load(&own);
  int code;
  if (lua_isboolean(L, 1))
    code = lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
  else
    code = (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
  if (lua_toboolean(L, 2)) lua_close(L);
  if (cc_family_self == 0 || t == NULL) exit(code); /* NOLINT(concurrency-mt-unsafe): os.exit is exit */
  leave(of(t), code & 0xff);
}

void run_process_open(lua_State *L) {
  if (lua_getglobal(L, LUA_OSLIBNAME) == LUA_TTABLE) {
    lua_pushcfunction(L, os_exit);
    lua_setfield(L, -2, "exit");
  }
  lua_pop(L, 1);
}

void run_process_learn(lua_State *L) {
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_getfield(L, -1, "exit");
  codec_names_learn_field(L, LUA_OSLIBNAME, "exit");
  lua_pop(L, 2);
}

/* ==} {== the reaper */

static void answer(request *r, int error) {
  r->error = error;
  atomic_store(&r->done, 1);
  cc_futex_wake(&r->done, 1); /* r may be gone already: then nobody sleeps there */
}

static int64_t fork_on(const run_options *o) {
  if (o->ncpus == 0) return cc_child_fork();
  int error = cc_thread_bind(o->cpus, o->ncpus);
  if (error != 0) return -error;
  int64_t pid = cc_child_fork();
  if (pid != 0) cc_thread_bind(NULL, 0);
  return pid;
}

static int start_child(process *p, const run_options *o) {
  uint32_t entry = cc_family_reserve(&p->thread.object);
  child *c = malloc(sizeof *c);
  if (spare == NULL) spare = run_state_new();
  if (entry == CC_NO_PROCESS || c == NULL || spare == NULL) {
    if (entry != CC_NO_PROCESS) cc_bury(entry, CC_EXITED);
    free(c);
    return entry == CC_NO_PROCESS ? EAGAIN : ENOMEM;
  }
  p->thread.process = entry;
  p->starter_id = cc_process_id();
  atomic_store(&p->starter, cc_family_self);
  int64_t pid = fork_on(o);
  if (pid == 0) run_child(p, entry);
  if (pid < 0) {
    cc_bury(entry, CC_EXITED);
    free(c);
    return (int)-pid;
  }
  atomic_store(&p->pid, pid);
  atomic_store(&p->thread.native_id, pid);
  *c = (child){p, pid, entry, cc_child_watch(pid), false, children};
  children = c;
  nchildren++;
  return 0;
}

/* How it ended, as its joiners are told. */
static run_status verdict(process *p, int code) {
  run_status committed = (run_status)atomic_load(&p->committed);
  if (committed != RUN_NEW) return committed;
  return code == 0 ? RUN_DONE : RUN_FAILED;
}

static void end_child(child *c, int code) {
  process *p = c->process;
  run_thread *t = &p->thread;
  cc_self *me = cc_self_get();
  if (code == CC_CHILD_UNKNOWN) {
    code = atomic_load(&p->announced);
    if (code == ALIVE) code = -CC_SIGNAL_KILL;
  }
  bool left = code >= 0 && atomic_load(&p->announced) != ALIVE;
  cc_bury(c->entry, code < 0 ? CC_KILLED : left ? CC_LEFT : CC_EXITED);
  cc_guard_lock(&t->object.guard, me->word); /* see run_process_signal */
  atomic_store(&p->exitcode, code);
  if (!c->adopted) cc_child_reap(c->pid);
  cc_guard_unlock(&t->object.guard);
  cc_child_unwatch(c->watch);
  run_message_drop(&p->message);
  cc_object_retain(&t->object); /* concluding gives up the list's, and whoever joins may forget it */
  run_thread_conclude(t, verdict(p, code));
  cc_object_release(&t->object);
  if (c->adopted) cc_object_release(&t->object);
}

/* Whether it was forked and is not buried yet; it may have told its joiners of its end itself. */
static bool is_there(const process *p) {
  uint32_t entry = atomic_load(&p->thread.process);
  return entry < CC_PROCESS_LIMIT && atomic_load(&cc_family_root->processes[entry].object) == &p->thread.object;
}

/* The process of that entry has ended: its children are the caller's now, as far as that goes
** without being their parent. */
static void mend(cc_self *me, cc_object *o, uint32_t entry) {
  process *p = of((run_thread *)o);
  uint32_t starter = entry;
  run_thread_mend(me, o, entry);
  if (p->thread.process == entry || !is_there(p) ||
      !atomic_compare_exchange_strong(&p->starter, &starter, cc_family_self))
    return;
  int64_t pid = run_process_id(&p->thread);
  child *c = malloc(sizeof *c);
  if (c == NULL || pid == 0) {
    free(c);
    return;
  }
  p->thread.live = NULL; /* the starter's */
  cc_object_retain(o);
  *c = (child){p, pid, p->thread.process, cc_child_watch(pid), true, children};
  children = c;
  nchildren++;
}

/* One that the ended process was about to fork, and now nobody will; or that it had buried, and not
** told anybody of. */
static void resume(cc_self *me, cc_object *o, uint32_t entry) {
  process *p = of((run_thread *)o);
  run_thread *t = &p->thread;
  int32_t alive = ALIVE, code = atomic_load(&p->announced);
  (void)me;
  bool unforked = t->process == entry && run_process_id(t) == 0;
  bool buried = t->process != entry && atomic_load(&p->starter) == entry && !is_there(p);
  if (!(unforked || buried) || !(run_thread_alive(t) || t->crew_held)) return;
  t->live = NULL; /* that process's */
  atomic_compare_exchange_strong(&p->exitcode, &alive, unforked ? 1 : code == ALIVE ? -CC_SIGNAL_KILL : code);
  run_message_drop(&p->message);
  run_thread_conclude(t, verdict(p, atomic_load(&p->exitcode)));
}

const cc_ops run_process_ops = {.destroy = destroy, .ready = run_thread_ready, .mend = mend, .resume = resume};

static bool child_ended(const child *c, int *code) {
  if (!c->adopted) return cc_child_ended(c->pid, code);
  *code = CC_CHILD_UNKNOWN;
  return !cc_process_running(c->pid);
}

/* Takes one that has ended out of the list. Burying it may add to that. */
static child *next_ended(int *code) {
  for (child **at = &children; *at != NULL; at = &(*at)->next) {
    child *c = *at;
    if (!child_ended(c, code)) continue;
    *at = c->next;
    nchildren--;
    return c;
  }
  return NULL;
}

static void look_at_children(void) {
  int code;
  for (child *c; (c = next_ended(&code)) != NULL;) {
    cc_deadlock_pending(1); /* who waits for its end waits for this thread now */
    end_child(c, code);
    cc_deadlock_pending(-1);
    free(c);
  }
}

static request *next_request(cc_self *me) {
  cc_guard_lock(&guard, me->word);
  request *r = first_request;
  if (r != NULL) first_request = r->next;
  if (first_request == NULL) {
    last_request = NULL;
    if (r == NULL) cc_signal_lower(&bell);
  }
  cc_guard_unlock(&guard);
  return r;
}

static void wait_for_news(void) {
  int stack[64], *fds = nchildren <= 64 ? stack : malloc(nchildren * sizeof *fds);
  int64_t limit = CC_FOREVER;
  size_t n = 0;
  for (child *c = children; c != NULL; c = c->next) {
    if (c->watch < 0 || fds == NULL)
      limit = RETRY;
    else
      fds[n++] = c->watch;
  }
  cc_child_wait(&bell, fds, n, limit);
  if (fds != stack) free(fds);
}

static void reap(void *unused) {
  cc_self *me = cc_self_get();
  (void)unused;
  me->no_signals = true;
  cc_deadlock_active(me, false); /* children that live count themselves */
  cc_thread_set_name("concur-reaper");
  for (;;) {
    request *r;
    while ((r = next_request(me)) != NULL) answer(r, start_child(r->process, r->options));
    wait_for_news();
    look_at_children();
  }
}

/* Makes the reaper; under the guard, once per process. */
static int make_reaper(void) {
  cc_thread_options o = {STACK, NULL, 0};
  int error = cc_signal_open(&bell);
  if (error != 0) return error;
  error = cc_thread_start(reap, NULL, &o);
  if (error != 0) cc_signal_close(&bell);
  return error;
}

static int ask_reaper(process *p, const run_options *o) {
  request r = {p, o, 0, 0, NULL};
  cc_self *me = cc_self_get();
  int error = 0;
  cc_guard_lock(&guard, me->word);
  if (!reaper_runs) error = make_reaper();
  if (error == 0) {
    reaper_runs = true;
    if (first_request == NULL) cc_signal_raise(&bell);
    if (last_request != NULL)
      last_request->next = &r;
    else
      first_request = &r;
    last_request = &r;
  }
  cc_guard_unlock(&guard);
  if (error != 0) return error;
  while (atomic_load(&r.done) == 0) cc_futex_wait(&r.done, 0, CC_FOREVER);
  /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): what is done is in the line no more */
  return r.error;
}

int run_process_start(run_thread *t, run_message *m, uint64_t root, const run_options *o) {
  process *p = of(t);
  int error = run_process_current() == NULL ? ENOMEM : o->stack > STACK ? EAGAIN : run_thread_enlist(t, root);
  if (error != 0) {
    run_message_drop(m);
    return error;
  }
  const run_thread *main = run_thread_main();
  if (main != NULL && atomic_load(&cc_home_slot(cc_self_get())->thread) == &main->object) cc_child_note_signals();
  error = cc_descriptor_share();
  p->message = *m;
  *m = (run_message){NULL, NULL};
  if (error == 0) error = ask_reaper(p, o);
  if (error == 0) return 0;
  run_message_drop(&p->message);
  run_thread_delist(t);
  return error;
}

/* ==} */
