/* Where a host may go wrong, or concur: run by spec/embed_spec.lua as embed.c is. */
#include "embed.h"

#include <limits.h>
#include <math.h>
#include <signal.h>

/* {== tables that come and go on */

/* What a future or a thread refers to weakly counts again elsewhere. */
static void forward(void) {
  concur_item item, back, first;
  concur_queue *q = concur_queue_new(0);
  concur_future *f = concur_future_new(), *g = concur_future_new();
  lua_State *L = open_state();
  concur_push(L, f);
  lua_setglobal(L, "f");
  run(L, "f:set_result({f, 'own', {1, 2, 3}})");
  CHECK(concur_future_result(f, &item, 0) == CONCUR_OK && item.type == CONCUR_OTHER);
  CHECK(concur_queue_put(q, &item, 0) == CONCUR_OK && concur_future_set_result(g, &item) == CONCUR_OK);
  concur_item_clear(&item);
  run(L, "f = nil collectgarbage() collectgarbage()");
  concur_release(f);
  CHECK(concur_queue_get(q, &back, 0) == CONCUR_OK); /* the message keeps f */
  concur_item_push(L, &back);
  concur_item_clear(&back);
  lua_setglobal(L, "t");
  run(L, "assert(t[2] == 'own' and #t[3] == 3 and select(2, t[1]:result(0)) == nil and t[1]:result(0)[1] == t[1])");
  CHECK(concur_future_result(g, &item, 0) == CONCUR_OK);
  concur_item_push(L, &item);
  concur_item_clear(&item);
  lua_setglobal(L, "u");
  run(L, "assert(u[1] == t[1]) t, u = nil collectgarbage()");

  /* a future is not what keeps the host's item, or another's message */
  concur_future *h = concur_future_new();
  concur_item part = object(h);
  CHECK(concur_item_array(&item, &part, 1) == CONCUR_OK);
  CHECK(concur_future_set_result(h, &item) == CONCUR_OK && concur_queue_put(q, &item, 0) == CONCUR_OK);
  concur_release(h);
  concur_item_push(L, &item);
  concur_item_clear(&item);
  CHECK(concur_queue_get(q, &back, 0) == CONCUR_OK);
  concur_item_push(L, &back);
  concur_item_clear(&back);
  lua_setglobal(L, "b");
  lua_setglobal(L, "a");
  run(L, "assert(a[1] == b[1] and a[1]:result(0)[1] == a[1])");

  /* several results are no item */
  concur_start s = {.code = "return {1}, 2, 3"};
  concur_thread *t = start(&s);
  CHECK(concur_thread_join(t, &first, CONCUR_FOREVER) == CONCUR_OK && first.type == CONCUR_OTHER);
  CHECK(concur_queue_put(q, &first, 0) == CONCUR_TYPE && concur_queue_size(q) == 0);
  concur_item_push(L, &first);
  CHECK(lua_istable(L, -1));
  concur_item_clear(&first);
  concur_release(t);
  s.code = "return {7}";
  t = start(&s);
  CHECK(concur_thread_join(t, &first, CONCUR_FOREVER) == CONCUR_OK);
  CHECK(concur_queue_put(q, &first, 0) == CONCUR_OK);
  concur_item_clear(&first);
  concur_release(t);
  concur_push(L, q);
  lua_setglobal(L, "q");
  run(L, "local n = table.pack(q:get(0)) assert(n.n == 1 and n[1][1] == 7)");
  lua_close(L);
  concur_release(g);
  concur_release(q);
}

/* ==} {== code */

static void code(void) {
  static const char text[] = "return ..., select('#', ...)";
  char message[200];
  concur_item item, n = integer(5);
  size_t size = strlen(text);
  char *bytes = malloc(size); /* exactly: a sanitizer sees one more */
  memcpy(bytes, text, size);
  concur_start s = {.code = bytes, .size = size, .args = &n, .nargs = 1};
  concur_thread *t = start(&s);
  CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_OK && item.as.integer == 5);
  concur_release(t);
  bytes[0] = ')';
  CHECK(concur_thread_start(&s, &t, message, sizeof message) == CONCUR_FAILED);
  CHECK(strncmp(message, "[string \")eturn ..., select", 20) == 0 && strchr(message, '#') != NULL);
  free(bytes);
  s = (concur_start){.nargs = 0};
  CHECK(concur_thread_start(&s, &t, message, sizeof message) == CONCUR_FAILED && t == NULL);
  CHECK(strcmp(message, "neither a file nor code is given") == 0);

  lua_State *L = open_state(); /* binary code, with zeros in it */
  run(L, "binary = string.dump(load 'return ... * 2')");
  lua_getglobal(L, "binary");
  s = (concur_start){.code = lua_tolstring(L, -1, &size), .args = &n, .nargs = 1};
  s.size = size;
  t = start(&s);
  CHECK(concur_thread_join(t, &item, CONCUR_FOREVER) == CONCUR_OK && item.as.integer == 10);
  concur_release(t);
  lua_close(L);
}

