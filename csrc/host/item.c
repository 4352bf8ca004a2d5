/*
** Items: a core's item in the storage of the host's, and what of it shows outside. A string points into
** that storage, or into the parcel that it holds.
*/
#include "host/host.h"

#include <lauxlib.h>

#include <string.h>

#include "codec/bare.h"
#include "codec/item.h"
#include "core/parcel.h"
#include "core/value.h"

_Static_assert(sizeof(cc_item) <= sizeof((concur_item *)NULL)->storage, "an item has its storage");

cc_item *host_stored(concur_item *item) { return (cc_item *)(void *)item->storage; }

static const cc_item *stored(const concur_item *item) { return (const cc_item *)(const void *)item->storage; }

/* {== to the host */

static void set_string(concur_item *item, const void *bytes, size_t size) {
  item->type = CONCUR_STRING;
  item->as.string.bytes = bytes;
  item->as.string.size = size;
}

static void set_bare(concur_item *item, const bare_value *v) {
  switch (v->kind) {
    case BARE_NIL: item->type = CONCUR_NIL; break;
    case BARE_BOOLEAN:
      item->type = CONCUR_BOOLEAN;
      item->as.boolean = v->u.boolean;
      break;
    case BARE_INTEGER:
      item->type = CONCUR_INTEGER;
      item->as.integer = v->u.integer;
      break;
    case BARE_NUMBER:
      item->type = CONCUR_NUMBER;
      item->as.number = v->u.number;
      break;
    case BARE_STRING: set_string(item, v->u.string.bytes, v->u.string.size); break;
    case BARE_OBJECT:
      item->type = CONCUR_OBJECT;
      item->as.object = v->u.object;
      break;
    default: item->type = CONCUR_OTHER;
  }
}

void host_receive_nothing(concur_item *item) {
  item->type = CONCUR_NIL;
  item->owned = 0;
  item->owner = item->keeper = NULL;
}

void host_receive_text(concur_item *item, const char *text) {
  size_t n = strlen(text);
  if (n > CC_INLINE) n = CC_INLINE;
  host_receive_nothing(item);
  host_stored(item)->kind = CC_ITEM_STRING;
  host_stored(item)->size = (uint32_t)n;
  memcpy(host_stored(item)->u.bytes, text, n);
  set_string(item, host_stored(item)->u.bytes, n);
}

/* The parcel in the caller's hand becomes the item's. In a child a value keeps it, which goes with the process
** should that be killed; the main one is buried by nobody. Without memory for a value the item has it alone. */
static void own(concur_item *item, cc_object *owner) {
  cc_item parcel = *stored(item);
  cc_value *keeper = cc_family_self != 0 ? cc_value_new() : NULL;
  item->owned = 1;
  item->keeper = keeper;
  if (keeper != NULL)
    cc_value_exchange(cc_self_get(), keeper, &parcel);
  else
    cc_parcel_lay(parcel.u.parcel);
  if (owner != NULL) cc_object_retain(owner);
  item->owner = owner;
}

void host_receive(concur_item *item, cc_object *owner) {
  const cc_item *in = stored(item);
  bare_value v;
  host_receive_nothing(item);
  if (cc_unlikely(cc_item_has_parcel(in->kind))) own(item, owner);
  switch (in->kind) {
    case CC_ITEM_INTEGER:
      item->type = CONCUR_INTEGER;
      item->as.integer = (int64_t)in->u.word;
      break;
    case CC_ITEM_NUMBER:
      item->type = CONCUR_NUMBER;
      item->as.number = cc_item_number(in);
      break;
    case CC_ITEM_BOOLEAN:
      item->type = CONCUR_BOOLEAN;
      item->as.boolean = in->u.word != 0;
      break;
    case CC_ITEM_NIL: break;
    case CC_ITEM_STRING: set_string(item, in->u.bytes, in->size); break;
    case CC_ITEM_TEXT: set_string(item, in->u.parcel->bytes, in->u.parcel->size); break;
    case CC_ITEM_BYTES:
      bare_first(in->u.bytes, in->size, NULL, 0, &v);
      set_bare(item, &v);
      break;
    default:
      bare_first(in->u.parcel->bytes, in->u.parcel->size, cc_parcel_objects(in->u.parcel),
                 in->u.parcel->nobjects, &v);
      set_bare(item, &v);
  }
}

