/* What concur keeps in the registry of a Lua state. */
#include "run/context.h"

#include <lauxlib.h>

#include <string.h>

#include "core/family.h"
#include "run/thread.h"
#include "run/worker.h"

static const char cancelled_key, exit_key, results_key, root_key, module_key, sentinel_key;
static _Atomic uint64_t last_root;

static int cancelled_tostring(lua_State *L) {
  lua_pushliteral(L, "concur.CANCELLED");
  return 1;
}

static int exit_tostring(lua_State *L) {
  lua_pushliteral(L, "concur.exit");
  return 1;
}

/* A value that equals only itself, with a name to print. */
static void new_mark(lua_State *L, const void *key, lua_CFunction to_string) {
  lua_newtable(L);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, to_string);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "concur.mark");
  lua_setfield(L, -2, "__name");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

/* A state closes: the finalizer that was made first is called last, and there the
** script's end waits. A worker that closes its state has finished; a thread's
** state that closes otherwise is closed by os.exit. */
static int end_state(lua_State *L) {
  bool *open = lua_touserdata(L, 1);
  if (!*open || cc_family_forked) return 0;
  *open = false;
  if (!run_worker_closing) run_thread_end_root(run_context_root(L));
  return 0;
}

static void make_sentinel(lua_State *L) {
  bool *open = lua_newuserdatauv(L, sizeof *open, 0);
  *open = false;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, end_state);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  *open = true;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &sentinel_key);
}

uint64_t run_context_new_root(void) { return atomic_fetch_add(&last_root, 1) + 1; }

void run_context_open(lua_State *L, bool root) {
  new_mark(L, &cancelled_key, cancelled_tostring);
  new_mark(L, &exit_key, exit_tostring);
  if (root) run_context_set_root(L, run_context_new_root());
  make_sentinel(L);
}

uint64_t run_context_root(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &root_key);
  uint64_t root = (uint64_t)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return root;
}

void run_context_set_root(lua_State *L, uint64_t root) {
  lua_pushinteger(L, (lua_Integer)root);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &root_key);
}

void run_push_cancelled(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &cancelled_key); }

static bool is_mark(lua_State *L, int idx, const void *key) {
  idx = lua_absindex(L, idx);
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  bool same = lua_rawequal(L, idx, -1) && !lua_isnil(L, -1);
  lua_pop(L, 1);
  return same;
}

bool run_is_cancelled(lua_State *L, int idx) { return is_mark(L, idx, &cancelled_key); }

bool run_is_exit(lua_State *L, int idx) { return is_mark(L, idx, &exit_key); }

/* {== clean-up */

static _Thread_local bool run_exiting; /* concur.exit was called; until it is taken */


_Thread_local uint32_t run_unwinding;
_Thread_local const run_resumer *run_resumers;
_Thread_local uint32_t run_raised;

/* Whether the function at that level is the __close of its first argument: how a
** handler looks that is called while an error unwinds the stack, where the debug
** interface has no name for it. */
static bool closes_argument(lua_State *L, lua_Debug *ar) {
  bool same = false;
  int top = lua_gettop(L); /* the function is on top */
  if (lua_getlocal(L, ar, 1) != NULL && luaL_getmetafield(L, -1, "__close") != LUA_TNIL)
    same = lua_rawequal(L, -1, top);
  lua_settop(L, top);
  return same;
}

static bool is_cleanup_name(const char *name) {
  return name != NULL && (strcmp(name, "close") == 0 || strcmp(name, "__close") == 0 ||
                          strcmp(name, "gc") == 0 || strcmp(name, "__gc") == 0);
}

static void cancel_hook(lua_State *L, lua_Debug *ar);

#define TASK_ASKED UINT32_C(0x40000000)

/* The latest request to cancel the calling thread; 0: none. A task, whose own requests come by no hook,
** takes no slot for this. */
static uint32_t request(void) {
  const cc_slot *home = cc_self_storage.home;
  return atomic_load(&(home != NULL ? home : cc_self_get()->slot)->cancel);
}

int run_cancelled(lua_State *L) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (lua_gethook(L) == cancel_hook) lua_sethook(L, NULL, 0, 0);
  run_raised = request();
  run_push_cancelled(L);
  return lua_error(L);
}