/* ==} {== numbers at the edge */

static void edges(void) {
  concur_queue *q = concur_queue_new(1), *most = concur_queue_new(SIZE_MAX);
  concur_item item;
  concur_semaphore *s = concur_semaphore_new(INT64_MAX);
  CHECK(concur_queue_get(q, &item, NAN) == CONCUR_TIMEOUT && concur_queue_get(q, &item, 1e-300) == CONCUR_TIMEOUT);
  CHECK(concur_queue_get(q, &item, -0.0) == CONCUR_TIMEOUT);
  CHECK(concur_queue_put_nil(q, 1e300) == CONCUR_OK && concur_queue_put_nil(q, NAN) == CONCUR_TIMEOUT);
  CHECK(concur_queue_get(q, &item, INFINITY) == CONCUR_OK && concur_queue_get(q, &item, 0.001) == CONCUR_TIMEOUT);
  CHECK(concur_queue_put_nil(q, -INFINITY) == CONCUR_OK);
  CHECK(concur_queue_put_string(most, "", 0, 0) == CONCUR_OK && concur_queue_put_string(most, NULL, 0, 0) == CONCUR_OK);
  CHECK(concur_queue_get(most, &item, 0) == CONCUR_OK && item.type == CONCUR_STRING && item.as.string.size == 0);
  CHECK(concur_queue_put_string(most, "x", SIZE_MAX, 0) == CONCUR_NO_MEMORY);
  CHECK(concur_queue_put_string(most, "x", SIZE_MAX / 2, 0) == CONCUR_NO_MEMORY);
  CHECK(concur_semaphore_release(s, 1) == CONCUR_MISUSE && concur_semaphore_release(s, INT64_MAX) == CONCUR_MISUSE);
  CHECK(concur_semaphore_acquire(s, 0) == CONCUR_OK && concur_semaphore_release(s, 2) == CONCUR_MISUSE);
  CHECK(concur_semaphore_release(s, 1) == CONCUR_OK && concur_semaphore_value(s) == INT64_MAX);
  item = (concur_item){.type = (concur_type)99};
  CHECK(concur_queue_put(most, &item, 0) == CONCUR_TYPE);
  item = object(NULL);
  CHECK(concur_queue_put(most, &item, 0) == CONCUR_TYPE);
  CHECK(concur_item_array(&item, NULL, 0) == CONCUR_OK && item.type == CONCUR_OTHER);
  concur_item_clear(&item);
  concur_item nil = {.type = CONCUR_NIL};
  CHECK(concur_item_array(&item, &nil, 1) == CONCUR_TYPE && item.type == CONCUR_NIL);

  /* lengths around each form of a string, as a value and as a key */
  static const size_t sizes[] = {0, 1, 63, 64, 239, 240, 241, 255, 256, 65535, 65536, 3000000};
  char *bytes = malloc(3000001);
  memset(bytes, 'k', 3000001);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t n = sizes[i];
    bytes[n] = '\0';
    const char *key = bytes;
    concur_item value = string(bytes), table;
    CHECK(concur_item_record(&table, &key, &value, 1) == CONCUR_OK);
    lua_State *L = open_state();
    concur_item_push(L, &table);
    lua_pushlstring(L, bytes, n);
    lua_gettable(L, -2);
    CHECK(lua_rawlen(L, -1) == n);
    concur_item_clear(&table);
    CHECK(concur_queue_put(most, &value, 0) == CONCUR_OK && concur_queue_get(most, &item, 0) == CONCUR_OK);
    while (item.as.string.size != n) { /* the empty one from above */
      concur_item_clear(&item);
      CHECK(concur_queue_get(most, &item, 0) == CONCUR_OK);
    }
    CHECK(memcmp(item.as.string.bytes, bytes, n) == 0);
    concur_item_clear(&item);
    lua_close(L);
    bytes[n] = 'k';
  }
  free(bytes);
  concur_release(s);
  concur_release(most);
  concur_release(q);
}

/* ==} {== where Lua runs */

static int push_it(lua_State *L) {
  concur_push(L, lua_touserdata(L, 1));
  return 1;
}

