/*
** Threads that run Lua code for a host. The code is loaded, and the thread made as a script would, in a Lua
** state that lives as long as that.
*/
#include "run/thread.h"

#include <lauxlib.h>

#include <stdio.h>
#include <string.h>

#include "codec/handle.h"
#include "host/host.h"
#include "run/context.h"
#include "run/process.h"
#include "run/state.h"
#include "run/worker.h"

static run_thread *core(concur_thread *t) { return (run_thread *)(void *)t; }

/* {== start */

typedef struct beginning {
  const concur_start *start;
  cc_object *thread; /* one reference once it is started */
  int status;        /* when it raises */
} beginning;

/* The code itself is its name: a string of Lua, which ends with a zero. */
static const char *push_name(lua_State *L, const concur_start *s) {
  if (s->chunkname != NULL) return lua_pushstring(L, s->chunkname);
  return s->size != 0 ? lua_pushlstring(L, s->code, s->size) : lua_pushstring(L, s->code);
}

static void load(lua_State *L, beginning *b) {
  const concur_start *s = b->start;
  int result = LUA_OK;
  if (s->file != NULL) {
    result = luaL_loadfilex(L, s->file, NULL);
  } else if (s->code != NULL) {
    const char *name = push_name(L, s);
    result = luaL_loadbufferx(L, s->code, s->size != 0 ? s->size : strlen(s->code), name, NULL);
    lua_remove(L, -2);
  } else {
    luaL_error(L, "neither a file nor code is given");
  }
  if (result == LUA_ERRMEM) b->status = CONCUR_NO_MEMORY;
  if (result != LUA_OK) lua_error(L);
}

static void push_arguments(lua_State *L, const concur_start *s) {
  if (s->nargs > INT32_MAX) luaL_error(L, "too many arguments for a thread");
  lua_createtable(L, (int)s->nargs, 1);
  for (size_t i = 0; i < s->nargs; i++) {
    concur_item_push(L, &s->args[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushinteger(L, (lua_Integer)s->nargs);
  lua_setfield(L, -2, "n");
}

static int begin(lua_State *L) {
  beginning *b = lua_touserdata(L, 1);
  const concur_start *s = b->start;
  b->status = CONCUR_FAILED;
  run_push_module(L);
  lua_getfield(L, -1, s->process ? "process" : "thread");
  lua_newtable(L);
  load(L, b);
  lua_setfield(L, -2, "target");
  b->status = CONCUR_SYSTEM;
  push_arguments(L, s);
  lua_setfield(L, -2, "args");
  lua_pushboolean(L, s->daemon);
  lua_setfield(L, -2, "daemon");
  if (s->name != NULL) {
    lua_pushstring(L, s->name);
    lua_setfield(L, -2, "name");
  }
  if (s->stack != 0 && !s->process) {
    lua_pushinteger(L, (lua_Integer)s->stack);
    lua_setfield(L, -2, "stack");
  }
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "start");
  lua_pushvalue(L, -2);
  lua_call(L, 1, 0);
  b->thread = handle_test(L, -1)->object;
  cc_object_retain(b->thread);
  return 0;
}

static void tell(char *message, size_t size, const char *text) {
  if (message != NULL && size > 0) snprintf(message, size, "%s", text != NULL ? text : "error without a text");
}

int concur_thread_start(const concur_start *s, concur_thread **thread, char *message, size_t size) {
  beginning b = {s, NULL, CONCUR_NO_MEMORY};
  *thread = NULL;
  run_state *state = host_ready() ? run_state_new() : NULL;
  if (state == NULL) {
    tell(message, size, "not enough memory");
    return CONCUR_NO_MEMORY;
  }
  lua_State *L = run_state_lua(state);
  lua_pushcfunction(L, begin);
  lua_pushlightuserdata(L, &b);
  int result = lua_pcall(L, 1, 0, 0);
  if (result != LUA_OK) tell(message, size, lua_tostring(L, -1));
  bool was = run_worker_closing;
  run_worker_closing = true; /* it belongs to no thread */
  run_state_free(state);
  run_worker_closing = was;
  if (result == LUA_ERRMEM) return CONCUR_NO_MEMORY;
  if (result != LUA_OK) return b.status;
  *thread = host_own(b.thread);
  return CONCUR_OK;
}

void concur_thread_spawn(lua_State *L, int nargs) {
  luaL_checkstack(L, 3, NULL);
  run_push_module(L);
  if (!lua_istable(L, -1)) luaL_error(L, "concur is not opened in this state");
  lua_getfield(L, -1, "spawn");
  lua_remove(L, -2);
  lua_insert(L, -nargs - 2);
  lua_call(L, nargs + 1, 1);
}

/* ==} {== end */

static void receive(run_thread *t, concur_item *item) {
  cc_parcel *p;
  char text[64] = "out of shared memory", signal[32];
  int code = 0;
  cc_guard_lock(&t->object.guard, cc_self_word());
  p = t->result;
  if (p != NULL) cc_parcel_take(p);
  cc_guard_unlock(&t->object.guard);
  if (p != NULL) {
    host_stored(item)->kind = CC_ITEM_PARCEL;
    host_stored(item)->u.parcel = p;
    host_receive(item, &t->object);
    return;
  }
  if (atomic_load(&t->status) == RUN_DONE) return;
  if (t->object.kind == CC_PROCESS && run_process_exitcode(t, &code)) {
    if (code < 0) {
      cc_signal_name(-code, signal, sizeof signal);
      snprintf(text, sizeof text, "killed by signal %d (%s)", -code, signal);
    } else {
      snprintf(text, sizeof text, "exited with code %d", code);
    }
  }
  host_receive_text(item, atomic_load(&t->lost) ? "its process has ended" : text);
}

int concur_thread_join(concur_thread *thread, concur_item *item, double timeout) {
  run_thread *t = core(thread);
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  if (item != NULL) host_receive_nothing(item);
  if (t == run_process_myself()) return CONCUR_MISUSE;
  host_await(outcome, run_thread_join(cc_self_get(), t, deadline));
  if (outcome != CC_OK) return host_status(outcome);
  if (atomic_load(&t->status) == RUN_CANCELLED) return CONCUR_CANCELLED;
  if (item != NULL) receive(t, item);
  return atomic_load(&t->status) == RUN_DONE ? CONCUR_OK : CONCUR_FAILED;
}

int concur_thread_alive(concur_thread *t) { return run_thread_alive(core(t)); }

int concur_thread_cancel(concur_thread *t) { return run_thread_cancel(cc_self_get(), core(t)); }

/* ==} */
