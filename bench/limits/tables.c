/* Integers and small tables through the mutex ring with Lua on both ends. Tables
** go by a minimal copier: one pass out of Lua into bytes, one pass back. */
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* {== the copier: no cycles, no metatables, nothing checked */

typedef struct buffer {
  char *bytes;
  size_t size, capacity;
} buffer;

static void append(buffer *b, const void *p, size_t n) {
  if (b->size + n > b->capacity) {
    b->capacity = (b->size + n) * 2;
    b->bytes = realloc(b->bytes, b->capacity);
    if (b->bytes == NULL) die("no memory");
  }
  memcpy(b->bytes + b->size, p, n);
  b->size += n;
}

enum { INTEGER = 100 }; /* beside Lua's own type codes */

static void pack(lua_State *L, int index, buffer *b);

static void pack_table(lua_State *L, int index, buffer *b) {
  uint32_t counts[2] = {(uint32_t)lua_rawlen(L, index), 0}; /* array, other */
  append(b, counts, sizeof counts);
  size_t at = b->size - sizeof counts[1];
  for (uint32_t i = 1; i <= counts[0]; i++) {
    lua_rawgeti(L, index, i);
    pack(L, lua_gettop(L), b);
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  while (lua_next(L, index)) {
    int key = lua_gettop(L) - 1;
    lua_Integer i = lua_isinteger(L, key) ? lua_tointeger(L, key) : 0;
    if (i < 1 || i > (lua_Integer)counts[0]) {
      pack(L, key, b);
      pack(L, key + 1, b);
      counts[1]++;
    }
    lua_pop(L, 1);
  }
  memcpy(b->bytes + at, &counts[1], sizeof counts[1]);
}

static void pack(lua_State *L, int index, buffer *b) {
  int type = lua_type(L, index);
  char tag = (char)(lua_isinteger(L, index) ? INTEGER : type);
  append(b, &tag, 1);
  switch (tag) {
    case INTEGER: {
      lua_Integer v = lua_tointeger(L, index);
      append(b, &v, sizeof v);
      break;
    }
    case LUA_TNUMBER: {
      lua_Number v = lua_tonumber(L, index);
      append(b, &v, sizeof v);
      break;
    }
    case LUA_TBOOLEAN: {
      char v = (char)lua_toboolean(L, index);
      append(b, &v, 1);
      break;
    }
    case LUA_TSTRING: {
      size_t n;
      const char *s = lua_tolstring(L, index, &n);
      append(b, &n, sizeof n);
      append(b, s, n);
      break;
    }
    case LUA_TTABLE: pack_table(L, index, b); break;
    default: die("cannot pack that");
  }
}

/* pushes the value at p, returns what follows it */
static const char *unpack(lua_State *L, const char *p) {
  switch (*p++) {
    case INTEGER: {
      lua_Integer v;
      memcpy(&v, p, sizeof v);
      lua_pushinteger(L, v);
      return p + sizeof v;
    }
    case LUA_TNUMBER: {
      lua_Number v;
      memcpy(&v, p, sizeof v);
      lua_pushnumber(L, v);
      return p + sizeof v;
    }
    case LUA_TBOOLEAN: lua_pushboolean(L, *p); return p + 1;
    case LUA_TSTRING: {
      size_t n;
      memcpy(&n, p, sizeof n);
      lua_pushlstring(L, p + sizeof n, n);
      return p + sizeof n + n;
    }
    case LUA_TTABLE: {
      uint32_t counts[2];
      memcpy(counts, p, sizeof counts);
      p += sizeof counts;
      lua_createtable(L, (int)counts[0], (int)counts[1]);
      for (uint32_t i = 1; i <= counts[0]; i++) {
        p = unpack(L, p);
        lua_rawseti(L, -2, i);
      }
      for (uint32_t i = 0; i < counts[1]; i++) {
        p = unpack(L, p);
        p = unpack(L, p);
        lua_rawset(L, -3);
      }
      return p;
    }
    default: die("cannot unpack that");
  }
}

/* ==} {== the copier alone, on one thread */

static buffer scratch;

static int call_pack(lua_State *L) {
  scratch.size = 0;
  pack(L, 1, &scratch);
  return 0;
}

static int call_unpack(lua_State *L) {
  unpack(L, scratch.bytes);
  return 1;
}

/* thousands a second */
static double alone(const char *body) {
  char chunk[512];
  lua_State *L = state_new();
  long n = times(2e6);
  lua_register(L, "pack", call_pack);
  lua_register(L, "unpack", call_unpack);
  snprintf(chunk, sizeof chunk,
           "local pack, unpack = pack, unpack pack {id = 1, name = 'item', vals = {1, 2, 3}} "
           "for i = 1, %ld do %s end",
           n, body);
  double took = state_run(L, chunk);
  lua_close(L);
  return (double)n / took / 1e3;
}

static double lua_table_new(void) {
  return alone("local t = {id = i, name = 'item', vals = {1, 2, 3}}");
}
static double lua_table_make_pack(void) {
  return alone("pack {id = i, name = 'item', vals = {1, 2, 3}}");
}
static double lua_table_unpack(void) { return alone("local t = unpack()"); }

/* ==} {== between two threads */

static int send_table(lua_State *L) {
  buffer b = {malloc(128), 0, 128};
  pack(L, 1, &b);
  ring_put((uint64_t)(uintptr_t)b.bytes);
  return 0;
}

static int receive_table(lua_State *L) {
  char *p = (char *)(uintptr_t)ring_take();
  unpack(L, p);
  free(p);
  return 1;
}

static int send_integer(lua_State *L) {
  ring_put((uint64_t)luaL_checkinteger(L, 1));
  return 0;
}

static int receive_integer(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)ring_take());
  return 1;
}