/* A wait in C, called by Lua code: a thread's, a task's; both can be cancelled. */
static int wait_for(lua_State *L) {
  concur_item item;
  int status = concur_queue_get(concur_to_queue(L, 1), &item, luaL_optnumber(L, 2, CONCUR_FOREVER));
  if (status != CONCUR_OK) return concur_raise(L, status);
  concur_item_push(L, &item);
  concur_item_clear(&item);
  return 1;
}

static int start_in(lua_State *L) {
  char message[100];
  concur_thread *t;
  concur_item item;
  concur_start s = {.code = luaL_checkstring(L, 1), .process = lua_toboolean(L, 2)};
  int status = concur_thread_start(&s, &t, message, sizeof message);
  if (status != CONCUR_OK) return luaL_error(L, "%s: %s", concur_status_text(status), message);
  status = concur_thread_join(t, &item, 30);
  concur_release(t);
  if (status != CONCUR_OK) return concur_raise(L, status);
  concur_item_push(L, &item);
  concur_item_clear(&item);
  return 1;
}

/* Keeps all that comes, and has no time to give it back. */
static int hoard(lua_State *L) {
  static concur_item items[100];
  concur_queue *q = concur_to_queue(L, 1);
  for (int i = 0; i < 100; i++) CHECK(concur_queue_get(q, &items[i], CONCUR_FOREVER) == CONCUR_OK);
  concur_value_get(concur_to_value(L, 2), &items[0]);
  raise(SIGKILL);
  return 0;
}

