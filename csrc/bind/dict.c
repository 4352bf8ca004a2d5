/* concur.dict */
#include "core/dict.h"

#include <stdio.h>

#include "bind/batch.h"
#include "codec/item.h"
#include "bind/turn.h"
#include "core/parcel.h"

static cc_dict *self(lua_State *L) { return (cc_dict *)bind_object(L, 1, CC_DICT); }

/* {== keys */

static int bad_key(lua_State *L, int idx) {
  return luaL_error(L, "a %s cannot be a key of a concur.dict", luaL_typename(L, idx));
}

static void number_key(lua_State *L, int idx, cc_key *key) {
  int whole;
  lua_Number n = lua_tonumber(L, idx);
  lua_Integer i = lua_tointegerx(L, idx, &whole);
  if (whole) {
    key->kind = CC_ITEM_INTEGER;
    key->word = (uint64_t)i;
    return;
  }
  if (n != n) luaL_error(L, "NaN cannot be a key of a concur.dict");
  key->kind = CC_ITEM_NUMBER;
  memcpy(&key->word, &n, sizeof n);
}

/* The key at idx, which must stay where it is. */
static void get_key(lua_State *L, int idx, cc_key *key) {
  switch (lua_type(L, idx)) {
    case LUA_TSTRING:
      key->kind = CC_ITEM_STRING;
      key->bytes = lua_tolstring(L, idx, &key->size);
      break;
    case LUA_TNUMBER: number_key(L, idx, key); break;
    case LUA_TBOOLEAN:
      key->kind = CC_ITEM_BOOLEAN;
      key->word = (uint64_t)lua_toboolean(L, idx);
      break;
    default: bad_key(L, idx);
  }
}

/* The key that a record holds. */
static cc_key key_of(const cc_item *item) {
  cc_key key = {item->kind, item->u.word, item->u.bytes, item->size};
  if (item->kind == CC_ITEM_TEXT) {
    key.kind = CC_ITEM_STRING;
    key.bytes = item->u.parcel->bytes;
    key.size = item->u.parcel->size;
  }
  return key;
}

/* ==} {== one key */

/* The turn of a key, left when the function of ours ends that entered it. */
typedef struct ticket {
  cc_shard *shard;
  cc_key_turn *turn;
} ticket;

static int ticket_close(lua_State *L) {
  ticket *t = lua_touserdata(L, 1);
  if (t->turn != NULL) cc_dict_leave(cc_self_get(), t->shard, t->turn);
  t->turn = NULL;
  return 0;
}

/* Puts a ticket below the arguments. */
static ticket *new_ticket(lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  ticket *t = lua_newuserdatauv(L, sizeof *t, 0);
  t->turn = NULL;
  if (luaL_newmetatable(L, "concur.ticket")) {
    static const luaL_Reg metamethods[] = {{"__close", ticket_close}, {"__gc", ticket_close}, {NULL, NULL}};
    luaL_setfuncs(L, metamethods, 0);
  }
  lua_setmetatable(L, -2);
  lua_insert(L, 1);
  lua_toclose(L, 1);
  return t;
}

/* Calls f with the arguments once the caller has the turn. */
static int take_turn(lua_State *L, cc_dict *d, const ticket *t, bool ours, lua_CFunction f) {
  bind_turn turn = {&d->object, &t->shard->guard, &t->turn->turn};
  return (ours ? bind_change_in_turn : bind_in_turn)(L, 2, &turn, f);
}

static int in_turn_of(lua_State *L, cc_dict *d, const cc_key *key, bool ours, lua_CFunction f) {
  ticket *t = new_ticket(L);
  t->turn = cc_dict_enter(cc_self_get(), d, key, &t->shard);
  if (t->turn == NULL) bind_raise(L, CC_NO_MEMORY);
  return take_turn(L, d, t, ours, f);
}

/* Does a change of ours again, which somebody else's turn has prevented. */
static int in_turn(lua_State *L, cc_dict *d, const cc_key *key, lua_CFunction f) {
  return in_turn_of(L, d, key, true, f);
}

static int push_value(lua_State *L, cc_dict *d, int idx) {
  cc_key key;
  cc_item item;
  get_key(L, idx, &key);
  cc_dict_get(cc_self_get(), d, &key, &item);
  codec_push_item(L, &item);
  return 1;
}

static int dict_get(lua_State *L) {
  cc_dict *d = self(L);
  if (lua_isnone(L, 3)) return push_value(L, d, 2);
  lua_settop(L, 3);
  push_value(L, d, 2);
  if (lua_isnil(L, -1)) lua_pop(L, 1);
  return 1;
}

static int dict_has(lua_State *L) {
  cc_dict *d = self(L);
  cc_key key;
  get_key(L, 2, &key);
  lua_pushboolean(L, cc_dict_has(cc_self_get(), d, &key));
  return 1;
}

