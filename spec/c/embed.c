/*
** A program that uses concur.h without and beside Lua states, run by spec/embed_spec.lua. Its argument
** says what to do, a second one that a sanitizer watches; it prints "ok".
*/
#include "embed.h"

#define N 2000
#define THREADS 4

/* {== queues from C alone */

static void *putter(void *arg) {
  concur_queue *q = arg;
  for (int64_t i = 1; i <= N; i++) CHECK(concur_queue_put_integer(q, i, CONCUR_FOREVER) == CONCUR_OK);
  return NULL;
}

static void *getter(void *arg) {
  concur_queue *q = arg;
  concur_item item;
  intptr_t sum = 0;
  int status;
  while ((status = concur_queue_get(q, &item, CONCUR_FOREVER)) == CONCUR_OK) {
    CHECK(item.type == CONCUR_INTEGER);
    sum += (intptr_t)item.as.integer;
    concur_item_clear(&item);
  }
  CHECK(status == CONCUR_CLOSED && item.type == CONCUR_NIL);
  return (void *)sum;
}

static void queues(void) {
  concur_queue *q = concur_queue_new(7);
  pthread_t in[THREADS], out[THREADS];
  intptr_t sum = 0;
  CHECK(q != NULL && strcmp(concur_type_name(q), "queue") == 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_create(&in[i], NULL, putter, q);
    pthread_create(&out[i], NULL, getter, q);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(in[i], NULL);
  concur_queue_close(q);
  CHECK(concur_queue_closed(q));
  for (int i = 0; i < THREADS; i++) {
    void *part;
    pthread_join(out[i], &part);
    sum += (intptr_t)part;
  }
  CHECK(sum == (intptr_t)THREADS * N * (N + 1) / 2);
  CHECK(concur_queue_size(q) == 0);
  CHECK(concur_queue_put_nil(q, 0) == CONCUR_CLOSED);
  concur_release(q);
}

/* ==} {== items */

static void items(void) {
  concur_queue *q = concur_queue_new(1), *other;
  concur_item item, table;
  char *large = malloc(100000);
  memset(large, 'x', 100000);
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_TIMEOUT && item.type == CONCUR_NIL);
  CHECK(concur_queue_get(q, &item, 0.01) == CONCUR_TIMEOUT);
  CHECK(concur_queue_put_nil(q, 0) == CONCUR_OK);
  CHECK(concur_queue_put_nil(q, 0) == CONCUR_TIMEOUT);
  CHECK(concur_queue_put_string(q, large, 100000, 0.01) == CONCUR_TIMEOUT);
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_OK && item.type == CONCUR_NIL);
  concur_queue_put_boolean(q, 7, 0);
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_OK && item.type == CONCUR_BOOLEAN && item.as.boolean == 1);
  concur_queue_put_number(q, 0.5, 0);
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_OK && item.type == CONCUR_NUMBER && item.as.number == 0.5);
  concur_queue_put_string(q, "a\0b", 3, 0);
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_OK && item.as.string.size == 3);
  CHECK(memcmp(item.as.string.bytes, "a\0b", 3) == 0);
  concur_item_clear(&item);
  concur_item_clear(&item);
  concur_queue_put_string(q, large, 100000, 0);
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_OK && item.type == CONCUR_STRING && item.as.string.size == 100000);
  CHECK(memcmp(item.as.string.bytes, large, 100000) == 0);
  CHECK(concur_queue_put(q, &item, 0) == CONCUR_OK); /* and back */
  concur_item_clear(&item);
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_OK && item.as.string.size == 100000);
  concur_item_clear(&item);
  free(large);

  concur_event *e = concur_event_new();
  CHECK(concur_queue_put_object(q, e, 0) == CONCUR_OK);
  concur_release(e); /* the message keeps it */
  CHECK(concur_queue_get(q, &item, 0) == CONCUR_OK && item.type == CONCUR_OBJECT);
  CHECK(concur_as_event(item.as.object) != NULL && concur_as_queue(item.as.object) == NULL);
  CHECK(!concur_event_is_set(concur_as_event(item.as.object)));
  concur_item_clear(&item);

  concur_item parts[] = {integer(1), string("two"), {.type = CONCUR_NUMBER, .as.number = 3.5}, object(q)};
  const char *keys[] = {"one", "two", "three", "queue"};
  CHECK(concur_item_array(&table, parts, 4) == CONCUR_OK && table.type == CONCUR_OTHER);
  CHECK(concur_queue_put(q, &table, 0) == CONCUR_OK);
  concur_item_clear(&table);
  other = q;
  lua_State *L = open_state();
  concur_push(L, other);
  lua_setglobal(L, "q");
  run(L, "local t = q:get(0) assert(#t == 4 and t[1] == 1 and t[2] == 'two' and t[3] == 3.5 and t[4] == q)");
  CHECK(concur_item_record(&table, keys, parts, 4) == CONCUR_OK);
  concur_item nested[] = {table};
  CHECK(concur_item_array(&item, nested, 1) == CONCUR_TYPE && item.type == CONCUR_NIL);
  concur_item_push(L, &table);
  concur_item_clear(&table);
  lua_setglobal(L, "t");
  run(L, "assert(t.one == 1 and t.two == 'two' and t.three == 3.5 and t.queue == q)");
  CHECK(concur_item_record(&table, keys, parts, 0) == CONCUR_OK);
  concur_item_push(L, &table);
  concur_item_clear(&table);
  lua_setglobal(L, "t");
  run(L, "assert(next(t) == nil)");

  run(L, "t = {x = {1, 2, {q}}, f = function(n) return n + 1 end}");
  lua_getglobal(L, "t");
  concur_item_from(L, -1, &item);
  CHECK(item.type == CONCUR_OTHER);
  CHECK(concur_queue_put(q, &item, 0) == CONCUR_OK);
  concur_item_clear(&item);
  run(L, "local u = q:get(0) assert(u.x[3][1] == q and u.f(1) == 2)");
  lua_pushinteger(L, 12345678901);
  concur_item_from(L, -1, &item);
  CHECK(item.type == CONCUR_INTEGER && item.as.integer == 12345678901);
  lua_close(L);
  concur_release(q);

  L = open_state();
  run(L, "p, s = require 'concur'.priority_queue(), require 'concur'.lifo(2)");
  lua_getglobal(L, "p");
  lua_getglobal(L, "s");
  concur_queue *p = concur_to_queue(L, 1), *s = concur_to_queue(L, 2);
  CHECK(p != NULL && s != NULL && concur_to_event(L, 1) == NULL && concur_to_object(L, 3) == NULL);
  CHECK(concur_queue_put_number(p, 2.5, 0) == CONCUR_OK && concur_queue_put_integer(p, 2, 0) == CONCUR_OK);
  CHECK(concur_queue_put_boolean(p, 1, 0) == CONCUR_TYPE && concur_queue_put_string(p, "x", 1, 0) == CONCUR_TYPE);
  CHECK(concur_queue_put_number(p, 0.0 / 0.0, 0) == CONCUR_TYPE);
  CHECK(concur_queue_get(p, &item, 0) == CONCUR_OK && item.type == CONCUR_INTEGER && item.as.integer == 2);
  CHECK(concur_queue_put_string(s, "a", 1, 0) == CONCUR_OK && concur_queue_put_string(s, "b", 1, 0) == CONCUR_OK);
  CHECK(concur_queue_put_string(s, "c", 1, 0) == CONCUR_TIMEOUT);
  CHECK(concur_queue_get(s, &item, 0) == CONCUR_OK && is_string(&item, "b"));
  CHECK(concur_queue_task_done(s) == CONCUR_OK && concur_queue_join(s, 0.01) == CONCUR_TIMEOUT);
  CHECK(concur_queue_get(s, &item, 0) == CONCUR_OK && concur_queue_task_done(s) == CONCUR_OK);
  CHECK(concur_queue_join(s, 0) == CONCUR_OK && concur_queue_task_done(s) == CONCUR_MISUSE);
  lua_close(L);
}

