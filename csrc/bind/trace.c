/* What lua/concur/trace.lua is made of: start and stop of a trace, and its events. */
#include "core/trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bind/bind.h"
#include "core/family.h"
#include "run/thread.h"

static void name_process(cc_self *me, uint32_t entry) {
  char text[24];
  const cc_process *p = &cc_family_root->processes[entry];
  int64_t pid = atomic_load(&p->pid);
  if (pid <= 0) return;
  snprintf(text, sizeof text, entry == 0 ? "MainProcess" : "Process %lld", (long long)pid);
  cc_trace_name(me, CC_TRACE_PROCESS, 0, (uint32_t)pid, text);
}

/* Threads and processes that are there already have a name in the trace, too. */
static void name_all(cc_self *me) {
  cc_family *f = cc_family_root;
  uint32_t top = atomic_load(&f->slot_seen);
  for (uint32_t i = 0; i < CC_PROCESS_LIMIT; i++) name_process(me, i);
  for (uint32_t i = 0; i < top; i++) {
    cc_slot *s = &f->slots[i];
    uint32_t entry = atomic_load(&s->process);
    if (entry >= CC_PROCESS_LIMIT || atomic_load(&s->loop) != NULL) continue;
    cc_parcel *process, *name = run_thread_name_of(me, atomic_load(&s->ident), &process);
    if (name != NULL)
      cc_trace_name(me, CC_TRACE_THREAD, atomic_load(&s->ident), (uint32_t)atomic_load(&f->processes[entry].pid),
                    (const char *)name->bytes);
    cc_parcel_release(name);
    cc_parcel_release(process);
  }
}

static int trace_start(lua_State *L) {
  cc_self *me = cc_self_get();
  int error = cc_trace_start(me, luaL_checkinteger(L, 1), luaL_checkstring(L, 2));
  if (error == EALREADY) {
    lua_pushboolean(L, 0);
    return 1;
  }
  if (error != 0) return luaL_error(L, "cannot start the trace: %s", cc_error_text(error));
  name_all(me);
  lua_pushboolean(L, 1);
  return 1;
}

/* The right to read the last trace, which nobody can begin another before it is given back. */
static int reading_end(lua_State *L) {
  bool *reading = lua_touserdata(L, 1);
  if (*reading) cc_trace_done();
  *reading = false;
  return 0;
}

static bool *new_reading(lua_State *L) {
  static const luaL_Reg methods[] = {{"__gc", reading_end}, {"__close", reading_end}, {NULL, NULL}};
  bool *reading = lua_newuserdatauv(L, sizeof *reading, 0);
  *reading = false;
  luaL_newlib(L, methods);
  lua_setmetatable(L, -2);
  return reading;
}

/* Returns what is to be closed when it has been read, the path, start and end in nanoseconds, and how many
** events were left out; nil when none went on. */
static int trace_stop(lua_State *L) {
  const cc_trace *t = &cc_family_root->trace;
  char path[CC_TRACE_PATH];
  bool *reading = new_reading(L);
  if (!cc_trace_stop(cc_self_get(), path)) return 0;
  *reading = true;
  lua_pushstring(L, path);
  lua_pushinteger(L, atomic_load(&t->start));
  lua_pushinteger(L, atomic_load(&t->end));
  lua_pushinteger(L, (lua_Integer)atomic_load(&t->dropped));
  return 5;
}

/* kind, time, pid, thread's ident; then its text, or span, type, id and number. */
static int next_event(lua_State *L) {
  static const char *const kinds[] = {"thread", "process", "end", "wait", "hold", "task", "depth"};
  const cc_trace_event *e = cc_trace_next(lua_touserdata(L, lua_upvalueindex(1)));
  if (e == NULL || e->kind >= sizeof kinds / sizeof *kinds) return 0;
  lua_pushstring(L, kinds[e->kind]);
  lua_pushinteger(L, e->time);
  lua_pushinteger(L, e->pid);
  lua_pushinteger(L, (lua_Integer)e->ident);
  if (e->kind <= CC_TRACE_PROCESS) {
    lua_pushstring(L, e->u.text);
    return 5;
  }
  lua_pushinteger(L, e->u.s.span);
  if (e->of != 0)
    lua_pushstring(L, cc_kind_name((cc_kind)e->of));
  else
    lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)e->u.s.object);
  lua_pushinteger(L, e->u.s.number);
  return 8;
}

static int trace_events(lua_State *L) {
  memset(lua_newuserdatauv(L, sizeof(cc_trace_reader), 0), 0, sizeof(cc_trace_reader));
  lua_pushcclosure(L, next_event, 1);
  return 1;
}

void bind_open_trace(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"_trace_start", trace_start}, {"_trace_stop", trace_stop}, {"_trace_events", trace_events}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  bind_lazy_module(L, "trace");
}