/* Methods, which are in the upvalue, come before keys. No table has a key nil or NaN. */
static int dict_index(lua_State *L) {
  cc_dict *d = self(L);
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    lua_pop(L, 1);
  } else if (lua_isnil(L, 2) || (lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) != lua_tonumber(L, 2))) {
    lua_pushnil(L);
    return 1;
  }
  return push_value(L, d, 2);
}

static int dict_set(lua_State *L) {
  cc_dict *d = self(L);
  cc_key key;
  cc_item item, old;
  lua_settop(L, 3);
  get_key(L, 2, &key);
  codec_item(L, 3, &item);
  size_t bytes = cc_item_has_parcel(item.kind) ? item.u.parcel->size : 0;
  cc_outcome outcome = cc_dict_set(cc_self_get(), d, &key, &item, &old);
  if (cc_likely(outcome == CC_OK)) {
    cc_item_drop(&old);
    if (bytes > 0) bind_owe_bytes(L, bytes);
    return 0;
  }
  cc_item_drop(&item);
  if (outcome == CC_TIMEOUT) return in_turn(L, d, &key, dict_set);
  bind_raise(L, outcome);
  return 0;
}

static int dict_pop(lua_State *L) {
  cc_dict *d = self(L);
  cc_key key;
  cc_item old, none = {0, CC_ITEM_NIL, {0}};
  lua_settop(L, 3);
  get_key(L, 2, &key);
  if (cc_dict_set(cc_self_get(), d, &key, &none, &old) == CC_TIMEOUT)
    return in_turn(L, d, &key, dict_pop);
  if (old.kind != CC_ITEM_NIL) codec_push_item(L, &old); /* else the default is on top */
  return 1;
}

static int dict_setdefault(lua_State *L) {
  cc_dict *d = self(L);
  cc_key key;
  cc_item item, now;
  lua_settop(L, 3);
  get_key(L, 2, &key);
  luaL_argcheck(L, !lua_isnil(L, 3), 3, "value expected");
  codec_item(L, 3, &item);
  cc_outcome outcome = cc_dict_set_default(cc_self_get(), d, &key, &item, &now);
  if (outcome != CC_OK) cc_item_drop(&item);
  if (outcome == CC_TIMEOUT) return in_turn(L, d, &key, dict_setdefault);
  bind_raise(L, outcome);
  codec_push_item(L, &now);
  return 1;
}

/* Called with the dict, the key, the function and its arguments. */
static int update_key(lua_State *L) {
  cc_dict *d = self(L);
  cc_key key;
  cc_item item, old;
  push_value(L, d, 2);
  lua_insert(L, 4);
  lua_call(L, lua_gettop(L) - 3, LUA_MULTRET);
  if (lua_gettop(L) == 2) lua_pushnil(L);
  get_key(L, 2, &key);
  codec_item(L, 3, &item);
  cc_outcome outcome = cc_dict_set(cc_self_get(), d, &key, &item, &old);
  cc_item_drop(outcome == CC_OK ? &old : &item);
  bind_raise(L, outcome);
  return lua_gettop(L) - 2;
}

static int dict_update(lua_State *L) {
  cc_dict *d = self(L);
  cc_key key;
  get_key(L, 2, &key);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  return in_turn_of(L, d, &key, false, update_key);
}

/* ==} {== all keys */

static int dict_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)cc_dict_size(self(L)));
  return 1;
}

static cc_records *copy(lua_State *L, cc_dict *d, cc_dict_part part) {
  cc_records *r = bind_open_batch(L);
  if (!cc_dict_copy(cc_self_get(), d, part, r)) luaL_error(L, "not enough memory");
  return r;
}

