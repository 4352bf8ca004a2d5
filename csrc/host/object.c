/* References, handles, and the types of objects. */
#include "host/host.h"

#include <lauxlib.h>

#include "codec/handle.h"
#include "core/deadlock.h"
#include "run/context.h"

void *host_own(void *o) {
  if (o != NULL) cc_deadlock_pending(1);
  return o;
}

void *concur_retain(void *object) {
  cc_object_retain(object);
  return host_own(object);
}

void concur_release(void *object) {
  if (object == NULL) return;
  cc_object_release(object);
  cc_deadlock_pending(-1);
}

const char *concur_type_name(const void *object) {
  return cc_kind_name((cc_kind)((const cc_object *)object)->kind);
}

void concur_push(lua_State *L, void *object) {
  luaL_checkstack(L, 3, NULL);
  run_push_module(L);
  if (!lua_istable(L, -1)) luaL_error(L, "concur is not opened in this state");
  lua_pop(L, 1);
  handle_push(L, object);
}

void *concur_to_object(lua_State *L, int index) {
  const codec_handle *h = handle_test(L, index);
  return h != NULL ? h->object : NULL;
}

/* The object if its kind is one of the two or between them. */
static void *of_kind(void *object, cc_kind first, cc_kind last) {
  const cc_object *o = object;
  return o != NULL && o->kind >= (uint32_t)first && o->kind <= (uint32_t)last ? object : NULL;
}

static void *one_of(void *object, cc_kind a, cc_kind b, cc_kind c) {
  void *o = of_kind(object, a, a);
  if (o == NULL) o = of_kind(object, b, b);
  return o != NULL ? o : of_kind(object, c, c);
}

concur_queue *concur_as_queue(void *object) { return of_kind(object, CC_QUEUE, CC_PRIORITY_QUEUE); }
concur_event *concur_as_event(void *object) { return of_kind(object, CC_EVENT, CC_EVENT); }
concur_lock *concur_as_lock(void *object) { return one_of(object, CC_LOCK, CC_RLOCK, CC_RLOCK); }
concur_semaphore *concur_as_semaphore(void *object) {
  return of_kind(object, CC_SEMAPHORE, CC_BOUNDED_SEMAPHORE);
}
concur_value *concur_as_value(void *object) { return of_kind(object, CC_VALUE, CC_VALUE); }
concur_future *concur_as_future(void *object) { return of_kind(object, CC_FUTURE, CC_FUTURE); }
concur_thread *concur_as_thread(void *object) { return one_of(object, CC_THREAD, CC_TIMER, CC_PROCESS); }

concur_queue *concur_to_queue(lua_State *L, int index) { return concur_as_queue(concur_to_object(L, index)); }
concur_event *concur_to_event(lua_State *L, int index) { return concur_as_event(concur_to_object(L, index)); }
concur_lock *concur_to_lock(lua_State *L, int index) { return concur_as_lock(concur_to_object(L, index)); }
concur_semaphore *concur_to_semaphore(lua_State *L, int index) {
  return concur_as_semaphore(concur_to_object(L, index));
}
concur_value *concur_to_value(lua_State *L, int index) { return concur_as_value(concur_to_object(L, index)); }
concur_future *concur_to_future(lua_State *L, int index) {
  return concur_as_future(concur_to_object(L, index));
}
concur_thread *concur_to_thread(lua_State *L, int index) {
  return concur_as_thread(concur_to_object(L, index));
}
