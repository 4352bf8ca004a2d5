/* Dicts. */
#include "core/dict.h"

#include "core/arena.h"
#include "core/parcel.h"

#define SMALLEST 8 /* buckets of a table */

/* The key's bytes come first, then, aligned to 8, the value's if it is sized. A long string as key is a
** parcel (CC_ITEM_TEXT), whose address is in the place of the bytes. */
struct cc_entry {
  cc_entry *next;
  uint64_t hash;
  uint64_t word;       /* the value, unless it is sized */
  uint32_t value_size; /* of a sized one */
  uint32_t value_room; /* bytes that it may have in here */
  uint32_t key_size;   /* of the bytes */
  uint8_t key_kind, value_kind;
  _Alignas(8) unsigned char bytes[];
};

/* {== keys */

#define PRIME_1 UINT64_C(0xa0761d6478bd642f)
#define PRIME_2 UINT64_C(0xe7037ed1a0b428db)

/* In the manner of the finalizer of splitmix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable
** Pseudorandom Number Generators", OOPSLA 2014). */
static uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t h = a * PRIME_1 + b;
  h = (h ^ h >> 32) * PRIME_2;
  h = (h ^ h >> 29) * PRIME_1;
  return h ^ h >> 32;
}

static uint64_t hash_of(const cc_dict *d, const cc_key *key) {
  uint64_t h = d->seed ^ key->kind;
  if (key->kind != CC_ITEM_STRING) return mix(h ^ PRIME_1, key->word ^ PRIME_2);
  const unsigned char *p = key->bytes;
  size_t n = key->size;
  for (; n >= 16; n -= 16, p += 16) {
    uint64_t a, b;
    memcpy(&a, p, 8);
    memcpy(&b, p + 8, 8);
    h = mix(h ^ a ^ PRIME_1, b ^ PRIME_2);
  }
  uint64_t rest[2] = {0, 0};
  memcpy(rest, p, n);
  return mix(h ^ rest[0] ^ PRIME_1, mix(rest[1] ^ PRIME_2, key->size ^ PRIME_1));
}

static cc_shard *shard_of(cc_dict *d, uint64_t hash) {
  return &d->shards[hash >> 32 & (CC_DICT_SHARDS - 1)];
}

static cc_parcel *long_key(const cc_entry *e) {
  cc_parcel *p;
  memcpy(&p, e->bytes, sizeof p);
  return p;
}

static const void *key_bytes(const cc_entry *e, size_t *size) {
  if (e->key_kind == CC_ITEM_TEXT) {
    const cc_parcel *p = long_key(e);
    *size = p->size;
    return p->bytes;
  }
  *size = e->key_size;
  return e->bytes;
}

static bool matches(const cc_entry *e, uint64_t hash, const cc_key *key) {
  if (e->hash != hash) return false;
  size_t size;
  const void *bytes = key_bytes(e, &size);
  if (key->kind == CC_ITEM_STRING)
    return (e->key_kind == CC_ITEM_STRING || e->key_kind == CC_ITEM_TEXT) && size == key->size &&
           memcmp(bytes, key->bytes, size) == 0;
  return e->key_kind == key->kind && memcmp(bytes, &key->word, sizeof key->word) == 0;
}

/* ==} {== a shard's table; under its guard */

static uint32_t bucket_of(const cc_shard *s, uint64_t hash) {
  uint32_t mask = UINT32_MAX >> __builtin_clz(s->buckets - 1);
  uint32_t b = (uint32_t)hash & mask;
  return b < s->buckets ? b : b & (mask >> 1);
}

/* The bucket that this one was split from: without its highest bit. */
static uint32_t origin(uint32_t bucket) {
  return bucket & (UINT32_MAX >> __builtin_clz(bucket) >> 1);
}

/* The place where the link to the entry is, or would be. */
static cc_entry **find(cc_shard *s, uint64_t hash, const cc_key *key) {
  if (s->buckets == 0) return NULL;
  cc_entry **link = &s->table[bucket_of(s, hash)];
  while (*link != NULL && !matches(*link, hash, key)) link = &(*link)->next;
  return link;
}

