/* Functions that belong to no type: time, processors, printing, information. */
#include <stdio.h>
#include <string.h>

#include "bind/bind.h"
#include "concur.h"
#include "core/family.h"
#include "core/output.h"
#include "run/task.h"
#include "run/thread.h"

static int sleep_for(lua_State *L) {
  int64_t span = bind_seconds(L, 1);
  int64_t deadline = span == CC_FOREVER ? CC_FOREVER : cc_clock() + span;
  if (run_task_runs(L)) {
    lua_settop(L, 0);
    return run_task_wait(L, deadline, true);
  }
  bind_wait wait;
  cc_self *me = bind_enter(L, &wait);
  while (bind_again(L, &wait, cc_sleep(me, deadline))) continue;
  return 0;
}

static int now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)cc_clock() * 1e-9);
  return 1;
}

static int yield(lua_State *L) {
  (void)L;
  cc_thread_yield();
  return 0;
}

static int cpu_count(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_cpu_count());
  return 1;
}

/* What the stream holds back goes first, then the line in one piece, while stdio holds the stream's lock. */
static void write_line(const char *line, size_t size) {
  flockfile(stdout);
  int fd = fflush(stdout) == 0 ? fileno(stdout) : -1;
  if (fd < 0 || cc_output_write(fd, line, size, false) != 0) {
    fwrite(line, 1, size, stdout); /* no descriptor, or trouble with it: which the stream then knows of, too */
    fflush(stdout);
  }
  funlockfile(stdout);
}

static int print(lua_State *L) {
  int n = lua_gettop(L);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (int i = 1; i <= n; i++) {
    if (i > 1) luaL_addchar(&b, '\t');
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&b);
  }
  luaL_addchar(&b, '\n');
  luaL_pushresult(&b);
  size_t size;
  const char *line = lua_tolstring(L, -1, &size);
  write_line(line, size);
  return 0;
}

static int type(lua_State *L) {
  luaL_checkany(L, 1);
  codec_handle *h = handle_test(L, 1);
  if (h != NULL) {
    lua_pushstring(L, cc_kind_name((cc_kind)h->kind));
    return 1;
  }
  /* an instance of a thread class is a table that knows its handle */
  if (lua_type(L, 1) >= LUA_TTABLE && luaL_getmetafield(L, 1, "__concur") != LUA_TNIL) return 1;
  lua_pushnil(L);
  return 1;
}

static void set_integer(lua_State *L, const char *name, uint64_t n) {
  lua_pushinteger(L, (lua_Integer)n);
  lua_setfield(L, -2, name);
}

static uint64_t count_processes(void) {
  uint64_t n = 0;
  for (size_t i = 0; i < CC_PROCESS_LIMIT; i++) n += atomic_load(&cc_family_root->processes[i].pid) != 0;
  return n;
}

static const char *platform(void) {
#if defined(__linux__)
  return "linux";
#elif defined(__APPLE__)
  return "macos";
#else
  return "posix";
#endif
}

static int info(lua_State *L) {
  size_t n = 0;
  uint64_t alive = 0;
  cc_arena_trim();
  run_thread **list = run_thread_list(&n);
  for (size_t i = 0; list != NULL && i < n; i++) {
    alive += run_thread_alive(list[i]) && list[i]->object.kind != CC_PROCESS;
    cc_object_release(&list[i]->object);
  }
  run_thread_list_free(list);
  lua_newtable(L);
  lua_pushliteral(L, CONCUR_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, platform());
  lua_setfield(L, -2, "platform");
  set_integer(L, "threads", alive);
  set_integer(L, "processes", count_processes());
  set_integer(L, "shared_memory", cc_arena_bytes());
  set_integer(L, "shared_reserved", cc_family_root->size);
  set_integer(L, "shared_resident", cc_arena_resident());
  lua_newtable(L);
  for (int kind = 1; kind < CC_KINDS; kind++)
    set_integer(L, cc_kind_name((cc_kind)kind), cc_object_live((cc_kind)kind));
  lua_setfield(L, -2, "objects");
  return 1;
}

#if defined(CC_DEBUG)
/* For specs of debug builds: makes the n-th allocation in shared memory fail. */
static int fail_at(lua_State *L) {
  cc_arena_fail_at((uint64_t)luaL_checkinteger(L, 1));
  return 0;
}

/* The same: the process kills itself at the n-th crash point; how many there were before. */
static int crash_at(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_crash_at((uint64_t)luaL_checkinteger(L, 1)));
  return 1;
}
#endif

void bind_open_system(lua_State *L) {
  static const luaL_Reg functions[] = {{"sleep", sleep_for},
                                       {"now", now},
                                       {"yield", yield},
                                       {"cpu_count", cpu_count},
                                       {"print", print},
                                       {"type", type},
                                       {"info", info},
#if defined(CC_DEBUG)
                                       {"_fail_at", fail_at},
                                       {"_crash_at", crash_at},
#endif
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
