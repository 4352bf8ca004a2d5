/*
** Bind: what the userdata types have in common: checking self, timeouts, turning
** outcomes into Lua values or errors.
*/
#ifndef BIND_H
#define BIND_H

#include <lauxlib.h>
#include <lua.h>

#include "codec/handle.h"
#include "core/parcel.h"
#include "core/park.h"

/* Prepares the process, once. What failed, or NULL. */
const char *bind_open_process(void);

/* {== checking */

/* The slow way: for an instance of a thread class gives the object of its handle, and puts
** that at idx; raises for what is no live handle of that kind. */
cc_object *bind_bad_handle(lua_State *L, int idx, cc_kind kind);

/* A task's first use of an object: raises when no slot is free, which other tasks of its thread may have. */
void bind_take_slot(lua_State *L);

/* The handle at idx, or NULL; the caller has a slot then. */
static inline codec_handle *bind_handle(lua_State *L, int idx) {
  if (cc_unlikely(cc_self_storage.slot == NULL)) bind_take_slot(L);
  return handle_test(L, idx);
}

static inline cc_object *bind_object(lua_State *L, int idx, cc_kind kind) {
  codec_handle *h = bind_handle(L, idx);
  if (cc_likely(h != NULL && h->kind == (uint32_t)kind && h->object != NULL)) return h->object;
  return bind_bad_handle(L, idx, kind);
}

/* The handle at idx, an instance of a thread class being replaced by it; NULL: none. */
codec_handle *bind_any_handle(lua_State *L, int idx);

/* Raises when o is a connection that cannot receive. */
void bind_connection_check(lua_State *L, cc_object *o);

/* Pushes this state's table from instances of thread classes to their handles. */
void bind_push_instances(lua_State *L);

/* The deadline that the timeout at idx means: absent, nil, true or math.huge are
** for ever, 0 and false do not wait. */
int64_t bind_timeout(lua_State *L, int idx);

static inline int64_t bind_deadline(lua_State *L, int idx) {
  return lua_isnoneornil(L, idx) ? CC_FOREVER : bind_timeout(L, idx);
}

/* The same of an option, whose value is on top of the stack. */
int64_t bind_deadline_option(lua_State *L, const char *name);

/* The span of seconds at idx as nanoseconds, CC_FOREVER for math.huge; raises for
** what is no number, negative or NaN. */
int64_t bind_seconds(lua_State *L, int idx);

/* ==} {== blocking */

typedef struct bind_wait {
  lua_State *L;
  bool shielded; /* waits on in a clean-up, in spite of a cancellation */
  lua_Hook hook; /* of the main coroutine when the call began */
  bool suspends; /* bind_enter_task began it, in a task */
  lua_KFunction again; /* called when the task goes on, with `context`; NULL: the C function, from its beginning */
  lua_KContext context;
} bind_wait;

/* Prepares the calling thread to notice signals while it waits. `wait` lives as
** long as the call. */
cc_self *bind_enter(lua_State *L, bind_wait *wait);

/* The same for a call that can be suspended in a task of an event loop (run/task.h): then bind_again
** yields, and when the task goes on, the C function is called once more, with its stack as it
** was. bind_resumes is true then, until the wait in which it was has been gone on with; there
** it must come without doing again what is done already. */
cc_self *bind_enter_task(lua_State *L, bind_wait *wait);

static inline bool bind_resumes(void) { return cc_unlikely(cc_self_storage.suspended); }

/* The same, but when the task goes on `again` is called in the C function's stead. It may be called only while
** nothing is between the C function's beginning and this wait that C's own stack keeps. */
cc_self *bind_enter_task_then(lua_State *L, bind_wait *wait, lua_KFunction again, lua_KContext context);

/* As bind_enter, but never runs Lua code; false when there is a hook that should run. */
bool bind_enter_quietly(lua_State *L, bind_wait *wait);