static bool resize(cc_self *me, cc_shard *s, uint32_t room) {
  cc_entry **old = s->table, **t = cc_arena_take(room * sizeof *t);
  if (t == NULL) return false;
  memset(t, 0, room * sizeof *t);
  if (old != NULL) memcpy(t, old, s->buckets * sizeof *t);
  cc_note(me, s->table);
  cc_note(me, s->room);
  cc_note(me, s->buckets);
  s->table = t;
  s->room = room;
  if (old == NULL) s->buckets = room;
  cc_hand_lay(me, me->slot, t);
  cc_hand_take(me, me->slot, old, false);
  cc_commit(me, 0);
  cc_arena_free(old);
  return true;
}

/* Moves the entries that belong into the last bucket there from the one that it was part of: one
** by one, so that it can be gone on with wherever it was left. */
static void fill_last(cc_self *me, cc_shard *s) {
  if (s->buckets <= SMALLEST) return;
  uint32_t last = s->buckets - 1;
  cc_entry **link = &s->table[origin(last)], **to = &s->table[last];
  for (cc_entry *e; (e = *link) != NULL;) {
    if (bucket_of(s, e->hash) != last) {
      link = &e->next;
      continue;
    }
    cc_note(me, *link);
    cc_note(me, e->next);
    cc_note(me, *to);
    *link = e->next;
    e->next = *to;
    *to = e;
    cc_commit(me, 0);
  }
}

/* One bucket more: some entries of the one that it was part of go there. */
static void split(cc_self *me, cc_shard *s) {
  /* without memory chains get longer, that is all */
  if (s->buckets == s->room && !resize(me, s, s->room * 2)) return;
  cc_note(me, s->buckets);
  s->table[s->buckets] = NULL;
  s->buckets++;
  cc_commit(me, 0);
  fill_last(me, s);
}

/* One bucket less. */
static void merge(cc_self *me, cc_shard *s) {
  uint32_t last = s->buckets - 1;
  if (s->buckets <= SMALLEST) return;
  cc_entry **link = &s->table[origin(last)];
  while (*link != NULL) link = &(*link)->next;
  cc_note(me, *link);
  cc_note(me, s->buckets);
  *link = s->table[last];
  s->buckets--;
  cc_commit(me, 0);
  if (s->room > SMALLEST && s->buckets < s->room / 4) resize(me, s, s->room / 2);
}

static bool prepare(cc_self *me, cc_shard *s) { return s->buckets != 0 || resize(me, s, SMALLEST); }

/* In a section. */
static void count(cc_self *me, cc_shard *s, uint32_t change) {
  uint32_t n = atomic_load_explicit(&s->n, memory_order_relaxed) + change;
  cc_note(me, s->n);
  atomic_store_explicit(&s->n, n, memory_order_relaxed);
}

/* ==} {== entries */

static uint32_t key_room(size_t size) { return ((uint32_t)size + 7u) & ~7u; }

static unsigned char *value_bytes(cc_entry *e) { return e->bytes + key_room(e->key_size); }

static const unsigned char *value_of(const cc_entry *e) { return e->bytes + key_room(e->key_size); }

static uint32_t bytes_of(const cc_item *item) { return cc_item_sized(item->kind) ? item->size : 0; }

static void read_value(const cc_entry *e, cc_item *item) {
  item->kind = e->value_kind;
  item->size = e->value_size;
  if (cc_item_sized(e->value_kind))
    memcpy(item->u.bytes, value_of(e), e->value_size);
  else
    item->u.word = e->word;
}

static void write_value(cc_entry *e, const cc_item *item) {
  e->value_kind = (uint8_t)item->kind;
  e->value_size = bytes_of(item);
  e->word = cc_item_sized(item->kind) ? 0 : item->u.word;
  memcpy(value_bytes(e), item->u.bytes, e->value_size);
}

/* In a section, before write_value on an entry that others know. */
static void note_value(cc_self *me, cc_entry *e, const cc_item *item) {
  cc_note(me, e->value_kind);
  cc_note(me, e->value_size);
  cc_note(me, e->word);
  for (uint32_t i = 0; i < bytes_of(item); i += 8)
    cc_undo_note(&me->slot->undo, value_bytes(e) + i, 8);
}

static void lay_value(cc_self *me, const cc_item *item) {
  if (cc_item_has_parcel(item->kind)) cc_hand_lay(me, me->slot, item->u.parcel);
}