/* ==} {== primitives */

static concur_lock *the_lock;
static int64_t counter;

static void *count(void *arg) {
  for (int i = 0; i < N; i++) {
    CHECK(concur_lock_acquire(arg, CONCUR_FOREVER, NULL) == CONCUR_OK);
    counter++;
    CHECK(concur_lock_release(arg) == CONCUR_OK);
  }
  return NULL;
}

static void *hold(void *arg) {
  int abandoned = 1;
  CHECK(concur_lock_acquire(arg, CONCUR_FOREVER, &abandoned) == CONCUR_OK && !abandoned);
  return NULL; /* and ends with it */
}

static void locks(void) {
  pthread_t t[THREADS];
  int abandoned = 1;
  concur_lock *r = concur_rlock_new();
  the_lock = concur_lock_new();
  for (int i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, count, the_lock);
  for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
  CHECK(counter == (int64_t)THREADS * N);
  CHECK(concur_lock_acquire(the_lock, 0, &abandoned) == CONCUR_OK && !abandoned);
  CHECK(concur_lock_locked(the_lock) && concur_lock_acquire(the_lock, 0.01, NULL) == CONCUR_TIMEOUT);
  CHECK(concur_lock_release(the_lock) == CONCUR_OK && concur_lock_release(the_lock) == CONCUR_MISUSE);
  counter = 0;
  for (int i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, count, r);
  for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
  CHECK(counter == (int64_t)THREADS * N);
  CHECK(concur_lock_acquire(r, 0, NULL) == CONCUR_OK && concur_lock_acquire(r, 0, NULL) == CONCUR_OK);
  CHECK(concur_lock_release(r) == CONCUR_OK && concur_lock_locked(r));
  CHECK(concur_lock_release(r) == CONCUR_OK && concur_lock_release(r) == CONCUR_MISUSE);
  pthread_create(&t[0], NULL, hold, r);
  pthread_join(t[0], NULL);
  CHECK(concur_lock_acquire(r, 5, &abandoned) == CONCUR_OK && abandoned);
  CHECK(concur_lock_release(r) == CONCUR_OK);
  concur_release(r);
  concur_release(the_lock);
}

