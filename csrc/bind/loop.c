/*
** concur._loop: what lua/concur/async.lua is built on. A loop is a handle; its tasks are userdata of the
** state, not handles.
*/
#include "core/deadlock.h"
#include "core/inherit.h"
#include "core/loop.h"

#include "bind/bind.h"
#include "run/context.h"
#include "run/coroutine.h"
#include "run/task.h"

static const char task_name[] = "concur.task";

static cc_loop *self(lua_State *L) { return (cc_loop *)bind_object(L, 1, CC_LOOP); }

static run_task *task_self(lua_State *L) { return luaL_checkudata(L, 1, task_name); }

/* {== loop */

/* loop:sleep() -> whether there is nothing to take */
static int loop_sleep(lua_State *L) {
  lua_pushboolean(L, cc_loop_sleep(self(L)));
  return 1;
}

typedef struct taking {
  lua_State *L;
  lua_Integer n;
} taking;

static void take_one(void *arg, cc_slot *s) {
  taking *t = arg;
  lua_pushinteger(t->L, cc_slot_word(s));
  lua_rawseti(t->L, 2, ++t->n);
}

/* loop:take(list) -> how many marks of slots are in the list now, whether all tasks should look */
static int loop_take(lua_State *L) {
  taking t = {L, 0};
  luaL_checktype(L, 2, LUA_TTABLE);
  bool rescan = cc_loop_take(self(L), take_one, &t);
  lua_pushinteger(L, t.n);
  lua_pushboolean(L, rescan);
  return 2;
}

/* loop:poll(fd, seconds or nil, exposed, blocked): waits until the descriptor is readable. The code of a loop is
** shielded; exposed: not so this wait. blocked: see cc_loop_poll. Returns "ready", "timeout" or "deadlock": all
** that stand in lines are to look. */
static int loop_poll(lua_State *L) {
  cc_loop *l = self(L);
  int fd = (int)luaL_checkinteger(L, 2);
  int64_t deadline = bind_deadline(L, 3);
  const uint32_t shield = lua_toboolean(L, 4) ? 1 : 0;
  const bool blocked = lua_toboolean(L, 5);
  bind_wait wait;
  cc_self *me = bind_enter(L, &wait);
  cc_outcome outcome;
  do {
    me->shield -= shield;
    outcome = cc_loop_poll(me, l, fd, deadline, blocked);
    me->shield += shield;
    if (outcome == CC_TIMEOUT || outcome == CC_DEADLOCK) break;
  } while (bind_again(L, &wait, outcome));
  bind_leave(me);
  lua_pushstring(L, outcome == CC_OK ? "ready" : outcome == CC_TIMEOUT ? "timeout" : "deadlock");
  return 1;
}

static int new_loop(lua_State *L) {
  codec_handle *h = handle_new(L, CC_LOOP, 0);
  return bind_made(L, h, (cc_object *)cc_loop_new());
}

/* ==} {== task */

/* {== what a task runs: its function, so called that clean-up may wait, too */

/* The message handler: an error with its traceback. */
static int trace(lua_State *L) {
  lua_settop(L, 1);
  run_unwinding++;
  if (run_is_exit(L, 1)) return 1;
  lua_createtable(L, 2, 0);
  lua_insert(L, 1);
  const char *text = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
  luaL_traceback(L, L, text, 1);
  lua_rawseti(L, 1, 2);
  lua_rawseti(L, 1, 1);
  return 1;
}

static int finish_body(lua_State *L, int status, lua_KContext unwinding) {
  run_unwinding = (uint32_t)unwinding;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 1;
  run_task_current()->failed = true;
  run_task_forget();
  if (run_is_exit(L, -1)) { /* that of the thread: it is no error, and no traceback tells */
    run_push_cancelled(L);
    lua_pushboolean(L, 0);
    return 2;
  }
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    return 2;
  }
  return 1; /* no memory */
}

/* Called with the handler, the function and its arguments. */
static int body(lua_State *L) {
  lua_KContext unwinding = (lua_KContext)run_unwinding;
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, unwinding, finish_body);
  return finish_body(L, status, unwinding);
}

/* ==} */