void concur_item_clear(concur_item *item) {
  cc_object *owner = item->owner, *keeper = item->keeper;
  int owned = item->owned;
  host_receive_nothing(item);
  if (keeper != NULL)
    cc_object_release(keeper);
  else if (owned)
    cc_item_drop(stored(item));
  if (owner != NULL) cc_object_release(owner);
}

/* ==} {== from the host */

static bool get_bare(const concur_item *item, bare_value *v) {
  switch (item->type) {
    case CONCUR_NIL: v->kind = BARE_NIL; return true;
    case CONCUR_BOOLEAN:
      v->kind = BARE_BOOLEAN;
      v->u.boolean = item->as.boolean != 0;
      return true;
    case CONCUR_INTEGER:
      v->kind = BARE_INTEGER;
      v->u.integer = item->as.integer;
      return true;
    case CONCUR_NUMBER:
      v->kind = BARE_NUMBER;
      v->u.number = item->as.number;
      return true;
    case CONCUR_STRING:
      v->kind = BARE_STRING;
      v->u.string.bytes = item->as.string.bytes;
      v->u.string.size = item->as.string.size;
      return true;
    case CONCUR_OBJECT:
      v->kind = BARE_OBJECT;
      v->u.object = item->as.object;
      return v->u.object != NULL;
    default: return false;
  }
}

static int send_string(const char *bytes, size_t size, cc_item *to) {
  void *at = to->u.bytes;
  if (size <= CC_INLINE) {
    to->kind = CC_ITEM_STRING;
    to->size = (uint32_t)size;
  } else {
    to->kind = CC_ITEM_TEXT;
    to->u.parcel = cc_parcel_new(size, NULL, 0);
    if (to->u.parcel == NULL) return CONCUR_NO_MEMORY;
    at = to->u.parcel->bytes;
  }
  if (size > 0) memcpy(at, bytes, size);
  return CONCUR_OK;
}

/* A writer belongs to its thread: it is freed when that ends. */
static codec_writer *begin(void) {
  cc_self *me = cc_self_get();
  if (me->on_detach == NULL) me->on_detach = codec_thread_end;
  return bare_begin();
}

/* What another may refer to without counting, as a future does to itself, gets a message of its own that counts. */
static int send_parcel(cc_parcel *p, cc_item *to) {
  if (p->nobjects == 0) {
    cc_item_retain(to);
    return CONCUR_OK;
  }
  to->u.parcel = cc_parcel_new(p->size, cc_parcel_objects(p), p->nobjects);
  if (to->u.parcel == NULL) return CONCUR_NO_MEMORY;
  memcpy(to->u.parcel->bytes, p->bytes, p->size);
  return CONCUR_OK;
}

static int send_packed(const cc_item *in, cc_item *to) {
  bool long_one = cc_item_has_parcel(in->kind);
  const unsigned char *bytes = long_one ? in->u.parcel->bytes : in->u.bytes;
  if (!bare_alone(bytes, long_one ? in->u.parcel->size : in->size)) return CONCUR_TYPE;
  cc_item_copy(to, in);
  return long_one ? send_parcel(in->u.parcel, to) : CONCUR_OK;
}

static int send_object(const concur_item *from, cc_item *to) {
  bare_value v;
  if (!get_bare(from, &v)) return CONCUR_TYPE;
  codec_writer *w = begin();
  if (w == NULL) return CONCUR_NO_MEMORY;
  if (bare_put(w, &v)) return bare_end(w, false, to) ? CONCUR_OK : CONCUR_NO_MEMORY;
  codec_cancel(w);
  return CONCUR_NO_MEMORY;
}