static bool cleans_up(lua_State *L) {
  lua_Debug ar;
  bool found = false;
  if (!lua_checkstack(L, LUA_MINSTACK)) return false;
  for (int level = 0; !found && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "nf", &ar);
    found = (strcmp(ar.namewhat, "metamethod") == 0 && is_cleanup_name(ar.name)) ||
            closes_argument(L, &ar);
    lua_pop(L, 1);
  }
  return found;
}

bool run_in_cleanup(lua_State *L) {
  if (run_unwinding > 0 || cleans_up(L)) return true;
  for (const run_resumer *r = run_resumers; r != NULL; r = r->previous)
    if (cleans_up(r->L)) return true; /* its handler has resumed this coroutine */
  return false;
}

void run_begin(lua_State *L) {
  run_unwinding = 0;
  run_resumers = NULL;
  run_raised = 0;
  run_exiting = false;
  run_rearm(L); /* it may have been cancelled before it began */
}

int run_count_unwinding(lua_State *L) {
  (void)L;
  run_unwinding++;
  return 1;
}

int run_pcall(lua_State *L, int nargs, int nresults) {
  uint32_t before = run_unwinding;
  int function = lua_gettop(L) - nargs;
  lua_pushcfunction(L, run_count_unwinding);
  lua_insert(L, function);
  int status = lua_pcall(L, nargs, nresults, function);
  run_unwinding = before;
  lua_remove(L, function);
  return status;
}

static void cancel_hook(lua_State *L, lua_Debug *ar) {
  /* a task's own comes by a hook only after a yield that is no wait: see run_task_resume */
  uint32_t asked = request() | (cc_self_storage.cancelled ? TASK_ASKED : 0);
  (void)ar;
  if (asked == 0 || asked == run_raised)
    lua_sethook(L, NULL, 0, 0);
  else if (cc_self_storage.shield == 0 && !run_in_cleanup(L))
    run_cancelled(L);
  else /* held back: later, and not always at the same place of a loop */
    lua_sethook(L, cancel_hook, LUA_MASKCOUNT, 1 + (int)(cc_clock() / 64 % 2000));
}

/* Lines are watched, too: a thread that has a hook of its own counts instructions all the
** time, and may write back the count that it has read before this one was set. */
void run_arm(lua_State *L) { lua_sethook(L, cancel_hook, LUA_MASKCOUNT | LUA_MASKLINE, 1); }

bool run_is_armed(lua_State *L) { return lua_gethook(L) == cancel_hook; }

/* ==} {== exit */

/* Called at each instruction once the thread has called concur.exit: whoever
** caught that is stopped, unless it is cleaning up or shielded. */
static void exit_again(lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (cc_self_storage.shield > 0 || run_in_cleanup(L)) return;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &exit_key);
  lua_error(L);
}

int run_exit(lua_State *L, int n) {
  lua_createtable(L, n, 1);
  int results = lua_gettop(L);
  for (int i = 1; i <= n; i++) {
    lua_pushvalue(L, results - n + i - 1);
    lua_rawseti(L, results, i);
  }
  lua_pushinteger(L, n);
  lua_setfield(L, results, "n");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &results_key);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *m = lua_tothread(L, -1);
  run_exiting = true;
  lua_sethook(L, exit_again, LUA_MASKCOUNT, 1);
  if (m != L) lua_sethook(m, exit_again, LUA_MASKCOUNT, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &exit_key);
  return lua_error(L);
}

void run_rearm(lua_State *L) {
  if (cc_unlikely(run_exiting))
    lua_sethook(L, exit_again, LUA_MASKCOUNT, 1);
  else if (cc_unlikely(request() != run_raised))
    run_arm(L);
}

int run_take_exit(lua_State *L, int idx) {
  if (!run_exiting) return -1;
  run_exiting = false;
  lua_sethook(L, NULL, 0, 0);
  lua_settop(L, idx);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &results_key);
  int results = lua_gettop(L);
  lua_getfield(L, results, "n");
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  luaL_checkstack(L, n + 1, "too many results");
  for (int i = 1; i <= n; i++) lua_rawgeti(L, results, i);
  lua_remove(L, results);
  return n;
}

/* ==} */

void run_push_module(lua_State *L) { lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key); }

void run_context_set_module(lua_State *L, int idx) {
  lua_pushvalue(L, idx);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
}