static void take_value(cc_self *me, const cc_item *item) {
  if (cc_item_has_parcel(item->kind)) cc_hand_take(me, me->slot, item->u.parcel, true);
}

/* An entry with room for that value, which is not written; it and a long key's parcel are in the
** caller's hand. */
static cc_entry *new_entry(uint64_t hash, const cc_key *key, const cc_item *item) {
  cc_parcel *text = NULL;
  const void *bytes = &key->word;
  size_t size = sizeof key->word;
  uint32_t kind = key->kind, room = (bytes_of(item) + 7u) & ~7u;
  if (kind == CC_ITEM_STRING) {
    bytes = key->bytes;
    size = key->size;
  }
  if (size > CC_INLINE) {
    text = cc_parcel_new(size, NULL, 0);
    if (text == NULL) return NULL;
    memcpy(text->bytes, bytes, size);
    kind = CC_ITEM_TEXT;
    bytes = &text;
    size = sizeof text;
  }
  cc_entry *e = cc_arena_take(sizeof *e + key_room(size) + room);
  if (e == NULL) {
    cc_parcel_release(text);
    return NULL;
  }
  e->hash = hash;
  e->key_kind = (uint8_t)kind;
  e->key_size = (uint32_t)size;
  e->value_room = room;
  memcpy(e->bytes, bytes, size);
  return e;
}

/* In a section: the entry with its key leaves the caller's hand, or comes into it. */
static void lay_entry(cc_self *me, const cc_entry *e) {
  cc_hand_lay(me, me->slot, e);
  if (e->key_kind == CC_ITEM_TEXT) cc_hand_lay(me, me->slot, long_key(e));
}

static void take_entry(cc_self *me, cc_entry *e) {
  cc_hand_take(me, me->slot, e, false);
  if (e->key_kind == CC_ITEM_TEXT) cc_hand_take(me, me->slot, long_key(e), true);
}

static void free_entry(cc_entry *e) {
  if (e->key_kind == CC_ITEM_TEXT) cc_parcel_release(long_key(e));
  cc_arena_free(e);
}

/* A copy with that value in the place of the entry, the key of which it takes over. */
static bool enlarge(cc_self *me, cc_entry **link, const cc_item *item) {
  uint32_t room = (bytes_of(item) + 7u) & ~7u;
  cc_entry *e = *link, *new = cc_arena_take(sizeof *e + key_room(e->key_size) + room);
  if (new == NULL) return false;
  memcpy(new, e, sizeof *e + key_room(e->key_size));
  new->value_room = room;
  write_value(new, item);
  cc_note(me, *link);
  *link = new;
  cc_hand_lay(me, me->slot, new);
  cc_hand_take(me, me->slot, e, false);
  return true;
}

/* ==} {== turns of keys */

/* Under the guard: whether the caller may change a key with that hash. */
static bool mine(const cc_self *me, const cc_shard *s, uint64_t hash) {
  for (const cc_key_turn *t = s->turns; cc_unlikely(t != NULL); t = t->next)
    if (t->hash == hash) return cc_turn_mine(me, &t->turn);
  return true;
}

static cc_key_turn *new_turn(cc_self *me, cc_shard *s, uint64_t hash) {
  cc_key_turn *t = cc_arena_take(sizeof *t);
  if (t == NULL) return NULL;
  memset(t, 0, sizeof *t);
  t->hash = hash;
  t->next = s->turns;
  cc_note(me, s->turns);
  s->turns = t;
  cc_hand_lay(me, me->slot, t);
  return t;
}

static void use(cc_self *me, cc_key_turn *t) {
  cc_note(me, t->users);
  t->users++;
}

cc_key_turn *cc_dict_enter(cc_self *me, cc_dict *d, const cc_key *key, cc_shard **shard) {
  uint64_t hash = hash_of(d, key);
  cc_shard *s = *shard = shard_of(d, hash);
  cc_guard_lock(&s->guard, me->word);
  cc_key_turn *t = s->turns;
  while (t != NULL && t->hash != hash) t = t->next;
  if (t == NULL) t = new_turn(me, s, hash);
  if (t != NULL) use(me, t);
  cc_section_end(me, &s->guard);
  return t;
}

