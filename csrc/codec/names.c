/*
** Names: per state, a weak table from values to their paths, and a Bloom filter
** over their addresses, so that ordinary tables are told apart without asking
** Lua. The C functions of the standard libraries are not in it: those are the
** same in all states and known once per process (pristine.c).
*/
#include "codec/names.h"

#include <stdatomic.h>
#include <string.h>

#include <lauxlib.h>

#include "codec/codec.h"
#include "codec/format.h"

/* Registry: the codec_names userdata (user value 1: value -> path; 2: list of
** awaited modules). */
static const char names_key;

/* Raised whenever a state with names closes, so that no thread remembers it.
** Release and acquire: who gets the memory of a closed state sees it raised. */
static _Atomic uint64_t generation;

/* The state that this kernel thread asked about last. The address of its
** registry tells it for as long as it lives. */
static _Thread_local struct {
  const void *registry;
  codec_names *names;
  uint64_t generation;
} last;

/* {== finding a state's names */

static codec_names *find(lua_State *L) {
  const void *registry = lua_topointer(L, LUA_REGISTRYINDEX);
  uint64_t now = atomic_load_explicit(&generation, memory_order_acquire);
  codec_names *n;
  if (last.registry == registry && last.generation == now) return last.names;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
  n = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (n != NULL && !n->closing) {
    last.registry = registry;
    last.names = n;
    last.generation = now;
  }
  return n;
}

const codec_names *names_of(lua_State *L) {
  return find(L);
}

/* The state is closing; its memory may be another state's soon. */
static int names_gc(lua_State *L) {
  codec_names *n = lua_touserdata(L, 1);
  n->closing = true;
  atomic_fetch_add_explicit(&generation, 1, memory_order_release);
  return 0;
}

/* Pushes the n-th user value. */
static void push_table(lua_State *L, int n) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &names_key);
  lua_getiuservalue(L, -1, n);
  lua_remove(L, -2);
}

const char *names_find(lua_State *L, int idx, size_t *size) {
  const codec_names *n = find(L);
  const char *path = NULL;
  if (lua_iscfunction(L, idx)) {
    if (lua_getupvalue(L, idx, 1) == NULL) {
      path = pristine_function(lua_tocfunction(L, idx), size);
      if (path != NULL) return path;
    } else {
      lua_pop(L, 1);
    }
  }
  if (n == NULL || !names_maybe(n, lua_topointer(L, idx))) return NULL;
  idx = lua_absindex(L, idx);
  push_table(L, 1);
  lua_pushvalue(L, idx);
  if (lua_rawget(L, -2) == LUA_TSTRING)
    path = lua_tolstring(L, -1, size); /* the table has it, too */
  lua_pop(L, 2);
  return path;
}

/* ==} {== giving names */

void names_push_path(lua_State *L, int idx, const char *key, size_t size) {
  size_t before = 0;
  const char *start = lua_isnil(L, idx) ? "" : lua_tolstring(L, idx, &before);
  luaL_Buffer b;
  char *p = luaL_buffinitsize(L, &b, before + VARINT_MAX + size);
  char *end;
  memcpy(p, start, before);
  end = (char *)format_put_varint((unsigned char *)p + before, size);
  memcpy(end, key, size);
  luaL_pushresultsize(&b, (size_t)(end + size - p));
}

/* Whether the value on top gets a name and has none yet. */
static bool wants_name(lua_State *L, int names) {
  bool named;
  size_t size;
  switch (lua_type(L, -1)) {
    case LUA_TTABLE:
    case LUA_TUSERDATA: break;
    case LUA_TFUNCTION:
      if (!lua_iscfunction(L, -1)) break;
      if (lua_getupvalue(L, -1, 1) == NULL) {
        if (pristine_function(lua_tocfunction(L, -1), &size) != NULL) return false;
      } else {
        lua_pop(L, 1);
      }
      break;
    default: return false;
  }
  lua_pushvalue(L, -1);
  named = lua_rawget(L, names) != LUA_TNIL;
  lua_pop(L, 1);
  return !named;
}

static void add_to_filter(codec_names *n, const void *p) {
  uint64_t h = names_hash(p);
  n->filter[h >> 57] |= (uint64_t)1 << ((h >> 51) & 63);
  n->filter[(h >> 44) & 127] |= (uint64_t)1 << ((h >> 38) & 63);
}

void names_give(lua_State *L, int names, codec_names *filter, int queue, const char *path,
                size_t size) {
  if (wants_name(L, names)) {
    if (filter != NULL) add_to_filter(filter, lua_topointer(L, -1));
    lua_pushvalue(L, -1);
    lua_pushlstring(L, path, size);
    lua_rawset(L, names);
    if (queue != 0 && lua_istable(L, -1)) {
      lua_pushvalue(L, -1);
      lua_rawseti(L, queue, (lua_Integer)lua_rawlen(L, queue) + 1);
    }
  }
  lua_pop(L, 1);
}

