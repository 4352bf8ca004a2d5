/* What the programs of spec/embed_spec.lua have in common. */
#ifndef EMBED_H
#define EMBED_H

#include <concur.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <unistd.h>

#define CHECK(x) ((x) ? (void)0 : fail(#x, __FILE__, __LINE__))
static _Noreturn void fail(const char *what, const char *file, int line) {
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  fflush(stderr);
  _Exit(1);
}

static inline concur_thread *start(const concur_start *s) {
  concur_thread *t;
  char message[300];
  int status = concur_thread_start(s, &t, message, sizeof message);
  if (status != CONCUR_OK) {
    fprintf(stderr, "%s: %s\n", concur_status_text(status), message);
    fail("concur_thread_start", __FILE__, __LINE__);
  }
  return t;
}

static inline concur_item integer(int64_t n) { return (concur_item){.type = CONCUR_INTEGER, .as.integer = n}; }

static inline concur_item string(const char *s) {
  return (concur_item){.type = CONCUR_STRING, .as.string = {s, strlen(s)}};
}

static inline concur_item object(void *o) { return (concur_item){.type = CONCUR_OBJECT, .as.object = o}; }

static inline int is_string(const concur_item *item, const char *s) {
  return item->type == CONCUR_STRING && item->as.string.size == strlen(s) &&
         memcmp(item->as.string.bytes, s, strlen(s)) == 0;
}

static inline lua_State *open_state(void) {
  lua_State *L = luaL_newstate();
  CHECK(L != NULL);
  luaL_openlibs(L);
  luaL_requiref(L, "concur", luaopen_concur, 1);
  lua_pop(L, 1);
  return L;
}

static inline void run(lua_State *L, const char *script) {
  if (luaL_dostring(L, script) == LUA_OK) return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  fail(script, __FILE__, __LINE__);
}

/* {== what a program does */

typedef struct mode {
  const char *name; /* NULL ends a list */
  void (*f)(void);
} mode;

static int watched; /* by a sanitizer */

static inline int run_mode(int argc, char **argv, const mode *m) {
  watched = argc > 2;
  CHECK(concur_version() == CONCUR_VERSION_NUMBER);
  CHECK(concur_init() == CONCUR_OK && concur_init() == CONCUR_OK);
  while (m->name != NULL && (argc < 2 || strcmp(argv[1], m->name) != 0)) m++;
  CHECK(m->name != NULL);
  m->f();
  puts("ok");
  return 0;
}

/* ==} */

#endif
