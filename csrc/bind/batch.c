/* Batches. */
#include "bind/batch.h"

#include <lauxlib.h>
#include <string.h>

typedef struct batch {
  cc_records records;
  bool busy;
} batch;

static const char batch_key; /* of the state's batch, in the registry */

#define KEPT ((size_t)64 << 10) /* larger ones are not kept */

static int batch_close(lua_State *L) {
  batch *b = lua_touserdata(L, 1);
  cc_records_drop(&b->records);
  if (b->records.room > KEPT) cc_records_free(&b->records);
  b->busy = false;
  return 0;
}

static int batch_gc(lua_State *L) {
  cc_records_free(&((batch *)lua_touserdata(L, 1))->records);
  return 0;
}

/* A __transfer may put many itself: then the state's batch is busy, and another takes its place. */
cc_records *bind_open_batch(lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &batch_key);
  batch *b = lua_touserdata(L, -1);
  if (b == NULL || b->busy) {
    lua_pop(L, 1);
    b = lua_newuserdatauv(L, sizeof *b, 0);
    memset(b, 0, sizeof *b);
    if (luaL_newmetatable(L, "concur.batch")) {
      static const luaL_Reg metamethods[] = {
          {"__close", batch_close}, {"__gc", batch_gc}, {NULL, NULL}};
      luaL_setfuncs(L, metamethods, 0);
    }
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &batch_key);
  }
  b->busy = true;
  lua_toclose(L, -1);
  return &b->records;
}

void bind_batch_add(lua_State *L, cc_records *r, const cc_item *item) {
  if (cc_likely(cc_records_add(r, item))) return;
  cc_item_drop(item);
  luaL_error(L, "not enough memory");
}