/* loop:task(fn, ...) */
static int new_task(lua_State *L) {
  cc_loop *l = self(L);
  int n = lua_gettop(L) - 1;
  run_task *t = lua_newuserdatauv(L, sizeof *t, 1);
  *t = (run_task){.loop = l};
  lua_State *co = lua_newthread(L);
  lua_pushcfunction(co, body);
  lua_pushcfunction(co, trace);
  if (!lua_checkstack(co, n + LUA_MINSTACK)) return luaL_error(L, "too many arguments");
  for (int i = 0; i < n; i++) lua_pushvalue(L, i + 2);
  lua_xmove(L, co, n);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, task_name);
  t->co = co;
  return 1;
}

enum { DONE, FAILED, STANDS, WAITS, SLEEPS, YIELDED }; /* what task:resume returns first */

static int push_wait(lua_State *L, const run_task *t) {
  int64_t deadline = t->waits ? t->deadline : t->self.deadline;
  lua_pushinteger(L, !t->waits ? STANDS : t->sleeps ? SLEEPS : WAITS);
  if (deadline == CC_FOREVER)
    lua_pushnil(L);
  else
    lua_pushnumber(L, (lua_Number)deadline * 1e-9);
  lua_pushinteger(L, t->self.word);
  return 3;
}

/* How the task has left its thread. */
static int push_state(lua_State *L, run_task *t, int nresults) {
  if (t->self.suspended || t->waits) {
    lua_pop(t->co, nresults);
    return push_wait(L, t);
  }
  lua_pushinteger(L, YIELDED);
  if (!lua_checkstack(L, nresults)) return luaL_error(L, "too many values to yield");
  lua_xmove(t->co, L, nresults);
  return nresults + 1;
}

/* task:resume(woken, ...): DONE and results; FAILED, error and traceback; STANDS, WAITS or SLEEPS, the deadline
** (concur.now's clock) or nil, and the mark of its slot; YIELDED and values */
static int task_resume(lua_State *L) {
  run_task *t = task_self(L);
  int n = lua_gettop(L) - 2, nresults = 0;
  if (t->co == NULL || t->runs) return luaL_error(L, "the task cannot be resumed");
  t->woken = lua_toboolean(L, 2);
  if (!lua_checkstack(t->co, n)) return luaL_error(L, "too many arguments");
  lua_xmove(L, t->co, n);
  if (!t->begun) n = lua_gettop(t->co) - 1; /* the handler, the function and its arguments */
  int status = run_task_resume(L, t, n, &nresults);
  t->begun = true;
  if (status == LUA_YIELD) return push_state(L, t, nresults);
  if (!lua_checkstack(L, nresults + 2)) return luaL_error(L, "too many results");
  lua_pushinteger(L, status == LUA_OK && !t->failed ? DONE : FAILED);
  if (status != LUA_OK) nresults = 1; /* no memory for the call */
  lua_xmove(t->co, L, nresults);
  run_task_end(t, t->killed);
  return nresults + 1;
}

/* task:state(): what resume has told, less values */
static int task_state(lua_State *L) {
  const run_task *t = task_self(L);
  if (t->co != NULL && (t->self.suspended || t->waits)) return push_wait(L, t);
  lua_pushinteger(L, t->co == NULL ? DONE : YIELDED);
  return 1;
}

/* task:expire() -> whether it is to go on now, though nobody has woken it */
static int task_expire(lua_State *L) {
  run_task *t = task_self(L);
  bool stands = t->self.suspended && t->self.slot != NULL;
  lua_pushboolean(L, !stands || cc_loop_expire(t->self.slot));
  return 1;
}

/* task:note(with): notes for reports of deadlocks where it stands, or nothing */
static int task_note(lua_State *L) {
  run_task *t = task_self(L);
  char place[100] = "";
  if (t->co == NULL || t->self.slot == NULL) return 0;
  if (lua_toboolean(L, 2)) bind_place(t->co, place, sizeof place);
  cc_deadlock_place(cc_self_get(), t->self.slot, place);
  return 0;
}

/* task:begun() -> whether it was ever resumed */
static int task_begun(lua_State *L) {
  lua_pushboolean(L, task_self(L)->begun || task_self(L)->runs);
  return 1;
}

