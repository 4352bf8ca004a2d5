/*
** Names: which values a state has under a module's name, and the way back. A
** path is as in a message (format.h): module name, then field names, each with
** its length before it.
*/
#ifndef CODEC_NAMES_H
#define CODEC_NAMES_H

#include <lua.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of a state's names without asking Lua. */
typedef struct codec_names {
  uint64_t filter[128]; /* Bloom filter over the addresses of named values */
  lua_Integer awaited;  /* modules whose `require` was running at the opening */
  bool open;            /* codec_names_open has come to its end */
  bool closing;         /* the state; this must not be remembered */
} codec_names;

/* Those of a state, or NULL when codec_names_open was not called. Never raises. */
const codec_names *names_of(lua_State *L);

static inline uint64_t names_hash(const void *p) {
  return (uint64_t)((uintptr_t)p >> 3) * 0x9E3779B97F4A7C15u;
}

/* False: the value at that address has certainly no name in the state's table. */
static inline bool names_maybe(const codec_names *n, const void *p) {
  uint64_t h = names_hash(p);
  return ((n->filter[h >> 57] >> ((h >> 51) & 63)) &
          (n->filter[(h >> 44) & 127] >> ((h >> 38) & 63)) & 1) != 0;
}

/* The path of the value at idx, or NULL. It lives until Lua is called again.
** Needs 3 free stack slots; never raises. */
const char *names_find(lua_State *L, int idx, size_t *size);

/* Whether an awaited module has come, so that names_settle would learn it.
** Needs 4 free stack slots; never raises. */
bool names_due(lua_State *L, const codec_names *n);

/* Awaits a module. */
void names_await(lua_State *L, const char *name);

/* Learns the awaited modules that have come. */
void names_settle(lua_State *L);

/* Pushes the value that has this path here; requires its module if need be.
** Raises an error that names what is missing, blamed on that level of the call
** stack. False, with anything pushed, when the path is malformed. */
bool names_push(lua_State *L, const char *path, size_t size, int level);

/* Names the value on top `path`, pops it: adds it to the table at `names`, to
** the filter (unless NULL) and, a table, to the list at `queue`, unless it has a
** name or is of a type that gets none. */
void names_give(lua_State *L, int names, codec_names *filter, int queue, const char *path,
                size_t size);

/* Names the value on top in this state, and not what it leads to; leaves it. */
void names_alias(lua_State *L, const char *path, size_t size);

/* Names what the tables in the list at `queue` lead to by string keys. */
void names_walk(lua_State *L, int names, codec_names *filter, int queue);

/* Pushes the path of field `key` of what has the path at idx (nil: a module). */
void names_push_path(lua_State *L, int idx, const char *key, size_t size);

/* {== the standard libraries of a fresh state, once per process (pristine.c) */

/* Those of their values that differ from state to state. */
typedef struct pristine_value {
  const char *path;
  size_t size;
  int type;
  lua_CFunction function; /* of a C closure */
} pristine_value;

/* Prepares them; raises for lack of memory. */
const pristine_value *pristine_open(lua_State *L, size_t *n);

/* The path of a C function without upvalues, or NULL. */
const char *pristine_function(lua_CFunction f, size_t *size);

bool pristine_module(const char *name);

/* ==} */

/* Replaces the global `require` by one that learns (require.c). */
void require_wrap(lua_State *L);

/* Learns of the modules in package.loaded, and of those that are on their way. */
void require_learn_loaded(lua_State *L);

#endif