/* The same again, after something that may have run Lua code, and with it another call of ours. */
void bind_rearm(cc_self *me, bind_wait *wait);

/* What bind_enter set is valid no longer; bind_again does that when it returns false or
** raises. */
void bind_leave(cc_self *me);

/* True when the call is to be made again: a signal came and its hook returned, or
** a cancellation is held back by a clean-up. Raises for a cancellation, a
** deadlock, lack of memory, or what the hook raises. */
bool bind_again(lua_State *L, bind_wait *wait, cc_outcome outcome);

/* Raises what an outcome means that is neither success nor an expected failure. */
void bind_raise(lua_State *L, cc_outcome outcome);

/* Where the Lua code is that made the call: "file:line", or "". */
void bind_place(lua_State *L, char *text, size_t size);

/* ==} {== making types */

/* Makes the metatable of a kind, with the module table on top: methods in __index, metamethods beside; the
** common ones (id, __gc, __eq, __name, __tostring unless given) come by themselves. */
void bind_type(lua_State *L, cc_kind kind, const luaL_Reg *methods, const luaL_Reg *metamethods);

/* The same for a kind that is indexed: `index` is called for everything, with the methods in its
** first upvalue. */
void bind_type_indexed(lua_State *L, cc_kind kind, const luaL_Reg *methods,
                       const luaL_Reg *metamethods, lua_CFunction index);

/* What __pairs returns for a copy of self, which f makes as a table. */
int bind_pairs(lua_State *L, lua_CFunction f);

/* Sets the object of a fresh handle on top; raises when it is NULL. */
int bind_made(lua_State *L, codec_handle *h, cc_object *o);

/* Pushes "concur.<kind>: <address> (<extra>)". */
int bind_tostring(lua_State *L, const char *extra);

/* Whether self is a handle that was dropped already: a finalizer may print it. */
static inline bool bind_dropped(lua_State *L) {
  codec_handle *h = handle_test(L, 1);
  return h != NULL && h->object == NULL;
}

/* Calls the function at index 2 with what follows, self at index 1 being acquired:
** __close releases it in the end, whatever happens. */
int bind_with(lua_State *L);

/* Tells the collector, now and then, of the shared memory that L's handles keep and that it
** does not see. May run finalizers. */
void bind_owe_bytes(lua_State *L, size_t bytes);

/* Adds the methods by which others' event loops poll an object of that kind to the methods
** on top, if it can be watched. */
void bind_add_poll(lua_State *L, cc_kind kind);

/* Sets that field of the module table on top to a table that fetches concur.<name> when something
** of it is first wanted. */
void bind_lazy_module(lua_State *L, const char *name);

/* ==} {== openers: each registers its type and puts its functions in the
**        module table on top */

void bind_open_lock(lua_State *L);
void bind_open_event(lua_State *L);
void bind_open_queue(lua_State *L);
void bind_open_dict(lua_State *L);
void bind_open_list(lua_State *L);
void bind_open_array(lua_State *L);
void bind_open_watch(lua_State *L);
void bind_open_connection(lua_State *L);
void bind_open_value(lua_State *L);
void bind_open_condition(lua_State *L);
void bind_open_semaphore(lua_State *L);
void bind_open_barrier(lua_State *L);
void bind_open_rwlock(lua_State *L);
void bind_open_latch(lua_State *L);
void bind_open_once(lua_State *L);
void bind_open_tls(lua_State *L);
void bind_open_control(lua_State *L);
void bind_open_thread(lua_State *L);
void bind_open_pack(lua_State *L);
void bind_open_system(lua_State *L);
void bind_open_log(lua_State *L);
void bind_open_subprocess(lua_State *L);
void bind_open_future(lua_State *L);
void bind_open_pool(lua_State *L);
void bind_open_loop(lua_State *L);
void bind_open_link(lua_State *L);
void bind_open_proxy(lua_State *L);
void bind_open_trace(lua_State *L);

/* ==} */

#endif