static void *set_event(void *arg) {
  concur_event_set(arg);
  return NULL;
}

static void *release_units(void *arg) {
  CHECK(concur_semaphore_release(arg, 2) == CONCUR_OK);
  return NULL;
}

static void signals(void) {
  pthread_t t;
  concur_event *e = concur_event_new();
  concur_semaphore *s = concur_semaphore_new(1);
  CHECK(concur_semaphore_new(-1) == NULL);
  CHECK(concur_event_wait(e, 0) == CONCUR_TIMEOUT && concur_event_wait(e, 0.01) == CONCUR_TIMEOUT);
  pthread_create(&t, NULL, set_event, e);
  CHECK(concur_event_wait(e, CONCUR_FOREVER) == CONCUR_OK && concur_event_is_set(e));
  pthread_join(t, NULL);
  concur_event_clear(e);
  CHECK(!concur_event_is_set(e));
  CHECK(concur_semaphore_acquire(s, 0) == CONCUR_OK && concur_semaphore_acquire(s, 0) == CONCUR_TIMEOUT);
  pthread_create(&t, NULL, release_units, s);
  CHECK(concur_semaphore_acquire(s, CONCUR_FOREVER) == CONCUR_OK);
  CHECK(concur_semaphore_acquire(s, 5) == CONCUR_OK && concur_semaphore_value(s) == 0);
  pthread_join(t, NULL);
  CHECK(concur_semaphore_release(s, 0) == CONCUR_MISUSE);
  concur_release(s);
  concur_release(e);
  concur_release(NULL);
}

static void *add(void *arg) {
  for (int i = 0; i < N; i++) CHECK(concur_value_add(arg, 2, NULL) == CONCUR_OK);
  return NULL;
}