cc_key_turn *cc_dict_enter_busy(cc_self *me, cc_shard *s) {
  cc_guard_lock(&s->guard, me->word);
  cc_key_turn *t = s->turns;
  while (t != NULL && cc_turn_mine(me, &t->turn)) t = t->next;
  if (t != NULL) use(me, t);
  cc_section_end(me, &s->guard);
  return t;
}

void cc_dict_leave(cc_self *me, cc_shard *s, cc_key_turn *t) {
  cc_guard_lock(&s->guard, me->word);
  cc_note(me, t->users);
  bool last = --t->users == 0;
  if (last) {
    cc_key_turn **link = &s->turns;
    while (*link != t) link = &(*link)->next;
    cc_note(me, *link);
    *link = t->next;
    cc_hand_take(me, me->slot, t, false);
  }
  cc_section_end(me, &s->guard);
  if (last) cc_arena_free(t);
}

/* ==} {== one key */

bool cc_dict_get(cc_self *me, cc_dict *d, const cc_key *key, cc_item *item) {
  uint64_t hash = hash_of(d, key);
  cc_shard *s = shard_of(d, hash);
  cc_guard_lock(&s->guard, me->word);
  cc_entry **link = find(s, hash, key);
  bool found = link != NULL && *link != NULL;
  if (found) {
    read_value(*link, item);
    cc_item_retain(item);
  }
  cc_guard_unlock(&s->guard);
  if (!found) item->kind = CC_ITEM_NIL;
  return found;
}

bool cc_dict_has(cc_self *me, cc_dict *d, const cc_key *key) {
  uint64_t hash = hash_of(d, key);
  cc_shard *s = shard_of(d, hash);
  cc_guard_lock(&s->guard, me->word);
  cc_entry **link = find(s, hash, key);
  bool found = link != NULL && *link != NULL;
  cc_guard_unlock(&s->guard);
  return found;
}

/* Locks the guard of a shard for a change, once no copy is made. */
static void lock_to_change(cc_self *me, cc_dict *d, cc_shard *s) {
  cc_guard_lock(&s->guard, me->word);
  while (cc_unlikely(atomic_load(&d->copying))) {
    cc_guard_unlock(&s->guard);
    cc_guard_lock(&d->copy_guard, me->word);
    cc_guard_unlock(&d->copy_guard);
    cc_guard_lock(&s->guard, me->word);
  }
}

/* old: the value, which is in the caller's hand then. */
static void remove_at(cc_self *me, cc_shard *s, cc_entry **link, cc_item *old) {
  cc_entry *e = *link;
  read_value(e, old);
  cc_note(me, *link);
  *link = e->next;
  take_entry(me, e);
  take_value(me, old);
  count(me, s, (uint32_t)-1);
  cc_commit(me, 0);
  free_entry(e);
  for (int i = 0; i < 2 && s->n < s->buckets / 2; i++) merge(me, s); /* two, to keep up */
}

static cc_outcome add(cc_self *me, cc_shard *s, cc_entry **link, uint64_t hash, const cc_key *key,
                      const cc_item *item) {
  cc_entry *e = new_entry(hash, key, item);
  if (e == NULL) return CC_NO_MEMORY;
  e->next = NULL;
  write_value(e, item);
  cc_note(me, *link);
  *link = e;
  lay_entry(me, e);
  lay_value(me, item);
  count(me, s, 1);
  cc_commit(me, 0);
  if (s->n > s->buckets) split(me, s);
  return CC_OK;
}

/* link: where the key's entry is, NULL in it when there is none. *old: the value that was there, in
** the caller's hand then, or nil. */
static cc_outcome store(cc_self *me, cc_shard *s, cc_entry **link, uint64_t hash, const cc_key *key,
                        const cc_item *item, cc_item *old) {
  cc_entry *e = *link;
  if (e == NULL) return add(me, s, link, hash, key, item);
  bool fits = bytes_of(item) <= e->value_room;
  read_value(e, old);
  if (fits) {
    note_value(me, e, item);
    write_value(e, item);
  } else if (!enlarge(me, link, item)) {
    return CC_NO_MEMORY;
  }
  lay_value(me, item);
  take_value(me, old);
  cc_commit(me, 0);
  if (!fits) cc_arena_free(e);
  return CC_OK;
}

