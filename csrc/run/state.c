/* Making, closing and renewing Lua states. */
#include "run/state.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "os/os.h"
#include "run/heap.h"

/* Under AddressSanitizer each block shall be malloc's, so that it is watched. */
#if defined(__SANITIZE_ADDRESS__)
#define NO_HEAP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_HEAP 1
#endif
#endif

struct run_state {
  lua_State *L;   /* NULL when closed */
  run_heap *heap; /* NULL: from malloc */
  void *image;    /* of the heap when the state was new; NULL before the first renewal */
  lua_State *fresh; /* the state in the image */
  int warning;    /* lua_setwarnf: off, on, or in the middle of a message */
  run_allocator host; /* whose heap that is; alloc NULL: ours */
};

static _Atomic(lua_CFunction) opener;

void run_state_set_opener(lua_CFunction open) { atomic_store(&opener, open); }

/* {== what hosts set */

typedef struct preparer {
  lua_CFunction f; /* NULL: nothing */
  void *arg;
  const struct preparer *next; /* of all that there were */
} preparer;

/* Never change: another takes their place, and they stay, since others may still read them. */
static _Atomic(const preparer *) hook, hooks;
static _Atomic(const run_allocator *) allocator;

bool run_state_set_hook(lua_CFunction f, void *arg) {
  const preparer *known = atomic_load(&hooks);
  while (known != NULL && (known->f != f || known->arg != arg)) known = known->next;
  if (known == NULL) {
    preparer *p = malloc(sizeof *p);
    if (p == NULL) return false;
    *p = (preparer){f, arg, atomic_load(&hooks)};
    while (!atomic_compare_exchange_weak(&hooks, &p->next, p)) continue;
    known = p;
  }
  atomic_store(&hook, known);
  return true;
}

bool run_state_set_allocator(const run_allocator *a) {
  run_allocator *copy = malloc(sizeof *copy);
  if (copy == NULL) return false;
  *copy = *a;
  atomic_store(&allocator, copy);
  return true;
}

/* The modules that the hook has registered can be referred to by name from now on. */
static void learn_modules(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  int loaded = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, loaded)) {
    if (lua_type(L, -2) == LUA_TSTRING) codec_names_learn(L, lua_tostring(L, -2));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

void run_state_prepare(lua_State *L) {
  const preparer *p = atomic_load_explicit(&hook, memory_order_acquire);
  if (cc_likely(p == NULL) || p->f == NULL) return;
  lua_pushcfunction(L, p->f);
  lua_pushlightuserdata(L, p->arg);
  lua_call(L, 1, 0);
  learn_modules(L);
}

/* ==} */

lua_State *run_state_lua(run_state *s) { return s->L; }

bool run_state_freeze(run_state *s) { return s->heap == NULL || run_heap_freeze(s->heap); }

void run_state_thaw(run_state *s) {
  if (s->heap != NULL) run_heap_thaw(s->heap);
}

/* {== what luaL_newstate does */

enum { WARN_OFF, WARN_ON, WARN_MIDDLE };

static void warn(void *ud, const char *message, int to_be_continued) {
  run_state *s = ud;
  if (s->warning != WARN_MIDDLE && !to_be_continued && message[0] == '@') {
    if (strcmp(message, "@off") == 0)
      s->warning = WARN_OFF;
    else if (strcmp(message, "@on") == 0)
      s->warning = WARN_ON;
    return;
  }
  if (s->warning == WARN_OFF) return;
  if (s->warning == WARN_ON) fputs("Lua warning: ", stderr);
  fputs(message, stderr);
  if (!to_be_continued) fputc('\n', stderr);
  s->warning = to_be_continued ? WARN_MIDDLE : WARN_ON;
}

/* ==} */

static int open_all(lua_State *L) {
  luaL_openlibs(L);
  lua_pushcfunction(L, atomic_load(&opener));
  lua_call(L, 0, 0);
  return 0;
}

/* Two states made within a second at the same address would get the same
** sequence from Lua's own seed. */
static int seed(lua_State *L) {
  lua_Integer n[2];
  cc_random(n, sizeof n);
  lua_getglobal(L, LUA_MATHLIBNAME);
  lua_getfield(L, -1, "randomseed");
  lua_pushinteger(L, n[0]);
  lua_pushinteger(L, n[1]);
  lua_call(L, 2, 0);
  return 0;
}

static bool run_protected(lua_State *L, lua_CFunction f) {
  lua_pushcfunction(L, f);
  bool ok = lua_pcall(L, 0, 0, 0) == LUA_OK;
  if (!ok) lua_pop(L, 1);
  return ok;
}

static void drop_heap(run_state *s) {
  run_heap *h = s->heap;
  s->heap = NULL;
  if (h == NULL) return;
  if (s->host.alloc != NULL && s->host.close != NULL) s->host.close(run_heap_host(h), s->host.arg);
  run_heap_free(h);
}

static bool open_host_heap(run_state *s) {
  void *ud = s->host.open != NULL ? s->host.open(s->host.arg) : s->host.arg;
  if (ud == NULL && s->host.open != NULL) return false;
  s->heap = run_heap_of_host(s->host.alloc, ud);
  if (s->heap != NULL) return true;
  if (s->host.close != NULL) s->host.close(ud, s->host.arg);
  return false;
}

static bool make(run_state *s) {
  const run_allocator *a = atomic_load_explicit(&allocator, memory_order_acquire);
  if (s->heap == NULL && a != NULL) s->host = *a;
  if (s->host.alloc != NULL) {
    if (s->heap == NULL && !open_host_heap(s)) return false;
    s->L = lua_newstate(run_heap_alloc, s->heap);
  } else {
#if defined(NO_HEAP)
    s->L = luaL_newstate();
#else
    if (s->heap == NULL && (s->heap = run_heap_new()) == NULL) return false;
    s->L = lua_newstate(run_heap_alloc, s->heap);
#endif
  }
  if (s->L == NULL) return false;
  s->warning = WARN_OFF;
  lua_setwarnf(s->L, warn, s);
  if (run_protected(s->L, open_all)) return true;
  run_state_close(s);
  return false;
}

run_state *run_state_new(void) {
  run_state *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  if (make(s) && run_protected(s->L, seed)) return s;
  run_state_free(s);
  return NULL;
}

void run_state_end(run_state *s) {
  if (s->heap != NULL) run_heap_end(s->heap);
  run_state_close(s);
}

bool run_state_inherit(run_state *s) { return run_protected(s->L, seed); }

void run_state_close(run_state *s) {
  if (s->L != NULL) lua_close(s->L);
  s->L = NULL;
}

bool run_state_renew(run_state *s) {
  s->warning = WARN_OFF;
  if (s->host.alloc != NULL) {
    drop_heap(s);
    return make(s) && run_protected(s->L, seed);
  }
#if !defined(NO_HEAP)
  if (s->image != NULL) {
    run_heap_restore(s->heap, s->image);
    s->L = s->fresh;
    return run_protected(s->L, seed);
  }
  drop_heap(s); /* its free lists are in disorder: start clean */
#endif
  if (!make(s)) return false;
#if !defined(NO_HEAP)
  if (run_heap_is_plain(s->heap)) {
    s->image = run_heap_save(s->heap);
    s->fresh = s->L;
  } else {
    run_heap_enlarge(s->heap); /* the next one will fit */
  }
#endif
  return run_protected(s->L, seed);
}

void run_state_free(run_state *s) {
  run_state_close(s);
  drop_heap(s);
  free(s->image);
  free(s);
}