static void values(void) {
  pthread_t t[THREADS];
  concur_item item, zero = integer(0), word = string("word");
  concur_value *v = concur_value_new(&zero), *nothing = concur_value_new(NULL);
  int64_t sum;
  int swapped;
  CHECK(concur_value_get(nothing, &item) == CONCUR_OK && item.type == CONCUR_NIL);
  for (int i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, add, v);
  for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
  CHECK(concur_value_add(v, 0, &sum) == CONCUR_OK && sum == 2 * THREADS * N);
  CHECK(concur_value_add(v, INT64_MAX - sum, &sum) == CONCUR_OK && sum == INT64_MAX); /* no lock-free form */
  concur_item most = integer(INT64_MAX);
  CHECK(concur_value_compare_swap(v, &zero, &word, &swapped) == CONCUR_OK && !swapped);
  CHECK(concur_value_compare_swap(v, &most, &word, &swapped) == CONCUR_OK && swapped);
  CHECK(concur_value_get(v, &item) == CONCUR_OK && is_string(&item, "word"));
  CHECK(concur_value_add(v, 1, &sum) == CONCUR_TYPE);
  CHECK(concur_value_compare_swap(v, &item, &zero, NULL) == CONCUR_OK);
  CHECK(concur_value_add(v, 1, &sum) == CONCUR_OK && sum == 1);
  lua_State *L = open_state();
  concur_push(L, v);
  lua_setglobal(L, "v");
  run(L, "v:set({1, 2, 3})");
  CHECK(concur_value_get(v, &item) == CONCUR_OK && item.type == CONCUR_OTHER);
  CHECK(concur_value_set(nothing, &item) == CONCUR_OK);
  concur_item_clear(&item);
  concur_push(L, nothing);
  lua_setglobal(L, "v");
  run(L, "assert(#v:get() == 3)");
  lua_close(L);
  concur_release(v);
  concur_release(nothing);
}

/* While Lua code updates a value, C threads that change it wait. */
static void updated(void) {
  concur_item zero = integer(0), args[3], item;
  concur_value *v = concur_value_new(&zero);
  concur_event *began = concur_event_new(), *go = concur_event_new();
  pthread_t t;
  args[0] = object(v), args[1] = object(began), args[2] = object(go);
  concur_start s = {.code = "local v, began, go = ...\n"
                            "return v:update(function(n) began:set() go:wait() return n + 1 end)",
                    .args = args, .nargs = 3};
  concur_thread *thread = start(&s);
  CHECK(concur_event_wait(began, CONCUR_FOREVER) == CONCUR_OK);
  pthread_create(&t, NULL, add, v);
  CHECK(concur_value_get(v, &item) == CONCUR_OK && item.as.integer == 0);
  concur_event_set(go);
  CHECK(concur_thread_join(thread, &item, CONCUR_FOREVER) == CONCUR_OK && item.as.integer == 1);
  pthread_join(t, NULL);
  CHECK(concur_value_get(v, &item) == CONCUR_OK && item.as.integer == 1 + 2 * N);
  concur_release(thread);
  concur_release(go);
  concur_release(began);
  concur_release(v);
}

/* ==} {== futures */

static void *answer(void *arg) {
  concur_item word = string("an answer that is sent");
  CHECK(concur_future_set_result(arg, &word) == CONCUR_OK);
  return NULL;
}

