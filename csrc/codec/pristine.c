/*
** Pristine: what the standard libraries look like in a fresh state, found out
** once per process by making one. C functions without upvalues are the same in
** all states: a hash from pointer to path. The rest (tables, files, closures)
** differs: a list of paths, to be looked up in each state. So what a script
** added or replaced is not taken for a library's.
*/
#include <lauxlib.h>
#include <lualib.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "codec/names.h"

typedef struct function_path {
  lua_CFunction function; /* NULL: a free entry */
  const char *path;
  size_t size;
} function_path;

typedef struct pristine {
  function_path *functions; /* open addressing; never full */
  size_t mask;
  pristine_value *values;
  size_t nvalues;
  char *text; /* all paths */
} pristine;

/* Set once; never freed, since any thread may use it until the process ends.
** Acquire: what it points to was written before it was set. */
static _Atomic(pristine *) shared;

static const char *const modules[] = {"coroutine", "debug", "io",   "math", "os",
                                      "string",    "table", "utf8", "_G",   "package"};

bool pristine_module(const char *name) {
  size_t i;
  for (i = 0; i < sizeof modules / sizeof *modules; i++)
    if (strcmp(modules[i], name) == 0) return true;
  return false;
}

/* {== the hash of functions */

/* Function pointers have no portable conversion to integers; their bytes do. */
static size_t slot(const pristine *p, lua_CFunction f) {
  uint64_t bits = 0;
  size_t i;
  memcpy(&bits, &f, sizeof f < sizeof bits ? sizeof f : sizeof bits);
  i = (size_t)((bits >> 4) * 0x9E3779B97F4A7C15u >> 32) & p->mask;
  while (p->functions[i].function != NULL && p->functions[i].function != f) i = (i + 1) & p->mask;
  return i;
}

const char *pristine_function(lua_CFunction f, size_t *size) {
  const pristine *p = atomic_load_explicit(&shared, memory_order_acquire);
  const function_path *e;
  if (p == NULL || f == NULL) return NULL;
  e = &p->functions[slot(p, f)];
  if (e->function == NULL) return NULL;
  *size = e->size;
  return e->path;
}

/* ==} {== making it */

/* Pushes a table from the values of the libraries to their paths. Names like
** "string.format" come before "_G.string.format". */
static void push_all_names(lua_State *L) {
  const int names = lua_gettop(L) + 1, queue = names + 1;
  size_t i;
  lua_newtable(L);
  lua_newtable(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (i = 0; i < sizeof modules / sizeof *modules; i++) {
    size_t size;
    const char *path;
    lua_pushnil(L);
    names_push_path(L, -1, modules[i], strlen(modules[i]));
    path = lua_tolstring(L, -1, &size);
    lua_getfield(L, queue + 1, modules[i]);
    names_give(L, names, NULL, queue, path, size);
    lua_pop(L, 2);
  }
  names_walk(L, names, NULL, queue);
  lua_settop(L, names);
}

static void pristine_free(pristine *p) {
  free(p->functions);
  free(p->values);
  free(p->text);
  free(p);
}

static bool reserve(pristine *p, size_t count, size_t bytes) {
  size_t size = 64;
  while (size < 2 * count) size *= 2;
  p->mask = size - 1;
  p->functions = calloc(size, sizeof *p->functions);
  p->values = calloc(count + 1, sizeof *p->values);
  p->text = malloc(bytes + 1);
  return p->functions != NULL && p->values != NULL && p->text != NULL;
}

/* Adds the value below the top, whose path (already copied) is given. */
static void add(lua_State *L, pristine *p, const char *path, size_t size) {
  lua_CFunction f = lua_tocfunction(L, -2);
  if (f != NULL && lua_getupvalue(L, -2, 1) == NULL) {
    function_path *e = &p->functions[slot(p, f)];
    e->function = f;
    e->path = path;
    e->size = size;
  } else {
    pristine_value *v = &p->values[p->nvalues++];
    if (f != NULL) lua_pop(L, 1);
    v->path = path;
    v->size = size;
    v->type = lua_type(L, -2);
    v->function = f;
  }
}

/* Argument: where to put the result. */
static int survey(lua_State *L) {
  pristine *p = lua_touserdata(L, 1);
  size_t count = 0, bytes = 0, size;
  char *end;
  luaL_openlibs(L);
  push_all_names(L);
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    count++;
    bytes += lua_rawlen(L, -1);
  }
  if (!reserve(p, count, bytes)) return luaL_error(L, "not enough memory");
  end = p->text;
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    const char *s = lua_tolstring(L, -1, &size);
    memcpy(end, s, size);
    add(L, p, end, size);
    end += size;
  }
  return 0;
}

static pristine *pristine_new(void) {
  pristine *p = calloc(1, sizeof *p);
  lua_State *L = luaL_newstate();
  bool ok = false;
  if (p != NULL && L != NULL) {
    lua_pushcfunction(L, survey);
    lua_pushlightuserdata(L, p);
    ok = lua_pcall(L, 1, 0, 0) == LUA_OK;
  }
  if (L != NULL) lua_close(L);
  if (ok) return p;
  if (p != NULL) pristine_free(p);
  return NULL;
}

const pristine_value *pristine_open(lua_State *L, size_t *n) {
  pristine *p = atomic_load_explicit(&shared, memory_order_acquire);
  if (p == NULL) {
    pristine *none = NULL;
    p = pristine_new();
    if (p == NULL) luaL_error(L, "not enough memory");
    if (!atomic_compare_exchange_strong(&shared, &none, p)) {
      pristine_free(p); /* another thread was faster */
      p = none;
    }
  }
  *n = p->nvalues;
  return p->values;
}

/* ==} */
