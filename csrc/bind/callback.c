/*
** The state's registry has the queue, and a table of what is to be called: for each number that
** the queue may bring the function and the future; beside that, for the id of each future and crew,
** how many calls are outstanding.
*/
#include "bind/callback.h"

#include <stdlib.h>
#include <string.h>

#include "codec/item.h"
#include "core/watch.h"
#include "run/context.h"
#include "run/thread.h"

static const char mail_key, calls_key, counts_key;

typedef struct box {
  cc_queue *mail;      /* NULL: nothing was ever outstanding in this state */
  lua_Integer last;    /* number given */
  uint64_t outstanding;
} box;

/* Pushes the state's box, which its queue's handle keeps. */
static box *get_box(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &mail_key);
  box *b = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return b;
}

static box *need_box(lua_State *L) {
  box *b = get_box(L);
  if (b != NULL) return b;
  b = lua_newuserdatauv(L, sizeof *b, 1);
  *b = (box){NULL, 0, 0};
  codec_handle *h = handle_new(L, CC_QUEUE, 0);
  h->object = (cc_object *)cc_queue_new(CC_QUEUE, 0, NULL);
  if (h->object == NULL) bind_raise(L, CC_NO_MEMORY);
  b->mail = (cc_queue *)(void *)h->object;
  lua_setiuservalue(L, -2, 1);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &calls_key);
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &counts_key);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &mail_key);
  return b;
}

static lua_Integer count_of(lua_State *L, const cc_object *o) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &counts_key);
  lua_Integer n = 0;
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, (lua_Integer)o->id);
    n = lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return n;
}

static void count(lua_State *L, const cc_future *f, lua_Integer change) {
  const cc_object *of[] = {&f->work.object, f->work.crew != NULL ? &f->work.crew->object : NULL};
  for (int i = 0; i < 2 && of[i] != NULL; i++) {
    lua_Integer n = count_of(L, of[i]) + change;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &counts_key);
    if (n != 0)
      lua_pushinteger(L, n);
    else
      lua_pushnil(L);
    lua_rawseti(L, -2, (lua_Integer)of[i]->id);
    lua_pop(L, 1);
  }
}

void bind_call_back(lua_State *L, int future, int idx, bind_call when) {
  cc_self *me = cc_self_get();
  cc_future *f = (cc_future *)bind_object(L, future, CC_FUTURE);
  box *b = need_box(L);
  luaL_checkstack(L, 10, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &calls_key);
  lua_createtable(L, 3, 0);
  lua_pushvalue(L, future);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, idx);
  lua_rawseti(L, -2, 2);
  lua_pushinteger(L, when);
  lua_rawseti(L, -2, 3);
  lua_rawseti(L, -2, ++b->last);
  lua_pop(L, 1);
  count(L, f, 1);
  b->outstanding++;
  cc_outcome outcome = cc_future_tell(me, f, b->mail, (uint64_t)b->last);
  if (outcome == CC_CLOSED) {
    cc_item tag = {0, CC_ITEM_INTEGER, {(uint64_t)b->last}};
    outcome = cc_queue_put(me, b->mail, &tag, CC_NOW);
  }
  if (outcome == CC_NO_MEMORY) bind_raise(L, outcome);
}

/* {== what came of a future */

void bind_push_failure(lua_State *L, const cc_crew *c, uint32_t failure, int code) {
  char text[200];
  if (failure == CC_BY_CREW) {
    if (c->error.kind != CC_ITEM_NIL || c->traceback != NULL)
      codec_read_item(L, &c->error);
    else
      bind_push_failure(L, c, c->failure, c->code);
    return;
  }
  cc_failure_text((cc_failure)failure, code, text, sizeof text);
  lua_pushstring(L, text);
}

int bind_push_result(lua_State *L, cc_future *f) {
  cc_future_state state = cc_future_now(f);
  if (state == CC_CALLED_OFF) {
    run_push_cancelled(L);
    return 1;
  }
  if (state == CC_FAILED && f->failure != CC_BY_ERROR) {
    bind_push_failure(L, f->work.crew, f->failure, f->code);
    return 1;
  }
  return codec_read_item(L, &f->item); /* which does not change any more */
}

/* ==} {== calling */

static int traceback(lua_State *L) {
  run_unwinding++;
  if (run_is_cancelled(L, 1)) return 1;
  lua_createtable(L, 2, 0); /* error and traceback, for the hook */
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  lua_rawseti(L, -3, 2);
  lua_pop(L, 1);
  return 1;
}

static int call_hook(lua_State *L) {
  run_push_module(L);
  lua_getfield(L, -1, "excepthook");
  if (!lua_toboolean(L, -1)) return 0;
  run_thread *t = run_thread_current();
  if (t == NULL) return 0;
  handle_push(L, &t->object);
  lua_rawgeti(L, 1, 1);
  lua_rawgeti(L, 1, 2);
  lua_call(L, 3, 0);
  return 0;
}