static void futures(void) {
  pthread_t t;
  concur_item item, one = integer(1);
  concur_future *f = concur_future_new(), *g = concur_future_new(), *h = concur_future_new();
  CHECK(!concur_future_done(f) && concur_future_result(f, &item, 0) == CONCUR_TIMEOUT);
  pthread_create(&t, NULL, answer, f);
  CHECK(concur_future_result(f, &item, CONCUR_FOREVER) == CONCUR_OK && is_string(&item, "an answer that is sent"));
  pthread_join(t, NULL);
  CHECK(concur_future_done(f) && concur_future_set_result(f, &one) == CONCUR_MISUSE);
  CHECK(!concur_future_cancel(f));
  CHECK(concur_future_set_error(g, &one) == CONCUR_OK);
  CHECK(concur_future_result(g, &item, 0) == CONCUR_FAILED && item.as.integer == 1);
  CHECK(concur_future_cancel(h) && concur_future_result(h, NULL, 0) == CONCUR_CANCELLED);
  lua_State *L = open_state();
  run(L, "concur = require 'concur' pool = concur.thread_pool(1)\n"
         "good = pool:submit(function() return {1}, 2 end)\n"
         "bad = pool:submit(function() error('no') end)\n"
         "mine = concur.future()\n"
         "mine:set_result(mine)\n");
  lua_getglobal(L, "good");
  lua_getglobal(L, "bad");
  lua_getglobal(L, "mine");
  CHECK(concur_future_result(concur_to_future(L, 1), &item, CONCUR_FOREVER) == CONCUR_OK && item.type == CONCUR_OTHER);
  concur_item_push(L, &item);
  CHECK(lua_gettop(L) == 4 && lua_rawlen(L, 4) == 1);
  concur_item_clear(&item);
  CHECK(concur_future_set_result(concur_to_future(L, 1), &one) == CONCUR_MISUSE);
  CHECK(concur_future_result(concur_to_future(L, 2), &item, CONCUR_FOREVER) == CONCUR_FAILED);
  CHECK(item.type == CONCUR_STRING && strstr(item.as.string.bytes, "no") != NULL);
  concur_item_clear(&item);
  CHECK(concur_future_result(concur_to_future(L, 3), &item, 0) == CONCUR_OK);
  CHECK(item.as.object == concur_to_object(L, 3));
  concur_item_clear(&item);
  run(L, "pool:close() pool:join()");
  lua_close(L);
  concur_release(f);
  concur_release(g);
  concur_release(h);
}

/* ==} {== threads */

static int twice(lua_State *L) {
  lua_pushinteger(L, 2 * luaL_checkinteger(L, 1));
  return 1;
}

static int open_host(lua_State *L) {
  static const luaL_Reg functions[] = {{"twice", twice}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

static _Atomic int prepared;

static int prepare(lua_State *L) {
  CHECK(lua_touserdata(L, 1) == (void *)&prepared);
  atomic_fetch_add(&prepared, 1);
  luaL_requiref(L, "host", open_host, 0);
  lua_pushinteger(L, 17);
  lua_setglobal(L, "SEVENTEEN");
  return 0;
}

static int refuse(lua_State *L) { return luaL_error(L, "the host refuses"); }

static void threads(int process) {
  concur_item item, args[2] = {integer(20), string("s")};
  concur_thread *t, *list[THREADS];
  char message[200];
  CHECK(concur_set_prepare(prepare, &prepared) == CONCUR_OK);
  concur_start s = {.code = "local n, s = ... return require 'host'.twice(n + 1) + SEVENTEEN, s",
                    .args = args, .nargs = 2, .process = process, .name = "worker"};
  for (int i = 0; i < THREADS; i++) list[i] = start(&s);
  for (int i = 0; i < THREADS; i++) {
    CHECK(concur_thread_join(list[i], &item, CONCUR_FOREVER) == CONCUR_OK);
    CHECK(item.type == CONCUR_INTEGER && item.as.integer == 59 && !concur_thread_alive(list[i]));
    concur_item_clear(&item);
    concur_release(list[i]);
  }
  CHECK(process || atomic_load(&prepared) == THREADS);
  s.code = "error('failed')";
  t = start(&s);
  CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_FAILED);
  CHECK(item.type == CONCUR_STRING && strstr(item.as.string.bytes, "failed") != NULL);
  concur_item_clear(&item);
  concur_release(t);
  s.code = "return (...";
  CHECK(concur_thread_start(&s, &t, message, sizeof message) == CONCUR_FAILED && t == NULL);
  CHECK(strstr(message, "expected") != NULL);
  CHECK(concur_thread_start(&s, &t, NULL, 0) == CONCUR_FAILED);
  CHECK(concur_thread_start(&s, &t, message, 2) == CONCUR_FAILED && strlen(message) == 1);
  s.code = NULL;
  s.file = "/nowhere/at/all.lua";
  CHECK(concur_thread_start(&s, &t, message, sizeof message) == CONCUR_FAILED);
  s.file = NULL;
  s.code = "while true do require 'concur'.sleep(0.01) end";
  t = start(&s);
  CHECK(concur_thread_alive(t) && concur_thread_join(t, NULL, 0) == CONCUR_TIMEOUT);
  CHECK(concur_thread_cancel(t));
  CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_CANCELLED && !concur_thread_cancel(t));
  concur_release(t);
  s.code = "return require 'concur'.current()";
  t = start(&s);
  CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_OK);
  CHECK(process ? concur_as_thread(item.as.object) != NULL : item.as.object == t);
  concur_release(t);
  concur_item_clear(&item); /* it outlives the thread's own reference */
  CHECK(concur_set_prepare(refuse, NULL) == CONCUR_OK);
  t = start(&s);
  CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_FAILED);
  CHECK(strstr(item.as.string.bytes, "the host refuses") != NULL);
  concur_item_clear(&item);
  concur_release(t);
  CHECK(concur_set_prepare(NULL, NULL) == CONCUR_OK);
}

