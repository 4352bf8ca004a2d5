/* concur.pipe and its connections */
#include "bind/queue.h"
#include "core/pipe.h"
#include "core/watch.h"

static cc_connection *self(lua_State *L) {
  cc_connection *c = (cc_connection *)bind_object(L, 1, CC_CONNECTION);
  /* a task that was waiting when another closed it is told by the queue */
  if (cc_unlikely(cc_connection_closed(c)) && !bind_resumes()) luaL_error(L, "the connection is closed");
  return c;
}

static cc_connection *receiver(lua_State *L) {
  cc_connection *c = self(L);
  if (c->in == NULL) luaL_error(L, "the connection only sends");
  return c;
}

void bind_connection_check(lua_State *L, cc_object *o) {
  cc_connection *c = (cc_connection *)o;
  if (o->kind != CC_CONNECTION) return;
  if (cc_connection_closed(c)) luaL_error(L, "the connection is closed");
  if (c->in == NULL) luaL_error(L, "the connection only sends");
}

static int connection_send(lua_State *L) {
  cc_connection *c = self(L);
  if (c->out == NULL) return luaL_error(L, "the connection only receives");
  luaL_checkany(L, 2);
  return bind_queue_put(L, c->out, 1, 2, bind_deadline(L, 3));
}

static int connection_recv(lua_State *L) {
  cc_connection *c = receiver(L);
  return bind_queue_get(L, c->in, bind_deadline(L, 2));
}

static int connection_poll(lua_State *L) {
  cc_object *o = &receiver(L)->object;
  int64_t deadline = lua_isnoneornil(L, 2) ? CC_NOW : bind_timeout(L, 2);
  bool ready = false;
  bind_wait wait;
  cc_self *me = bind_enter_task(L, &wait);
  cc_outcome outcome;
  do outcome = cc_watch_wait(me, &o, &ready, 1, deadline);
  while (bind_again(L, &wait, outcome));
  lua_pushboolean(L, outcome == CC_OK);
  return 1;
}

/* Also __close, and of a handle that was collected already. */
static int connection_close(lua_State *L) {
  if (bind_dropped(L)) return 0;
  cc_connection_close((cc_connection *)bind_object(L, 1, CC_CONNECTION));
  return 0;
}

static int connection_tostring(lua_State *L) {
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  const cc_connection *c = (cc_connection *)bind_object(L, 1, CC_CONNECTION);
  return bind_tostring(L, cc_connection_closed(c) ? "closed" : NULL);
}

/* concur.pipe([duplex=true[, maxsize=0]]) */
static int new_pipe(lua_State *L) {
  cc_connection *ends[2];
  bool duplex = true;
  if (!lua_isnoneornil(L, 1)) {
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    duplex = lua_toboolean(L, 1);
  }
  lua_Integer capacity = luaL_optinteger(L, 2, 0);
  luaL_argcheck(L, capacity >= 0, 2, "maxsize must not be negative");
  codec_handle *first = handle_new(L, CC_CONNECTION, 0), *second = handle_new(L, CC_CONNECTION, 0);
  if (!cc_pipe_new(duplex, (uint64_t)capacity, ends)) return luaL_error(L, "out of shared memory");
  first->object = &ends[0]->object;
  second->object = &ends[1]->object;
  return 2;
}

void bind_open_connection(lua_State *L) {
  static const luaL_Reg methods[] = {{"send", connection_send},
                                     {"recv", connection_recv},
                                     {"poll", connection_poll},
                                     {"close", connection_close},
                                     {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__close", connection_close}, {"__tostring", connection_tostring}, {NULL, NULL}};
  bind_type(L, CC_CONNECTION, methods, metamethods);
  lua_pushcfunction(L, new_pipe);
  lua_setfield(L, -2, "pipe");
}