int host_send(const concur_item *from, cc_item *to) {
  to->size = 0;
  switch (from->type) {
    case CONCUR_NIL:
      to->kind = CC_ITEM_NIL;
      to->u.word = 0;
      return CONCUR_OK;
    case CONCUR_BOOLEAN:
      to->kind = CC_ITEM_BOOLEAN;
      to->u.word = from->as.boolean != 0;
      return CONCUR_OK;
    case CONCUR_INTEGER:
      to->kind = CC_ITEM_INTEGER;
      to->u.word = (uint64_t)from->as.integer;
      return CONCUR_OK;
    case CONCUR_NUMBER:
      to->kind = CC_ITEM_NUMBER;
      memcpy(&to->u.word, &from->as.number, sizeof to->u.word);
      return CONCUR_OK;
    case CONCUR_STRING: return send_string(from->as.string.bytes, from->as.string.size, to);
    case CONCUR_OBJECT: return send_object(from, to);
    case CONCUR_OTHER: return send_packed(stored(from), to);
    default: return CONCUR_TYPE;
  }
}

/* The writer's message with the n values, behind their keys if there are any; the writer is over then. */
static int fill(codec_writer *w, const char *const *keys, const concur_item *values, size_t n, concur_item *item) {
  bool ok = keys != NULL ? bare_table(w, n) : bare_array(w, n);
  int status = CONCUR_NO_MEMORY;
  for (size_t i = 0; ok && i < n; i++) {
    bare_value v;
    if (keys != NULL) {
      v.kind = BARE_STRING;
      v.u.string.bytes = keys[i];
      v.u.string.size = strlen(keys[i]);
      ok = bare_put(w, &v);
    }
    bool simple = get_bare(&values[i], &v);
    if (!simple) status = CONCUR_TYPE;
    ok = ok && simple && bare_put(w, &v);
  }
  if (!ok)
    codec_cancel(w);
  else if (bare_end(w, keys != NULL && n > 0, host_stored(item)))
    status = CONCUR_OK;
  return status;
}

static int make_table(concur_item *item, const char *const *keys, const concur_item *values, size_t n) {
  host_receive_nothing(item);
  for (size_t i = 0; i < n; i++) /* a nil would end the array, and no key has one */
    if (values[i].type == CONCUR_NIL) return CONCUR_TYPE;
  codec_writer *w = host_ready() ? begin() : NULL;
  int status = w != NULL ? fill(w, keys, values, n, item) : CONCUR_NO_MEMORY;
  if (status == CONCUR_OK) host_receive(item, NULL);
  return status;
}

int concur_item_array(concur_item *item, const concur_item *values, size_t n) {
  return make_table(item, NULL, values, n);
}

int concur_item_record(concur_item *item, const char *const *keys, const concur_item *values, size_t n) {
  return make_table(item, keys, values, n);
}

/* ==} {== Lua */

void concur_item_from(lua_State *L, int index, concur_item *item) {
  host_receive_nothing(item);
  codec_item(L, lua_absindex(L, index), host_stored(item));
  host_receive(item, NULL);
}

void concur_item_push(lua_State *L, const concur_item *item) {
  luaL_checkstack(L, 4, NULL);
  int top = lua_gettop(L);
  switch (item->type) {
    case CONCUR_NIL: lua_pushnil(L); break;
    case CONCUR_BOOLEAN: lua_pushboolean(L, item->as.boolean); break;
    case CONCUR_INTEGER: lua_pushinteger(L, item->as.integer); break;
    case CONCUR_NUMBER: lua_pushnumber(L, item->as.number); break;
    case CONCUR_STRING: lua_pushlstring(L, item->as.string.bytes, item->as.string.size); break;
    case CONCUR_OBJECT: concur_push(L, item->as.object); break;
    default:
      codec_read_item(L, stored(item));
      lua_settop(L, top + 1);
  }
}

/* ==} */