static int open_edge(lua_State *L) {
  static const luaL_Reg functions[] = {{"hoard", hoard}, {"wait_for", wait_for}, {"start", start_in}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

static int prepare(lua_State *L) {
  luaL_requiref(L, "edge", open_edge, 0);
  return 0;
}

static void inside(void) {
  concur_queue *q = concur_queue_new(0);
  lua_State *L = luaL_newstate(); /* without concur */
  CHECK(L != NULL);
  lua_pushcfunction(L, push_it);
  lua_pushlightuserdata(L, q);
  CHECK(lua_pcall(L, 1, 1, 0) != LUA_OK && strstr(lua_tostring(L, -1), "concur is not opened") != NULL);
  lua_close(L);
  concur_release(q);
  CHECK(concur_set_prepare(prepare, NULL) == CONCUR_OK);
  L = open_state();
  concur_prepare(L);
  run(L, "local concur, edge = require 'concur', require 'edge'\n"
         "local wait_for, start = edge.wait_for, edge.start\n"
         "local q = concur.queue()\n"
         "local t = concur.spawn(function() return wait_for(q) end)\n"
         "q:put(5) assert(select(2, t:join(20)) == 5)\n"
         "t = concur.spawn(function() return wait_for(q) end)\n"
         "while t:status() ~= 'waiting' do concur.sleep(0.001) end\n"
         "t:cancel() local ok, err = t:join(20) assert(not ok and err == concur.CANCELLED, err)\n"
         "t = concur.spawn(function() return start 'return 6' + start('return 7', true) end)\n"
         "assert(select(2, t:join(20)) == 13)\n"
         "local p = concur.process(function() q:put({1}) return wait_for(q)[1] + start 'return 8' end):start()\n"
         "assert(select(2, p:join(20)) == 9)\n"
         "if pcall(require, 'luv') then\n"
         "  local async = concur.async\n"
         "  async.run(function()\n"
         "    local task = async.spawn(function() q:put(start 'return 2') return wait_for(q) end)\n"
         "    assert(task:await() == 2)\n"
         "  end)\n"
         "end\n");
  lua_close(L);
  CHECK(concur_set_prepare(NULL, NULL) == CONCUR_OK);
}

/* What a killed process had in items goes with it. */
static void killed(void) {
  CHECK(concur_set_prepare(prepare, NULL) == CONCUR_OK);
  lua_State *L = open_state();
  concur_prepare(L);
  run(L, "local concur, hoard = require 'concur', require 'edge'.hoard\n"
         "local text = ('x'):rep(200000)\n"
         "local function round()\n"
         "  local q, v = concur.queue(), concur.value(concur.latch(1))\n"
         "  for i = 1, 50 do q:put(concur.event()) q:put(text) end\n"
         "  local p = concur.process(hoard, q, v):start()\n"
         "  local ok, err = p:join(30)\n"
         "  assert(not ok and err:find 'SIGKILL', err)\n"
         "end\n"
         "local function memory()\n"
         "  collectgarbage() collectgarbage()\n"
         "  local info = concur.info()\n"
         "  assert(info.objects.event == 0 and info.objects.queue == 0, info.objects.event)\n"
         "  assert(info.objects.value == 0 and info.objects.latch == 0)\n"
         "  return info.shared_memory\n"
         "end\n"
         "round() local before = memory()\n"
         "for i = 1, 3 do round() end\n"
         "assert(memory() < before + 5000000, memory())\n");
  lua_close(L);
  CHECK(concur_set_prepare(NULL, NULL) == CONCUR_OK);
}

/* ==} {== no memory */

static lua_State *bench; /* where concur._fail_at is, in debug builds */

static int fail_at(lua_Integer n) {
  lua_getglobal(bench, "concur");
  if (lua_getfield(bench, -1, "_fail_at") == LUA_TNIL) return 0;
  lua_pushinteger(bench, n);
  lua_call(bench, 1, 0);
  lua_settop(bench, 0);
  return 1;
}

static int fine(int status) {
  CHECK(status == CONCUR_OK || status == CONCUR_NO_MEMORY);
  return status == CONCUR_OK;
}

/* All that may need shared memory; whether nothing failed. */
static int use_all(const char *text, size_t size) {
  static const char *const keys[] = {"a", "b"};
  concur_queue *q = concur_queue_new(0), *p;
  concur_event *e = concur_event_new();
  concur_future *f = concur_future_new();
  concur_item item, table = {.type = CONCUR_NIL}, parts[2];
  concur_value *v = concur_value_new(NULL);
  concur_item long_one = {.type = CONCUR_STRING, .as.string = {text, size}};
  int good = q != NULL && e != NULL && f != NULL && v != NULL;
  if (good) {
    parts[0] = long_one, parts[1] = object(e);
    good &= fine(concur_item_record(&table, keys, parts, 2));
    good &= fine(concur_queue_put(q, &long_one, 0)) && fine(concur_queue_put(q, &table, 0));
    good &= fine(concur_queue_put_object(q, f, 0));
    good &= fine(concur_value_set(v, &table)) && fine(concur_value_set(v, &long_one));
    good &= fine(concur_future_set_result(f, &table));
    concur_item_clear(&table);
    while (concur_queue_get(q, &item, 0) == CONCUR_OK) concur_item_clear(&item);
    if (concur_future_result(f, &item, 0) == CONCUR_OK) good &= fine(concur_queue_put(q, &item, 0));
    concur_item_clear(&item);
    lua_getglobal(bench, "p");
    p = concur_to_queue(bench, -1);
    good &= fine(concur_queue_put(p, &long_one, 0));
    if (concur_queue_get(p, &item, 0) == CONCUR_OK) concur_item_clear(&item);
    lua_settop(bench, 0);
  }
  concur_release(q), concur_release(e), concur_release(f), concur_release(v);
  return good;
}

static void starved(void) {
  char *text = malloc(5000);
  memset(text, 't', 5000);
  bench = open_state();
  run(bench, "concur = require 'concur' p = concur.priority_queue()");
  for (lua_Integer n = 1, failed = fail_at(0); failed != 0; n++) {
    CHECK(n < 500);
    fail_at(n);
    int good = use_all(text, 5000);
    fail_at(0);
    if (good) break;
  }
  CHECK(use_all(text, 5000));
  run(bench, "collectgarbage() collectgarbage() local o = concur.info().objects\n"
             "assert(o.queue == 0 and o.event == 0 and o.future == 0 and o.value == 0)");
  lua_close(bench);
  free(text);
}

static _Atomic long budget = LONG_MAX, alive;

/* Gives so many blocks; then nothing. */
static void *meagre(void *ud, void *p, size_t old, size_t size) {
  (void)ud, (void)old;
  if (size == 0) {
    atomic_fetch_sub(&alive, p != NULL);
    free(p);
    return NULL;
  }
  if (p == NULL || size > old) {
    if (atomic_fetch_sub(&budget, 1) <= 0) return NULL;
  }
  void *moved = realloc(p, size);
  atomic_fetch_add(&alive, p == NULL && moved != NULL);
  return moved;
}

/* The allocator refuses from the n-th block on, for ever: in the state that loads, or in the thread's. */
static void meagre_host(void) {
  concur_allocator a = {meagre, NULL, NULL, NULL};
  concur_item item, word = string("word");
  concur_start s = {.code = "local t = {} for i = 1, 300 do t[i] = {i} end return ... .. #t", .args = &word, .nargs = 1};
  CHECK(concur_set_allocator(&a) == CONCUR_OK);
  int good = 0;
  for (long n = 0; good < 3; n += 1 + n / 40) {
    char message[100] = "";
    concur_thread *t;
    CHECK(n < 1000000);
    atomic_store(&budget, n);
    int status = concur_thread_start(&s, &t, message, sizeof message);
    CHECK(status == CONCUR_OK || status == CONCUR_NO_MEMORY);
    if (status != CONCUR_OK) continue;
    status = concur_thread_join(t, &item, 30);
    CHECK(status == CONCUR_OK || status == CONCUR_FAILED);
    if (status == CONCUR_OK) {
      CHECK(is_string(&item, "word300"));
      good++;
    }
    concur_item_clear(&item);
    concur_release(t);
  }
  atomic_store(&budget, LONG_MAX);
}

/* ==} {== hooks */

static _Atomic int calls;

static int yields(lua_State *L) { return lua_yield(L, 0); }

static int raises_no_text(lua_State *L) {
  lua_newtable(L);
  return lua_error(L);
}

/* Replaces itself, and starts a thread, which the next one prepares. */
static int replaces(lua_State *L) {
  concur_thread *t;
  concur_item item;
  concur_start s = {.code = "return 'inner'"};
  (void)L;
  CHECK(concur_set_prepare(NULL, NULL) == CONCUR_OK);
  CHECK(concur_thread_start(&s, &t, NULL, 0) == CONCUR_OK);
  CHECK(concur_thread_join(t, &item, 30) == CONCUR_OK && is_string(&item, "inner"));
  concur_item_clear(&item);
  concur_release(t);
  return 0;
}

static int counts(lua_State *L) {
  (void)L;
  atomic_fetch_add(&calls, 1);
  return 0;
}

static void *change_hook(void *stop) {
  while (!concur_event_is_set(stop)) {
    concur_set_prepare(counts, NULL);
    concur_set_prepare(NULL, NULL);
    sched_yield();
  }
  return NULL;
}

static void hooks(void) {
  concur_start s = {.code = "return 1"};
  concur_item item;
  static const lua_CFunction bad[] = {yields, raises_no_text};
  for (int i = 0; i < 4; i++) {
    s.process = i >= 2;
    concur_set_prepare(bad[i % 2], NULL);
    concur_thread *t = start(&s);
    CHECK(concur_thread_join(t, &item, 30) == CONCUR_FAILED);
    concur_item_clear(&item);
    concur_release(t);
  }
  s.process = 0;
  concur_set_prepare(replaces, NULL);
  concur_thread *t = start(&s);
  CHECK(concur_thread_join(t, &item, 30) == CONCUR_OK && item.as.integer == 1);
  concur_release(t);
  concur_event *stop = concur_event_new();
  pthread_t changer;
  pthread_create(&changer, NULL, change_hook, stop);
  for (int i = 0; i < 100; i++) {
    t = start(&s);
    CHECK(concur_thread_join(t, &item, 30) == CONCUR_OK);
    concur_release(t);
  }
  concur_event_set(stop);
  pthread_join(changer, NULL);
  concur_release(stop);
}

/* ==} {== the last reference, in a thread that is new to concur */

static void *drop(void *arg) {
  concur_release(arg);
  return NULL;
}

static void *drop_item(void *arg) {
  concur_item_clear(arg);
  free(arg);
  return NULL;
}

static void last(void) {
  pthread_t t;
  lua_State *L = open_state();
  for (int i = 0; i < 50; i++) {
    concur_queue *q = concur_queue_new(0), *inner = concur_queue_new(0);
    concur_item *item = malloc(sizeof *item);
    CHECK(concur_queue_put_object(q, inner, 0) == CONCUR_OK && concur_queue_put_object(q, inner, 0) == CONCUR_OK);
    CHECK(concur_queue_get(q, item, 0) == CONCUR_OK);
    concur_release(inner);
    pthread_create(&t, NULL, drop, q);
    pthread_join(t, NULL);
    CHECK(concur_queue_put_nil(concur_as_queue(item->as.object), 0) == CONCUR_OK);
    pthread_create(&t, NULL, drop_item, item);
    pthread_join(t, NULL);
  }
  run(L, "assert((require 'concur'.info().objects.queue or 0) == 0)");
  lua_close(L);
}

/* ==} */

int main(int argc, char **argv) {
  static const mode modes[] = {{"forward", forward}, {"code", code},   {"edges", edges}, {"inside", inside},
                               {"hooks", hooks},     {"last", last}, {"killed", killed},
                               {"starved", starved}, {"meagre", meagre_host}, {NULL, NULL}};
  return run_mode(argc, argv, modes);
}
