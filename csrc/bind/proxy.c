/*
** Proxies: the methods of the object behind them, by its kind. What takes a function, and what
** an iteration needs, is done here.
*/
#include <stdio.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/remote.h"

static cc_proxy *self(lua_State *L) { return (cc_proxy *)bind_object(L, 1, CC_PROXY); }

static int call(lua_State *L, const char *name, int first, int timeout) {
  cc_proxy *x = self(L);
  return bind_remote_call(L, x->link, x->remote, name, first, timeout);
}

/* {== methods that take a function */

/* Who wants that registers a function with the server, which does it there. */
static int refuse_function(lua_State *L, const char *name) {
  self(L);
  return luaL_error(L, "cannot %s through a proxy: code does not cross the network", name);
}

static int proxy_update(lua_State *L) { return refuse_function(L, "update"); }

static int proxy_sort(lua_State *L) {
  if (!lua_isnoneornil(L, 2)) return refuse_function(L, "sort");
  lua_settop(L, 1);
  return call(L, "sort", 2, 0);
}

static int proxy_with(lua_State *L) {
  const int top = lua_gettop(L);
  self(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  int n = call(L, "acquire", top + 1, 0);
  if (n == 0 || lua_isnil(L, top + 1)) return n; /* lost */
  lua_settop(L, top);
  return bind_with(L);
}

static int proxy_wait(lua_State *L) { return call(L, "wait", 2, 2); }

/* As the local one: the predicate is called once more after the deadline. */
static int proxy_wait_for(lua_State *L) {
  self(L);
  int64_t deadline = bind_deadline(L, 3);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  for (bool in_time = true;;) {
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_call(L, 0, 1);
    if (lua_toboolean(L, -1) || !in_time || deadline == CC_NOW) return 1;
    lua_settop(L, 2);
    if (deadline != CC_FOREVER) {
      int64_t left = deadline - cc_clock();
      lua_pushnumber(L, left > 0 ? (lua_Number)left / 1e9 : 0);
    }
    /* below another C function, so that a task's thread waits: what this loop knows is not on Lua's stack */
    const int top = lua_gettop(L);
    lua_pushcfunction(L, proxy_wait);
    lua_pushvalue(L, 1);
    if (top == 3) lua_pushvalue(L, 3);
    lua_call(L, top - 1, LUA_MULTRET);
    int n = lua_gettop(L) - top;
    if (lua_isnil(L, -n)) return n; /* lost */
    in_time = lua_toboolean(L, -n);
  }
}

/* ==} {== methods */

static int next_item(lua_State *L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  call(L, "get", 2, 0);
  lua_settop(L, 2);
  return 1;
}

static int proxy_items(lua_State *L) {
  self(L);
  lua_settop(L, 1);
  lua_pushcclosure(L, next_item, 1);
  return 1;
}

typedef struct method {
  const char *name;
  int timeout;           /* stack index of the timeout, or 0 */
  lua_CFunction special; /* NULL: it is simply called there */
} method;

static const method queue_methods[] = {
    {"put", 3, NULL},       {"get", 2, NULL},       {"put_nowait", 0, NULL}, {"get_nowait", 0, NULL},
    {"put_many", 3, NULL},  {"get_many", 3, NULL},  {"qsize", 0, NULL},      {"empty", 0, NULL},
    {"full", 0, NULL},      {"maxsize", 0, NULL},   {"task_done", 0, NULL},  {"join", 2, NULL},
    {"close", 0, NULL},     {"closed", 0, NULL},    {"items", 0, proxy_items}, {NULL, 0, NULL}};

static const method dict_methods[] = {
    {"get", 0, NULL},  {"set", 0, NULL},    {"has", 0, NULL},   {"pop", 0, NULL},
    {"setdefault", 0, NULL}, {"keys", 0, NULL}, {"values", 0, NULL}, {"copy", 0, NULL},
    {"clear", 0, NULL}, {"merge", 0, NULL}, {"update", 0, proxy_update}, {NULL, 0, NULL}};

static const method list_methods[] = {
    {"append", 0, NULL}, {"insert", 0, NULL}, {"pop", 0, NULL},   {"extend", 0, NULL},
    {"index", 0, NULL},  {"copy", 0, NULL},   {"clear", 0, NULL}, {"sort", 0, proxy_sort},
    {NULL, 0, NULL}};

static const method value_methods[] = {
    {"get", 0, NULL},  {"set", 0, NULL},          {"add", 0, NULL},
    {"swap", 0, NULL}, {"compare_swap", 0, NULL}, {"update", 0, proxy_update}, {NULL, 0, NULL}};

static const method lock_methods[] = {{"acquire", 2, NULL}, {"release", 0, NULL},
                                      {"locked", 0, NULL},  {"owner", 0, NULL},
                                      {"with", 0, proxy_with}, {NULL, 0, NULL}};

static const method rlock_methods[] = {
    {"acquire", 2, NULL}, {"release", 0, NULL}, {"locked", 0, NULL}, {"owner", 0, NULL},
    {"count", 0, NULL},   {"with", 0, proxy_with}, {NULL, 0, NULL}};

static const method condition_methods[] = {
    {"acquire", 2, NULL}, {"release", 0, NULL}, {"locked", 0, NULL},
    {"owner", 0, NULL},   {"wait", 2, NULL},    {"notify", 0, NULL},
    {"notify_all", 0, NULL}, {"with", 0, proxy_with}, {"wait_for", 0, proxy_wait_for},
    {NULL, 0, NULL}};

static const method semaphore_methods[] = {{"acquire", 2, NULL}, {"release", 0, NULL},
                                           {"value", 0, NULL}, {"with", 0, proxy_with},
                                           {NULL, 0, NULL}};

static const method event_methods[] = {
    {"set", 0, NULL}, {"clear", 0, NULL}, {"is_set", 0, NULL}, {"wait", 2, NULL}, {NULL, 0, NULL}};

static const method barrier_methods[] = {
    {"wait", 2, NULL},   {"parties", 0, NULL}, {"n_waiting", 0, NULL},
    {"broken", 0, NULL}, {"abort", 0, NULL},   {"reset", 0, NULL}, {NULL, 0, NULL}};

static const method latch_methods[] = {
    {"count_down", 0, NULL}, {"count", 0, NULL}, {"wait", 2, NULL}, {NULL, 0, NULL}};

static const method *const methods_of[CC_KINDS] = {
    [CC_QUEUE] = queue_methods,         [CC_LIFO] = queue_methods,
    [CC_PRIORITY_QUEUE] = queue_methods, [CC_DICT] = dict_methods,
    [CC_LIST] = list_methods,           [CC_VALUE] = value_methods,
    [CC_LOCK] = lock_methods,           [CC_RLOCK] = rlock_methods,
    [CC_CONDITION] = condition_methods, [CC_SEMAPHORE] = semaphore_methods,
    [CC_BOUNDED_SEMAPHORE] = semaphore_methods, [CC_EVENT] = event_methods,
    [CC_BARRIER] = barrier_methods,     [CC_LATCH] = latch_methods};

/* Upvalue: the method. */
static int call_method(lua_State *L) {
  const method *m = lua_touserdata(L, lua_upvalueindex(1));
  return call(L, m->name, 2, m->timeout);
}

/* Pushes the methods of that kind as functions: a table in the table of methods, made when it
** is first wanted. */
static void push_methods(lua_State *L, uint32_t kind) {
  if (lua_rawgeti(L, lua_upvalueindex(1), (lua_Integer)kind) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  for (const method *m = methods_of[kind]; m != NULL && m->name != NULL; m++) {
    if (m->special != NULL) {
      lua_pushcfunction(L, m->special);
    } else {
      lua_pushlightuserdata(L, (void *)(uintptr_t)m);
      lua_pushcclosure(L, call_method, 1);
    }
    lua_setfield(L, -2, m->name);
  }
  lua_pushvalue(L, -1);
  lua_rawseti(L, lua_upvalueindex(1), (lua_Integer)kind);
}

/* ==} {== metamethods */

static bool acquires(uint32_t kind) {
  switch (kind) {
    case CC_LOCK:
    case CC_RLOCK:
    case CC_CONDITION:
    case CC_SEMAPHORE:
    case CC_BOUNDED_SEMAPHORE: return true;
    default: return false;
  }
}

static bool is_number_or_boolean(lua_State *L, int idx) {
  return lua_type(L, idx) == LUA_TNUMBER || lua_type(L, idx) == LUA_TBOOLEAN;
}

/* Methods come before keys. */
static int proxy_index(lua_State *L) {
  cc_proxy *x = self(L);
  bool text = lua_type(L, 2) == LUA_TSTRING;
  lua_settop(L, 2);
  if (text) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    push_methods(L, x->kind);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) return 1;
    lua_settop(L, 2);
  }
  bool reads = (x->kind == CC_DICT && (text || is_number_or_boolean(L, 2))) ||
               (x->kind == CC_LIST && lua_type(L, 2) == LUA_TNUMBER);
  if (!reads) return 0;
  int n = call(L, "__index", 2, 0);
  return n > 1 ? (lua_pop(L, n - 1), 1) : n;
}