/* Calls the function below n arguments; what it raises is reported. */
static void call_one(lua_State *L, int n) {
  int function = lua_gettop(L) - n;
  uint32_t before = run_unwinding;
  lua_pushcfunction(L, traceback);
  lua_insert(L, function);
  int status = lua_pcall(L, n, 0, function);
  run_unwinding = before;
  lua_remove(L, function);
  if (status == LUA_OK) return;
  if (run_is_cancelled(L, -1)) lua_error(L); /* that is for the thread itself */
  lua_pushcfunction(L, call_hook);
  lua_insert(L, -2);
  if (!lua_istable(L, -1) || lua_pcall(L, 1, 0, 0) != LUA_OK) lua_settop(L, function - 1);
}

/* What the table on top says, which is popped. */
static void call_entry(lua_State *L) {
  int entry = lua_gettop(L);
  lua_rawgeti(L, entry, 1);
  cc_future *f = (cc_future *)bind_object(L, -1, CC_FUTURE);
  lua_rawgeti(L, entry, 3);
  bind_call when = (bind_call)lua_tointeger(L, -1);
  bool ok = cc_future_now(f) == CC_SUCCEEDED;
  lua_pop(L, 1);
  count(L, f, -1);
  get_box(L)->outstanding--;
  if (when == BIND_CALL_ALWAYS || (when == BIND_CALL_RESULTS) == ok) {
    int n = 1;
    lua_rawgeti(L, entry, 2);
    if (when == BIND_CALL_ALWAYS)
      lua_pushvalue(L, entry + 1);
    else
      n = bind_push_result(L, f);
    call_one(L, n);
  }
  lua_settop(L, entry - 1);
}

/* Takes the next call from the mail; false: none came. */
static bool call_next(lua_State *L, box *b, int64_t deadline) {
  cc_item tag;
  cc_self *me = cc_self_get();
  me->shield++; /* if it waits, then for something that is on its way */
  cc_outcome outcome = cc_queue_get(me, b->mail, &tag, deadline);
  me->shield--;
  if (outcome != CC_OK) return false;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &calls_key);
  lua_rawgeti(L, -1, (lua_Integer)tag.u.word);
  lua_pushnil(L);
  lua_rawseti(L, -3, (lua_Integer)tag.u.word);
  lua_remove(L, -2);
  if (lua_istable(L, -1))
    call_entry(L);
  else /* told twice: whoever did it was killed in between */
    lua_pop(L, 1);
  return true;
}

int bind_call_due(lua_State *L) {
  box *b = get_box(L);
  int n = 0;
  if (cc_likely(b == NULL || b->outstanding == 0)) return 0;
  while (b->outstanding > 0 && call_next(L, b, CC_NOW)) n++;
  return n;
}

#define SOON 1000000000 /* ns in which a notice must have come that is on its way */

void bind_call_rest(lua_State *L, const cc_object *o) {
  box *b = get_box(L);
  if (b == NULL) return;
  while (count_of(L, o) > 0 && call_next(L, b, cc_clock() + SOON)) continue;
}

/* ==} {== waiting */

static cc_outcome watch(cc_self *me, cc_object *o, cc_queue *mail, int64_t deadline) {
  cc_object *objects[] = {o, &mail->object};
  bool ready[] = {false, false};
  return cc_watch_wait(me, objects, ready, 2, deadline);
}

cc_outcome bind_await_then(lua_State *L, cc_object *o, uint64_t what, bind_waiter *f, cc_crew *c, int64_t deadline,
                           lua_KFunction again) {
  bind_wait wait;
  cc_outcome outcome;
  for (;;) {
    bool resumes = bind_resumes();
    if (!resumes) bind_call_due(L);
    box *b = get_box(L);
    bool calls = resumes ? cc_self_storage.stage != 0 : b != NULL && b->outstanding > 0;
    cc_self *me = bind_enter_task_then(L, &wait, again, 0);
    do {
      outcome = bind_resumes() ? CC_TIMEOUT : f(me, o, what, CC_NOW);
      if (outcome != CC_TIMEOUT || deadline == CC_NOW) continue;
      if (me->suspends) {
        me->stage = calls;
        outcome = calls ? watch(me, o, b->mail, deadline) : f(me, o, what, deadline);
        continue;
      }
      cc_crew_block(me, c);
      outcome = calls ? watch(me, o, b->mail, deadline) : f(me, o, what, deadline);
      cc_crew_unblock(me, c);
    } while (bind_again(L, &wait, outcome));
    if (!calls || outcome != CC_OK || f(me, o, what, CC_NOW) != CC_TIMEOUT) return outcome;
  }
}

cc_outcome bind_await(lua_State *L, cc_object *o, uint64_t what, bind_waiter *f, cc_crew *c, int64_t deadline) {
  return bind_await_then(L, o, what, f, c, deadline, NULL);
}

/* ==} */