static void in_threads(void) { threads(0); }
static void in_processes(void) { threads(1); }

/* The host's module crosses by name in what Lua code sends, and a host's function joins threads. */
static int join_it(lua_State *L) {
  int status = concur_thread_join(concur_to_thread(L, 1), NULL, luaL_checknumber(L, 2));
  if (status != CONCUR_OK) return concur_raise(L, status);
  lua_pushboolean(L, 1);
  return 1;
}

static void scripts(void) {
  CHECK(concur_set_prepare(prepare, &prepared) == CONCUR_OK);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "concur", luaopen_concur, 1);
  concur_prepare(L);
  lua_settop(L, 0);
  lua_register(L, "join_it", join_it);
  run(L, "local twice = require 'host'.twice\n"
         "local t = concur.spawn(function(n) return twice(n) end, 4)\n"
         "assert(join_it(t, 20)) assert(select(2, t:join()) == 8)\n"
         "local e = concur.event()\n"
         "local waits = concur.spawn(function() e:wait(20) end)\n"
         "local ok, err = pcall(join_it, waits, 0.01)\n"
         "assert(not ok and err:find 'timeout', err)\n"
         "e:set() assert(join_it(waits, 20))\n"
         "local p = concur.thread_pool{workers = 2}\n"
         "for _, r in ipairs(p:map(function(n) return twice(n) + SEVENTEEN end, {1, 2, 3})) do assert(r > 18) end\n"
         "p:close() p:join()");
  luaL_loadstring(L, "return ... + 1");
  lua_pushinteger(L, 5);
  concur_thread_spawn(L, 1);
  concur_item item;
  CHECK(lua_gettop(L) == 1);
  CHECK(concur_thread_join(concur_to_thread(L, 1), &item, CONCUR_FOREVER) == CONCUR_OK && item.as.integer == 6);
  lua_close(L);
}

/* ==} {== memory */

typedef struct account {
  _Atomic long blocks;
} account;

static _Atomic long accounts, most;

static void *from_account(void *ud, void *p, size_t old, size_t size) {
  account *a = ud;
  (void)old;
  if (size == 0) {
    if (p != NULL) atomic_fetch_sub(&a->blocks, 1);
    free(p);
    return NULL;
  }
  if (p == NULL) atomic_fetch_add(&most, atomic_fetch_add(&a->blocks, 1) == 0);
  return realloc(p, size);
}

static void *open_account(void *arg) {
  CHECK(arg == (void *)&accounts);
  atomic_fetch_add(&accounts, 1);
  return calloc(1, sizeof(account));
}