/* A batch: the length and the words. */
static int send_batch(lua_State *L) {
  size_t n = lua_rawlen(L, 1);
  uint64_t *batch = malloc((n + 1) * sizeof *batch);
  if (batch == NULL) die("no memory");
  batch[0] = n;
  for (size_t i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, (lua_Integer)i);
    batch[i] = (uint64_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  ring_put((uint64_t)(uintptr_t)batch);
  return 0;
}

static int receive_batch(lua_State *L) {
  uint64_t *batch = (uint64_t *)(uintptr_t)ring_take();
  lua_createtable(L, (int)batch[0], 0);
  for (size_t i = 1; i <= batch[0]; i++) {
    lua_pushinteger(L, (lua_Integer)batch[i]);
    lua_rawseti(L, -2, (lua_Integer)i);
  }
  free(batch);
  return 1;
}

typedef struct side {
  lua_CFunction function;
  char chunk[256];
} side;

static void *producer(void *arg) {
  side *s = arg;
  lua_State *L = state_new();
  lua_register(L, "send", s->function);
  state_run(L, s->chunk);
  lua_close(L);
  return NULL;
}

/* messages a second, n of them */
static double exchange(long n, side *from, side *to) {
  pthread_t t;
  lua_State *L = state_new();
  lua_register(L, "receive", to->function);
  thread_start(&t, producer, from);
  double took = state_run(L, to->chunk);
  pthread_join(t, NULL);
  lua_close(L);
  return (double)n / took;
}

static double lua_chan_table(void) {
  long n = times(1e6);
  side from = {send_table, ""}, to = {receive_table, ""};
  snprintf(from.chunk, sizeof from.chunk,
           "local send = send for i = 1, %ld do send {id = i, name = 'item', vals = {1, 2, 3}} end",
           n);
  snprintf(to.chunk, sizeof to.chunk,
           "local receive, s = receive, 0 for i = 1, %ld do local v = receive() "
           "s = s + v.id + v.vals[3] end assert(s == %lld)",
           n, (long long)n * (n + 1) / 2 + 3 * n);
  return exchange(n, &from, &to) / 1e3;
}

static double lua_chan_int(void) {
  long n = times(2e6);
  side from = {send_integer, ""}, to = {receive_integer, ""};
  snprintf(from.chunk, sizeof from.chunk, "local send = send for i = 1, %ld do send(i) end", n);
  snprintf(
      to.chunk, sizeof to.chunk,
      "local receive, s = receive, 0 for i = 1, %ld do s = s + receive() end assert(s == %lld)", n,
      (long long)n * (n + 1) / 2);
  return exchange(n, &from, &to) / 1e6;
}

static double lua_chan_batch(void) {
  long n = times(1e5);
  side from = {send_batch, ""}, to = {receive_batch, ""};
  snprintf(from.chunk, sizeof from.chunk,
           "local send, list = send, {} for i = 1, 100 do list[i] = i end for i = 1, %ld do send(list) end", n);
  snprintf(to.chunk, sizeof to.chunk,
           "local receive, s = receive, 0 for i = 1, %ld do local list = receive() "
           "for i = 1, #list do s = s + list[i] end end assert(s == %lld)",
           n, (long long)n * 5050);
  return exchange(n, &from, &to) * 100 / 1e6;
}

/* ==} */

const limit table_limits[] = {
    {"lua_table_new", "kop/s", lua_table_new},
    {"lua_table_make_pack", "kop/s", lua_table_make_pack},
    {"lua_table_unpack", "kop/s", lua_table_unpack},
    {"lua_chan_table", "kmsg/s", lua_chan_table},
    {"lua_chan_int", "Mmsg/s", lua_chan_int},
    {"lua_chan_batch", "Mmsg/s", lua_chan_batch},
    {NULL, NULL, NULL},
};