static int push_list(lua_State *L, cc_dict_part part) {
  cc_records *r = copy(L, self(L), part);
  cc_item item;
  lua_createtable(L, (int)(r->left < INT32_MAX ? r->left : INT32_MAX), 0);
  for (lua_Integer i = 1; cc_records_next(r, &item); i++) {
    codec_push_item(L, &item);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

static int dict_keys(lua_State *L) { return push_list(L, CC_DICT_KEYS); }

static int dict_values(lua_State *L) { return push_list(L, CC_DICT_VALUES); }

static int dict_copy(lua_State *L) {
  cc_records *r = copy(L, self(L), CC_DICT_BOTH);
  cc_item item;
  lua_createtable(L, 0, (int)(r->left / 2 < INT32_MAX ? r->left / 2 : INT32_MAX));
  while (cc_records_next(r, &item)) {
    codec_push_item(L, &item);
    cc_records_next(r, &item);
    codec_push_item(L, &item);
    lua_rawset(L, -3);
  }
  return 1;
}

static int dict_pairs(lua_State *L) { return bind_pairs(L, dict_copy); }

/* Called with the dict and the number of a shard. */
static int clear_shard(lua_State *L) {
  cc_dict *d = self(L);
  cc_shard *s = &d->shards[lua_tointeger(L, 2)];
  if (cc_dict_clear_shard(cc_self_get(), d, s) == CC_OK) return 0;
  ticket *t = new_ticket(L);
  t->shard = s;
  while ((t->turn = cc_dict_enter_busy(cc_self_get(), s)) == NULL) /* it was given back meanwhile */
    if (cc_dict_clear_shard(cc_self_get(), d, s) == CC_OK) return 0;
  return take_turn(L, d, t, true, clear_shard);
}

/* From that shard on. */
static int clear_from(lua_State *L, int status, lua_KContext i) {
  (void)status;
  for (; i < CC_DICT_SHARDS; i++) {
    lua_pushcfunction(L, clear_shard);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, (lua_Integer)i);
    lua_callk(L, 2, 0, i + 1, clear_from);
  }
  return 0;
}

static int dict_clear(lua_State *L) {
  self(L);
  return clear_from(L, LUA_OK, 0);
}

/* Packs the keys and values of the table at idx: all of them, before any is stored. */
static void pack_table(lua_State *L, int idx, cc_records *r) {
  cc_item item;
  cc_key key;
  lua_pushnil(L);
  while (lua_next(L, idx)) {
    get_key(L, -2, &key); /* raises for others */
    codec_item(L, lua_gettop(L) - 1, &item);
    if (cc_item_is_number(&item)) {
      item.kind = key.kind;
      item.u.word = key.word;
    }
    bind_batch_add(L, r, &item);
    codec_item(L, lua_gettop(L), &item);
    bind_batch_add(L, r, &item);
    lua_pop(L, 1);
  }
}

/* Stores a key and value of the records; called with the dict and a light userdata. */
static int store_next(lua_State *L) {
  cc_dict *d = self(L);
  cc_records *r = lua_touserdata(L, 2);
  cc_records rest = *r;
  cc_item name, item, old;
  cc_records_next(&rest, &name);
  cc_records_next(&rest, &item);
  cc_key key = key_of(&name);
  cc_outcome outcome = cc_dict_set(cc_self_get(), d, &key, &item, &old);
  if (outcome == CC_TIMEOUT) return in_turn(L, d, &key, store_next);
  if (outcome == CC_OK) {
    *r = rest;
    cc_item_drop(&name);
    cc_item_drop(&old);
  }
  bind_raise(L, outcome);
  return 0;
}

/* The rest of the records, a light userdata at index 3, into the dict at index 1. */
static int store_rest(lua_State *L, int status, lua_KContext unused) {
  cc_records *r = lua_touserdata(L, 3);
  (void)status, (void)unused;
  while (r->left > 0) {
    lua_pushcfunction(L, store_next);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, r);
    lua_callk(L, 2, 0, 0, store_rest);
  }
  return 0;
}

/* Puts the table at index 2 into the dict at index 1. */
static int merge(lua_State *L) {
  cc_records *r;
  lua_settop(L, 2);
  lua_pushnil(L);
  r = bind_open_batch(L);
  pack_table(L, 2, r);
  lua_pushlightuserdata(L, r);
  lua_replace(L, 3);
  return store_rest(L, LUA_OK, 0);
}

/* The table at idx, on top of the stack; of another dict a copy. */
static void check_table(lua_State *L, int idx) {
  codec_handle *other = handle_test(L, idx);
  if (other != NULL && other->kind == CC_DICT) {
    lua_pushcfunction(L, dict_copy);
    lua_insert(L, idx);
    lua_call(L, 1, 1);
  }
  luaL_checktype(L, idx, LUA_TTABLE);
}

static int dict_merge(lua_State *L) {
  self(L);
  lua_settop(L, 2);
  check_table(L, 2);
  return merge(L);
}

/* ==} */

static int dict_tostring(lua_State *L) {
  char text[40];
  if (bind_dropped(L)) return bind_tostring(L, NULL);
  snprintf(text, sizeof text, "%llu", (unsigned long long)cc_dict_size(self(L)));
  return bind_tostring(L, text);
}

static int new_dict(lua_State *L) {
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) check_table(L, 1);
  codec_handle *h = handle_new(L, CC_DICT, 0);
  bind_made(L, h, (cc_object *)cc_dict_new());
  lua_insert(L, 1);
  if (lua_istable(L, 2)) merge(L);
  lua_settop(L, 1);
  return 1;
}

void bind_open_dict(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"get", dict_get},     {"set", dict_set},         {"has", dict_has},   {"pop", dict_pop},
      {"update", dict_update}, {"setdefault", dict_setdefault}, {"keys", dict_keys}, {"values", dict_values},
      {"copy", dict_copy},   {"clear", dict_clear},     {"merge", dict_merge}, {NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__len", dict_len},
                                         {"__newindex", dict_set},
                                         {"__pairs", dict_pairs},
                                         {"__tostring", dict_tostring},
                                         {NULL, NULL}};
  bind_type_indexed(L, CC_DICT, methods, metamethods, dict_index);
  lua_pushcfunction(L, new_dict);
  lua_setfield(L, -2, "dict");
}