static void close_account(void *ud, void *arg) {
  CHECK(arg == (void *)&accounts && atomic_load(&((account *)ud)->blocks) == 0);
  atomic_fetch_sub(&accounts, 1);
  free(ud);
}

static void memory(void) {
  concur_allocator a = {from_account, open_account, close_account, (void *)&accounts};
  concur_item item, n = integer(1000);
  concur_start s = {.code = "local t = {} for i = 1, ... do t[i] = {i} end return #t", .args = &n, .nargs = 1};
  CHECK(concur_set_allocator(&a) == CONCUR_OK);
  for (int i = 0; i < 50; i++) {
    concur_thread *t = start(&s);
    CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_OK && item.as.integer == 1000);
    concur_release(t);
  }
  CHECK(atomic_load(&most) >= 50 && atomic_load(&accounts) < 20); /* what is left stands ready */
  s.code = "while true do local t = {{}, {}} end"; /* a hook stops it from another thread */
  for (int i = 0; i < 20; i++) {
    concur_thread *t = start(&s);
    CHECK(concur_thread_cancel(t));
    CHECK(concur_thread_join(t, NULL, CONCUR_FOREVER) == CONCUR_CANCELLED);
    concur_release(t);
  }
}

/* ==} {== the module comes and goes */

static long resident(void) {
  long pages = 0, skip;
  FILE *f = fopen("/proc/self/statm", "r");
  CHECK(f != NULL && fscanf(f, "%ld %ld", &skip, &pages) == 2);
  fclose(f);
  return pages * sysconf(_SC_PAGESIZE);
}

static void again(void) {
  concur_item item;
  concur_queue *q = concur_queue_new(0);
  concur_item arg = object(q);
  /* alive all the time */
  concur_start s = {.code = "local q = ... while true do local n = q:get() if n == 'stop' then return n end end",
                    .args = &arg, .nargs = 1, .daemon = 1};
  concur_thread *t = start(&s);
  long before = 0;
  for (int i = 0; i < 400; i++) {
    lua_State *L = open_state();
    concur_push(L, q);
    lua_setglobal(L, "q");
    run(L, "local q = q q:put(1) local t = concur.spawn(function() q:put(2) return 3 end) assert(select(2, t:join(20)) == 3)\n"
           "concur.spawn{target = function() concur.event():wait() end, daemon = true}");
    lua_close(L);
    if (i == 100) before = resident();
  }
  /* a sanitizer keeps what was freed for a while */
  CHECK(watched || resident() < before + (4L << 20));
  CHECK(concur_queue_put_string(q, "stop", 4, 0) == CONCUR_OK);
  CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_OK && is_string(&item, "stop"));
  concur_item_clear(&item);
  concur_release(t);
  concur_release(q);
}

/* ==} {== who could still end a wait */

static void deadlocks(void) {
  lua_State *L = open_state();
  concur_event *e = concur_event_new(); /* the host might set it: no report */
  concur_push(L, e);
  lua_setglobal(L, "e");
  run(L, "local e = e assert(e:wait(0.3) == false) t = concur.spawn(function() return e:wait() end)\n"
         "assert(select(2, t:join(0.2)) == 'timeout')");
  concur_event_set(e);
  run(L, "assert(t:join())");
  concur_event_clear(e);
  concur_release(e);
  run(L, "local ok, err = pcall(e.wait, e) assert(not ok and err:find 'deadlock:', err)");
  lua_getglobal(L, "e");
  CHECK(concur_event_wait(concur_to_event(L, -1), CONCUR_FOREVER) == CONCUR_DEADLOCK);
  lua_close(L);
}

/* ==} */

int main(int argc, char **argv) {
  static const mode modes[] = {{"queues", queues},   {"items", items},     {"locks", locks},
                               {"signals", signals}, {"values", values},   {"updated", updated},
                               {"futures", futures}, {"threads", in_threads}, {"scripts", scripts},
                               {"memory", memory},   {"processes", in_processes}, {"again", again},
                               {"deadlocks", deadlocks}, {NULL, NULL}};
  return run_mode(argc, argv, modes);
}
