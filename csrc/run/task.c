/* Tasks. */
#include "run/task.h"

#include <string.h>

#include "core/bury.h"
#include "core/trace.h"
#include "run/context.h"
#include "run/coroutine.h"

static _Thread_local run_task *current;

run_task *run_task_current(void) { return current; }

bool run_task_runs(lua_State *L) { return current != NULL && current->top == L && lua_isyieldable(L); }

bool run_task_suspends(void) { return current != NULL && (current->waits || cc_self_storage.suspended); }

lua_State *run_task_enter(lua_State *L, lua_State *co) {
  if (current == NULL) return NULL;
  lua_State *top = current->top;
  if (top == L) current->top = co;
  return top;
}

void run_task_leave(lua_State *top) {
  if (top != NULL) current->top = top;
}

/* What of a thread's self is its tasks', too. */
static void begin(run_task *t, const cc_self *thread) {
  cc_self *me = &t->self;
  if (me->home == NULL) {
    me->home = thread->slot;
    me->loop = t->loop;
    me->spin = thread->spin;
  }
  me->no_signals = thread->no_signals;
}

int run_task_resume(lua_State *L, run_task *t, int n, int *nresults) {
  cc_self thread = *cc_self_get();
  run_task *before = current;
  uint32_t unwinding = run_unwinding, raised = run_raised;
  begin(t, &thread);
  cc_self_storage = t->self;
  current = t;
  t->runs = true;
  t->top = t->co;
  run_unwinding = t->unwinding;
  int64_t since = cc_trace_begin(&thread);
  run_raised = t->raised;
  if (t->begun && t->self.cancelled && !t->waits && !t->self.suspended) run_arm(t->co); /* it comes from a mere yield */
  int status = run_resume(L, t->co, n, nresults, true);
  t->unwinding = run_unwinding;
  run_unwinding = unwinding;
  t->raised = run_raised;
  run_raised = raised;
  t->runs = false;
  current = before;
  t->self = cc_self_storage;
  cc_self_storage = thread;
  cc_trace_end(&cc_self_storage, CC_TRACE_TASK, CC_LOOP, (uint64_t)(uintptr_t)t, since);
  return status;
}

void run_task_forget(void) {
  cc_self *me = &cc_self_storage;
  if (current == NULL || !me->suspended) return;
  if (me->shielded) me->shield--;
  me->shielded = false;
  me->suspended = false;
  cc_slot_withdraw(me, me->slot);
}

void run_task_end(run_task *t, bool killed) {
  t->co = NULL;
  if (t->self.slot == NULL) return;
  cc_self thread = *cc_self_get();
  if (t->self.suspended) cc_slot_withdraw(&cc_self_storage, t->self.slot);
  cc_self_storage = t->self;
  cc_self_give_up(killed);
  t->self = cc_self_storage;
  cc_self_storage = thread;
}

static bool held_back(lua_State *L) { return cc_self_storage.shield > 0 || run_in_cleanup(L); }

static int go_on(lua_State *L, int status, lua_KContext base) {
  run_task *t = current;
  (void)status;
  t->waits = false;
  if (t->self.cancelled && cc_self_storage.cancelled && !held_back(L)) return run_cancelled(L);
  if (!t->woken) {
    lua_settop(L, (int)base);
    return run_task_wait(L, t->deadline, t->sleeps);
  }
  return lua_gettop(L) - (int)base;
}

int run_task_wait(lua_State *L, int64_t deadline, bool sleeps) {
  run_task *t = current;
  if (cc_self_storage.cancelled && !held_back(L)) return run_cancelled(L);
  t->waits = true;
  t->woken = false;
  t->sleeps = sleeps;
  t->deadline = deadline;
  return lua_yieldk(L, 0, lua_gettop(L), go_on);
}