static int task_cancel(lua_State *L) {
  run_task *t = task_self(L);
  cc_self *me = t->runs ? &cc_self_storage : &t->self;
  me->cancelled = t->self.cancelled = true;
  if (me->slot != NULL) atomic_store(&me->slot->cancel, 1);
  return 0;
}

/* task:kill_at_end(): what it holds at its end counts as held by a killed process */
static int task_kill_at_end(lua_State *L) {
  task_self(L)->killed = true;
  return 0;
}

/* Takes that back. */
static int task_uncancel(lua_State *L) {
  run_task *t = task_self(L);
  cc_self *me = t->runs ? &cc_self_storage : &t->self;
  me->cancelled = t->self.cancelled = false;
  if (me->slot != NULL) atomic_store(&me->slot->cancel, 0);
  return 0;
}

static int task_end(lua_State *L) {
  run_task *t = task_self(L);
  if (!t->runs) run_task_end(t, lua_toboolean(L, 2));
  return 0;
}

static int task_gc(lua_State *L) {
  run_task *t = task_self(L);
  if (!t->runs) run_task_end(t, false);
  return 0;
}

/* Waits in the calling task until it is resumed, at most until that moment. */
static int suspend(lua_State *L) {
  int64_t deadline = bind_deadline(L, 1);
  if (!run_task_runs(L))
    return luaL_error(L, run_task_current() == NULL ? "not in a task of an event loop"
                                                    : "cannot wait here: not in the task's own coroutine");
  lua_settop(L, 0);
  return run_task_wait(L, deadline, false);
}

/* -> whether the caller can suspend */
static int in_task(lua_State *L) {
  lua_pushboolean(L, run_task_runs(L));
  return 1;
}

/* _hold_pipes() -> whether they are to be released: SIGPIPE is held back in this thread, since libuv does not care. */
static int hold_pipes(lua_State *L) {
  lua_pushboolean(L, cc_broken_pipes_hold());
  return 1;
}

static int release_pipes(lua_State *L) {
  (void)L;
  cc_broken_pipes_release();
  return 0;
}

/* _inherit_not(fd): a socket that children are not to have. */
static int inherit_not(lua_State *L) {
  cc_inherit_not((int)luaL_checkinteger(L, 1));
  return 0;
}

/* _inherit_cut(fd): the same socket, just before it is closed. */
static int inherit_cut(lua_State *L) {
  cc_inherit_cut((int)luaL_checkinteger(L, 1));
  return 0;
}

static int socket_left(lua_State *L) {
  lua_pushboolean(L, cc_socket_left(luaL_checkstring(L, 1)));
  return 1;
}

/* Gives a state that no worker made the functions that a thread's state has. */
static int adopt_coroutines(lua_State *L) {
  run_coroutine_open(L);
  run_coroutine_learn(L);
  return 0;
}

/* ==} */

static int keep_library(lua_State *L) {
  lua_pushboolean(L, cc_library_keep(luaL_checkstring(L, 1)));
  return 1;
}

void bind_open_loop(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"sleep", loop_sleep}, {"take", loop_take}, {"poll", loop_poll}, {"task", new_task}, {NULL, NULL}};
  static const luaL_Reg task_methods[] = {{"resume", task_resume}, {"state", task_state}, {"expire", task_expire},
                                          {"begun", task_begun}, {"note", task_note}, {"kill_at_end", task_kill_at_end},
                                          {"cancel", task_cancel}, {"uncancel", task_uncancel}, {"finish", task_end},
                                          {NULL, NULL}};
  static const luaL_Reg functions[] = {{"_loop", new_loop}, {"_suspend", suspend}, {"_in_task", in_task},
                                       {"_adopt_coroutines", adopt_coroutines},
                                       {"_hold_pipes", hold_pipes}, {"_release_pipes", release_pipes},
                                       {"_keep_library", keep_library},
                                       {"_inherit_not", inherit_not}, {"_inherit_cut", inherit_cut},
                                       {"_socket_left", socket_left},
                                       {NULL, NULL}};
  bind_type(L, CC_LOOP, methods, NULL);
  luaL_newmetatable(L, task_name);
  luaL_newlib(L, task_methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, task_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_setfuncs(L, functions, 0);
  bind_lazy_module(L, "async");
}
