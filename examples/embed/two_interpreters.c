/*
** Two independent Lua interpreters in one C program, each in a thread of its own, that exchange
** messages by a queue and a lock-free counter, and the C program beside them.
**
**   cc two_interpreters.c -o two_interpreters $(pkg-config --cflags --libs concur) -llua5.4 -pthread
**
** Look for: the interpreters share no variable; what they share are the objects that the host gave both.
*/
#include <concur.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

enum { ROUNDS = 1000 };

typedef struct interpreter {
  pthread_t thread;
  const char *name, *script;
  concur_queue *pings, *pongs;
  concur_value *total;
  int ok;
} interpreter;

static void give(lua_State *L, const char *name, void *object) {
  concur_push(L, object);
  lua_setglobal(L, name);
}

static void *interpret(void *arg) {
  interpreter *i = arg;
  lua_State *L = luaL_newstate();
  if (L == NULL) return NULL;
  luaL_openlibs(L);
  luaL_requiref(L, "concur", luaopen_concur, 0);
  lua_settop(L, 0);
  give(L, "pings", i->pings);
  give(L, "pongs", i->pongs);
  give(L, "total", i->total);
  lua_pushinteger(L, ROUNDS);
  lua_setglobal(L, "ROUNDS");
  i->ok = luaL_dostring(L, i->script) == LUA_OK;
  printf("%s: %s\n", i->name, lua_tostring(L, -1));
  lua_close(L); /* also waits for the threads that the script has started */
  return NULL;
}

int main(void) {
  concur_queue *pings = concur_queue_new(0), *pongs = concur_queue_new(0);
  const concur_item zero = {.type = CONCUR_INTEGER, .as.integer = 0};
  concur_value *total = concur_value_new(&zero);
  interpreter both[] = {
      {.name = "first",
       .script = "for n = 1, ROUNDS do pings:put{n = n} assert(pongs:get(30) == n * n) total:add(1) end\n"
                 "pings:close()\n"
                 "return ('sent %d, mine is %s'):format(ROUNDS, type(mine))"},
      {.name = "second",
       .script = "mine = 0\n"
                 "for ping in pings:items() do mine = mine + 1 pongs:put(ping.n ^ 2 // 1 | 0) total:add(1) end\n"
                 "return ('answered %d'):format(mine)"}};
  for (int i = 0; i < 2; i++) {
    both[i].pings = pings;
    both[i].pongs = pongs;
    both[i].total = total;
    pthread_create(&both[i].thread, NULL, interpret, &both[i]);
  }
  for (int i = 0; i < 2; i++) pthread_join(both[i].thread, NULL);
  concur_item sum;
  concur_value_get(total, &sum);
  printf("together: %lld\n", (long long)sum.as.integer);
  assert(both[0].ok && both[1].ok && sum.as.integer == 2 * ROUNDS);
  concur_item_clear(&sum);
  concur_release(total);
  concur_release(pongs);
  concur_release(pings);
  return 0;
}
