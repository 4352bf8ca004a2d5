/* Making, closing and renewing Lua states. */
#include "run/state.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
};

static _Atomic(lua_CFunction) opener;

void run_state_set_opener(lua_CFunction open) { atomic_store(&opener, open); }

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

static bool make(run_state *s) {
#if defined(NO_HEAP)
  s->L = luaL_newstate();
#else
  if (s->heap == NULL && (s->heap = run_heap_new()) == NULL) return false;
  s->L = lua_newstate(run_heap_alloc, s->heap);
#endif
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
#if !defined(NO_HEAP)
  if (s->image != NULL) {
    run_heap_restore(s->heap, s->image);
    s->L = s->fresh;
    return run_protected(s->L, seed);
  }
  run_heap_free(s->heap); /* its free lists are in disorder: start clean */
  s->heap = NULL;
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
  if (s->heap != NULL) run_heap_free(s->heap);
  free(s->image);
  free(s);
}