static int proxy_newindex(lua_State *L) {
  cc_proxy *x = self(L);
  if (x->kind != CC_DICT && x->kind != CC_LIST)
    return luaL_error(L, "attempt to set a field of a proxy");
  lua_settop(L, 3);
  if (call(L, "__newindex", 2, 0) == 0) return 0;
  return luaL_error(L, "%s", lua_tostring(L, -1)); /* lost: there is nobody to return that to */
}

static int proxy_len(lua_State *L) {
  cc_proxy *x = self(L);
  const method *m = methods_of[x->kind];
  if (m != queue_methods && m != dict_methods && m != list_methods)
    return luaL_error(L, "attempt to get the length of a proxy");
  lua_settop(L, 1);
  return call(L, "__len", 2, 0);
}

static int copy(lua_State *L) {
  lua_settop(L, 1);
  int n = call(L, "copy", 2, 0);
  if (!lua_istable(L, -n)) return luaL_error(L, "%s", n > 1 ? lua_tostring(L, -n + 1) : "malformed data");
  lua_settop(L, 2);
  return 1;
}

static int proxy_pairs(lua_State *L) {
  cc_proxy *x = self(L);
  if (x->kind != CC_DICT && x->kind != CC_LIST)
    return luaL_error(L, "bad argument #1 to 'for iterator' (table expected, got concur.proxy)");
  lua_settop(L, 1);
  return bind_pairs(L, copy);
}

/* A scope gives back what it acquired. Nothing is left to do on a lost connection. */
static int proxy_close(lua_State *L) {
  if (bind_dropped(L)) return 0;
  cc_proxy *x = self(L);
  if (!acquires(x->kind) || !cc_link_ours(x->link)) return 0;
  lua_settop(L, 1);
  call(L, "__close", 2, 0);
  return 0;
}

static int proxy_tostring(lua_State *L) {
  char text[CC_LINK_NAME + 40];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  const cc_proxy *x = self(L);
  snprintf(text, sizeof text, "%s at %s", cc_kind_name((cc_kind)x->kind), x->link->name);
  return bind_tostring(L, text);
}

/* ==} */

void bind_open_proxy(lua_State *L) {
  static const luaL_Reg methods[] = {{NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__newindex", proxy_newindex}, {"__len", proxy_len},     {"__pairs", proxy_pairs},
      {"__close", proxy_close},       {"__tostring", proxy_tostring}, {NULL, NULL}};
  bind_type_indexed(L, CC_PROXY, methods, metamethods, proxy_index);
}