void names_walk(lua_State *L, int names, codec_names *filter, int queue) {
  lua_Integer i;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  for (i = 1; lua_rawgeti(L, queue, i) != LUA_TNIL; i++) {
    const int t = lua_gettop(L);
    lua_pushvalue(L, t);
    lua_rawget(L, names); /* its path, at t + 1 */
    lua_pushnil(L);
    while (lua_next(L, t)) {
      if (lua_type(L, -2) == LUA_TSTRING && wants_name(L, names)) {
        size_t size;
        const char *s = lua_tolstring(L, -2, &size);
        names_push_path(L, t + 1, s, size);
        s = lua_tolstring(L, -1, &size);
        lua_insert(L, -2);
        names_give(L, names, filter, queue, s, size);
      }
      lua_settop(L, t + 2);
    }
    lua_settop(L, t - 1);
  }
  lua_pop(L, 1);
}

void names_alias(lua_State *L, const char *path, size_t size) {
  push_table(L, 1);
  lua_pushvalue(L, -2);
  names_give(L, lua_gettop(L) - 1, find(L), 0, path, size);
  lua_pop(L, 1);
}

void codec_names_learn_field(lua_State *L, const char *module, const char *field) {
  const int value = lua_gettop(L), names = value + 1;
  size_t size;
  if (find(L) == NULL) return;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push_table(L, 1);
  lua_pushnil(L);
  names_push_path(L, -1, module, strlen(module));
  names_push_path(L, -1, field, strlen(field));
  const char *path = lua_tolstring(L, -1, &size);
  lua_pushvalue(L, value);
  names_give(L, names, find(L), 0, path, size);
  lua_settop(L, value);
}

void codec_names_learn(lua_State *L, const char *name) {
  const int value = lua_gettop(L), names = value + 1, queue = value + 2;
  size_t size;
  const char *path;
  if (find(L) == NULL) return;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push_table(L, 1);
  lua_newtable(L);
  lua_pushnil(L);
  names_push_path(L, -1, name, strlen(name));
  path = lua_tolstring(L, -1, &size);
  lua_pushvalue(L, value);
  names_give(L, names, find(L), queue, path, size);
  names_walk(L, names, find(L), queue);
  lua_settop(L, value);
}

/* ==} {== modules on their way when the names were opened */

bool names_due(lua_State *L, const codec_names *n) {
  bool due = false;
  lua_Integer i;
  push_table(L, 2);
  if (lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE) == LUA_TTABLE) {
    for (i = 1; i <= n->awaited && !due; i++) {
      lua_rawgeti(L, -2, i);
      due = lua_rawget(L, -2) != LUA_TNIL;
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 2);
  return due;
}

void names_settle(lua_State *L) {
  codec_names *n = find(L);
  const int list = lua_gettop(L) + 1, loaded = list + 1;
  lua_Integer i;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push_table(L, 2);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (i = n->awaited; i >= 1; i--) {
    lua_rawgeti(L, list, i);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, loaded) != LUA_TNIL) {
      codec_names_learn(L, lua_tostring(L, -2));
      lua_rawgeti(L, list, n->awaited); /* the last one takes its place */
      lua_rawseti(L, list, i);
      n->awaited--;
    }
    lua_settop(L, loaded);
  }
  lua_settop(L, list - 1);
}

void names_await(lua_State *L, const char *name) {
  codec_names *n = find(L);
  push_table(L, 2);
  lua_pushstring(L, name);
  lua_rawseti(L, -2, n->awaited + 1);
  n->awaited++;
  lua_pop(L, 1);
}

/* ==} {== opening */

/* Pushes the value that has a pristine path here, raw; or nil. */
static void push_raw(lua_State *L, const char *path, size_t size) {
  const unsigned char *p = (const unsigned char *)path, *end = p + size;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  while (p < end) {
    uint64_t n = 0;
    p = format_get_varint(p, end, &n);
    if (lua_istable(L, -1)) {
      lua_pushlstring(L, (const char *)p, (size_t)n);
      lua_rawget(L, -2);
    } else {
      lua_pushnil(L);
    }
    lua_remove(L, -2);
    p += n;
  }
}

/* Names what the standard libraries have here as in a fresh state. */
static void learn_standard(lua_State *L, codec_names *names) {
  size_t n, i;
  const pristine_value *values = pristine_open(L, &n);
  const int table = lua_gettop(L) + 1;
  push_table(L, 1);
  for (i = 0; i < n; i++) {
    const pristine_value *v = &values[i];
    push_raw(L, v->path, v->size);
    if (lua_type(L, -1) == v->type && lua_tocfunction(L, -1) == v->function)
      names_give(L, table, names, 0, v->path, v->size);
    else
      lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void push_names(lua_State *L) {
  codec_names *n = lua_newuserdatauv(L, sizeof *n, 2);
  memset(n, 0, sizeof *n);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_setiuservalue(L, -2, 1);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 2);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, names_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

void codec_names_open(lua_State *L) {
  const codec_names *old = find(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (old != NULL && old->open) return;
  push_names(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &names_key);
  atomic_fetch_add_explicit(&generation, 1, memory_order_release); /* forget the old ones */
  learn_standard(L, find(L));
  require_learn_loaded(L);
  require_wrap(L);
  find(L)->open = true;
}

/* ==} */