cc_outcome cc_dict_set(cc_self *me, cc_dict *d, const cc_key *key, const cc_item *item,
                       cc_item *old) {
  uint64_t hash = hash_of(d, key);
  cc_shard *s = shard_of(d, hash);
  cc_outcome outcome = CC_OK;
  old->kind = CC_ITEM_NIL;
  lock_to_change(me, d, s);
  if (cc_unlikely(!mine(me, s, hash))) {
    outcome = CC_TIMEOUT;
  } else if (item->kind == CC_ITEM_NIL) {
    cc_entry **link = find(s, hash, key);
    if (link != NULL && *link != NULL) remove_at(me, s, link, old);
  } else if (cc_unlikely(!prepare(me, s))) {
    outcome = CC_NO_MEMORY;
  } else {
    outcome = store(me, s, find(s, hash, key), hash, key, item, old);
    if (outcome != CC_OK) old->kind = CC_ITEM_NIL;
  }
  cc_guard_unlock(&s->guard);
  return outcome;
}

cc_outcome cc_dict_set_default(cc_self *me, cc_dict *d, const cc_key *key, const cc_item *item,
                               cc_item *now) {
  uint64_t hash = hash_of(d, key);
  cc_shard *s = shard_of(d, hash);
  cc_outcome outcome;
  lock_to_change(me, d, s);
  cc_entry **link = prepare(me, s) ? find(s, hash, key) : NULL;
  if (link == NULL) {
    outcome = CC_NO_MEMORY;
  } else if (*link != NULL) {
    read_value(*link, now);
    cc_item_retain(now);
    outcome = CC_CLOSED;
  } else if (!mine(me, s, hash)) {
    outcome = CC_TIMEOUT;
  } else {
    cc_item_copy(now, item);
    cc_item_retain(now); /* before anybody else may drop the item */
    outcome = add(me, s, link, hash, key, item);
    if (outcome != CC_OK) cc_item_drop(now);
  }
  cc_guard_unlock(&s->guard);
  return outcome;
}

/* ==} {== all keys */

static bool add_key(cc_records *r, const cc_entry *e) {
  cc_item item;
  item.kind = e->key_kind;
  item.size = e->key_size;
  memcpy(item.u.bytes, e->bytes, e->key_size); /* a scalar's word, a parcel's address, too */
  cc_item_retain(&item);
  if (cc_records_add(r, &item)) return true;
  cc_item_drop(&item);
  return false;
}

static bool add_value(cc_records *r, const cc_entry *e) {
  cc_item item;
  read_value(e, &item);
  cc_item_retain(&item);
  if (cc_records_add(r, &item)) return true;
  cc_item_drop(&item);
  return false;
}

/* Nobody changes anything meanwhile, so the shard's guard need not be held. */
static bool copy_shard(const cc_shard *s, cc_dict_part part, cc_records *r) {
  for (uint32_t i = 0; i < s->buckets; i++) {
    for (const cc_entry *e = s->table[i]; e != NULL; e = e->next) {
      if ((part & CC_DICT_KEYS) && !add_key(r, e)) return false;
      if ((part & CC_DICT_VALUES) && !add_value(r, e)) return false;
    }
  }
  return true;
}

bool cc_dict_copy(cc_self *me, cc_dict *d, cc_dict_part part, cc_records *r) {
  bool ok = true;
  cc_guard_lock(&d->copy_guard, me->word);
  atomic_store(&d->copying, 1);
  /* changes that did not see that are over once their guard was ours */
  for (uint32_t i = 0; i < CC_DICT_SHARDS; i++) {
    cc_guard_lock(&d->shards[i].guard, me->word);
    cc_guard_unlock(&d->shards[i].guard);
  }
  for (uint32_t i = 0; ok && i < CC_DICT_SHARDS; i++) ok = copy_shard(&d->shards[i], part, r);
  atomic_store(&d->copying, 0);
  cc_guard_unlock(&d->copy_guard);
  return ok;
}

/* {== dropping many: their values may be the last references to other objects, so no guard is
** held meanwhile */

