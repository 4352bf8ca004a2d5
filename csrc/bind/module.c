/* luaopen_concur: the family at the first call of the process, then this state's module. */
#include "bind/bind.h"
#include "bind/start.h"
#include "codec/codec.h"
#include "concur.h"
#include "core/family.h"
#include "run/context.h"
#include "run/coroutine.h"
#include "run/process.h"
#include "run/require.h"
#include "run/state.h"
#include "run/thread.h"

static void open_types(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L);
  lua_setfield(L, -2, "_methods");
  bind_open_lock(L);
  bind_open_event(L);
  bind_open_queue(L);
  bind_open_connection(L);
  bind_open_watch(L);
  bind_open_dict(L);
  bind_open_list(L);
  bind_open_array(L);
  bind_open_value(L);
  bind_open_condition(L);
  bind_open_semaphore(L);
  bind_open_barrier(L);
  bind_open_rwlock(L);
  bind_open_latch(L);
  bind_open_once(L);
  bind_open_tls(L);
  bind_open_control(L);
  bind_open_thread(L);
  bind_open_pack(L);
  bind_open_system(L);
  bind_open_log(L);
  bind_open_subprocess(L);
  bind_open_future(L);
  bind_open_pool(L);
  bind_open_loop(L);
  bind_open_link(L);
  bind_open_proxy(L);
  bind_open_trace(L);
  run_push_cancelled(L);
  lua_setfield(L, -2, "CANCELLED");
}

/* Leaves the module table. */
static void open_state(lua_State *L, bool root) {
  luaL_checkstack(L, 20, NULL);
  run_context_open(L, root);
  open_types(L);
  run_context_set_module(L, -1);
  run_require_open(L);
  codec_names_open(L);
  codec_names_learn(L, "concur");
  /* after that: the default crosses as _excepthook, which scripts do not replace */
  lua_getfield(L, -1, "_excepthook");
  lua_setfield(L, -2, "excepthook");
}

/* In a thread's state the module stands ready from the start. */
static int open_in_thread(lua_State *L) {
  run_coroutine_open(L);
  run_process_open(L);
  open_state(L, false);
  run_coroutine_learn(L);
  run_process_learn(L);
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "concur");
  bind_note_paths(L);
  return 0;
}

const char *bind_open_process(void) {
  if (!cc_family_open()) return "concur: the system grants no shared memory (is the address space limited?)";
  run_state_set_opener(open_in_thread);
  return run_thread_open() ? NULL : "concur: out of shared memory";
}

CONCUR_API int luaopen_concur(lua_State *L) {
  luaL_checkversion(L);
  run_push_module(L);
  if (lua_istable(L, -1)) return 1; /* opened before, perhaps under another name */
  const char *error = bind_open_process();
  if (error != NULL) return luaL_error(L, "%s", error);
  lua_settop(L, 0);
  open_state(L, true);
  return 1;
}