/* Under the guard: all becomes trash, of which there is none. */
static void take_all(cc_self *me, cc_shard *s) {
  cc_note(me, s->trash);
  cc_note(me, s->trash_buckets);
  cc_note(me, s->table);
  cc_note(me, s->buckets);
  cc_note(me, s->room);
  cc_note(me, s->n);
  s->trash = s->table;
  s->trash_buckets = s->buckets;
  s->table = NULL;
  s->buckets = s->room = 0;
  atomic_store(&s->n, 0);
  cc_commit(me, 0);
}

/* Takes an entry out of the trash, or the table if there is none left; false: there is no trash. */
static bool take_trash(cc_self *me, cc_shard *s, cc_entry **e, cc_item *value, cc_entry ***table) {
  cc_guard_lock(&s->guard, me->word);
  bool any = s->trash != NULL;
  *e = NULL;
  *table = NULL;
  while (any && s->trash_buckets > 0 && s->trash[s->trash_buckets - 1] == NULL) s->trash_buckets--;
  if (any && s->trash_buckets > 0) {
    cc_entry **link = &s->trash[s->trash_buckets - 1];
    *e = *link;
    read_value(*e, value);
    cc_note(me, *link);
    *link = (*e)->next;
    take_entry(me, *e);
    take_value(me, value);
  } else if (any) {
    *table = s->trash;
    cc_note(me, s->trash);
    s->trash = NULL;
    cc_hand_take(me, me->slot, *table, false);
  }
  cc_section_end(me, &s->guard);
  return any;
}

static void drop_trash(cc_self *me, cc_shard *s) {
  cc_entry *e, **table;
  cc_item value;
  while (take_trash(me, s, &e, &value, &table)) {
    cc_arena_free(table);
    if (e == NULL) continue;
    free_entry(e);
    cc_item_drop(&value);
  }
}

/* ==} */

cc_outcome cc_dict_clear_shard(cc_self *me, cc_dict *d, cc_shard *s) {
  lock_to_change(me, d, s);
  while (s->trash != NULL) { /* another is at it */
    cc_guard_unlock(&s->guard);
    drop_trash(me, s);
    lock_to_change(me, d, s);
  }
  bool free = true;
  for (const cc_key_turn *t = s->turns; t != NULL; t = t->next) free &= cc_turn_mine(me, &t->turn);
  if (free) take_all(me, s);
  cc_guard_unlock(&s->guard);
  drop_trash(me, s);
  return free ? CC_OK : CC_TIMEOUT;
}

uint64_t cc_dict_size(const cc_dict *d) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < CC_DICT_SHARDS; i++)
    n += atomic_load_explicit(&d->shards[i].n, memory_order_relaxed);
  return n;
}

/* ==} {== life */

static void destroy(cc_object *o) {
  cc_dict *d = (cc_dict *)o;
  cc_self *me = cc_self_get();
  for (uint32_t i = 0; i < CC_DICT_SHARDS; i++) {
    cc_shard *s = &d->shards[i];
    drop_trash(me, s);
    take_all(me, s);
    drop_trash(me, s);
    /* of users that were killed */
    for (cc_key_turn *t; (t = s->turns) != NULL;) {
      cc_note(me, s->turns);
      s->turns = t->next;
      cc_hand_take(me, me->slot, t, false);
      cc_commit(me, 0);
      cc_arena_free(t);
    }
  }
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_dict *d = (cc_dict *)o;
  cc_guard_inherit(me, &o->guard, process);
  cc_guard_unlock(&o->guard);
  cc_guard_inherit(me, &d->copy_guard, process);
  atomic_store(&d->copying, 0);
  cc_guard_unlock(&d->copy_guard);
  for (uint32_t i = 0; i < CC_DICT_SHARDS; i++) {
    cc_shard *s = &d->shards[i];
    cc_guard_inherit(me, &s->guard, process);
    fill_last(me, s);
    for (cc_key_turn *t = s->turns; t != NULL; t = t->next) cc_turn_mend(me, &t->turn, process);
    cc_guard_unlock(&s->guard);
    drop_trash(me, s);
  }
}

const cc_ops cc_dict_ops = {.destroy = destroy, .mend = mend};

cc_dict *cc_dict_new(void) {
  cc_dict *d = (cc_dict *)cc_object_new(CC_DICT, sizeof *d);
  if (d != NULL) d->seed = mix((uint64_t)cc_clock() ^ PRIME_2, d->object.id ^ PRIME_1);
  return d;
}

/* ==} */
