/* Objects: their table, their references, their end. */
#include "core/object.h"

#include <string.h>

#include "core/descriptor.h"
#include "core/family.h"
#include "core/kind.h"
#include "core/local.h"

static const char *const names[CC_KINDS] = {
    [CC_LOCK] = "lock",   [CC_EVENT] = "event",   [CC_QUEUE] = "queue",
    [CC_VALUE] = "value", [CC_THREAD] = "thread", [CC_RLOCK] = "rlock",
    [CC_CONDITION] = "condition", [CC_SEMAPHORE] = "semaphore",
    [CC_BOUNDED_SEMAPHORE] = "bounded_semaphore", [CC_BARRIER] = "barrier",
    [CC_RWLOCK] = "rwlock", [CC_LATCH] = "latch", [CC_ONCE] = "once", [CC_TLS] = "tls",
    [CC_TIMER] = "timer", [CC_PROCESS] = "process", [CC_LIFO] = "lifo", [CC_PRIORITY_QUEUE] = "priority_queue",
    [CC_CONNECTION] = "connection", [CC_PIPE] = "pipe",
    [CC_DICT] = "dict", [CC_LIST] = "list", [CC_ARRAY] = "array",
    [CC_FUTURE] = "future", [CC_POOL] = "pool", [CC_CREW] = "crew", [CC_JOB] = "job",
    [CC_LOOP] = "loop",
    [CC_LINK] = "manager", [CC_PROXY] = "proxy",
};

const char *cc_kind_name(cc_kind kind) {
  return kind > 0 && kind < CC_KINDS ? names[kind] : "object";
}

uint64_t cc_object_live(cc_kind kind) { return atomic_load(&cc_family_root->live[kind]); }

/* {== local counts */

#define SHARDS 64

static uint32_t *counts; /* under the shard's guard */
static struct {
  _Alignas(64) cc_guard guard;
} shards[SHARDS];

bool cc_local_open(uint32_t limit) {
  counts = cc_map_private(limit * sizeof *counts);
  return counts != NULL;
}

/* The parent's pages go unread: dropping them costs less than copying any. */
void cc_local_renew(uint32_t limit) {
  cc_map_forget(counts, limit * sizeof *counts);
  memset(shards, 0, sizeof shards);
}

cc_guard *cc_local_guard(uint32_t index) { return &shards[index % SHARDS].guard; }

bool cc_local_up(uint32_t index) { return counts[index]++ == 0; }

bool cc_local_down(uint32_t index) { return --counts[index] == 0; }

/* ==} {== the table */

/* Into the table, out of the caller's hand, with a reference from this process. */
static bool enter(cc_self *me, cc_object *o) {
  cc_family *f = cc_family_root;
  bool ok = true;
  atomic_store(&o->holders[cc_family_self / 64], UINT64_C(1) << (cc_family_self % 64));
  cc_guard_lock(&f->object_guard, me->word);
  if (f->object_free != 0) {
    cc_note(me, f->object_free);
    o->index = f->object_free - 1;
    /* a free entry holds the next one's number */
    f->object_free = (uint32_t)(uintptr_t)atomic_load(&f->objects[o->index]);
  } else if (f->object_top < f->object_limit) {
    cc_note(me, f->object_top);
    o->index = f->object_top++;
  } else {
    ok = false;
  }
  if (ok) {
    cc_note(me, f->objects[o->index]);
    atomic_store(&f->objects[o->index], o);
    cc_note(me, f->live[o->kind]);
    atomic_fetch_add(&f->live[o->kind], 1);
    cc_hand_lay(me, me->slot, o);
    /* before anybody can revive it, whose reference would be the only one */
    cc_guard *local = cc_local_guard(o->index);
    cc_guard_lock(local, me->word);
    cc_local_up(o->index);
    cc_guard_unlock(local);
  }
  cc_section_end(me, &f->object_guard);
  return ok;
}

/* Out of the table, into the caller's hand. */
static void leave(cc_self *me, cc_object *o) {
  cc_family *f = cc_family_root;
  cc_guard_lock(&f->object_guard, me->word);
  cc_note(me, f->objects[o->index]);
  atomic_store(&f->objects[o->index], (cc_object *)(uintptr_t)f->object_free);
  cc_note(me, f->object_free);
  f->object_free = o->index + 1;
  cc_note(me, f->live[o->kind]);
  atomic_fetch_sub(&f->live[o->kind], 1);
  cc_hand_take(me, me->slot, o, false);
  cc_section_end(me, &f->object_guard);
}

/* ==} */

/* Under the object guard, so that its memory stays: the object in that entry, or NULL. */
static cc_object *find(const cc_family *f, uint32_t index, uint64_t id) {
  if (index >= f->object_top) return NULL;
  cc_object *o = atomic_load(&f->objects[index]);
  /* a free entry holds a small number, the next free one */
  return (uintptr_t)o > f->object_limit && o->id == id ? o : NULL;
}

#define AT_ONCE 256 /* entries looked at before others get the guard */

void cc_objects_look(void (*f)(cc_object *o, void *arg), void *arg) {
  cc_family *family = cc_family_root;
  uint32_t word = cc_self_word(), top = 0, i = 0;
  do {
    cc_guard_lock(&family->object_guard, word);
    top = family->object_top;
    for (uint32_t n = 0; i < top && n < AT_ONCE; i++, n++) {
      cc_object *o = atomic_load(&family->objects[i]);
      if ((uintptr_t)o > family->object_limit) f(o, arg);
    }
    cc_guard_unlock(&family->object_guard);
  } while (i < top);
}

bool cc_object_alive(uint32_t index, uint64_t id) {
  cc_family *f = cc_family_root;
  cc_guard_lock(&f->object_guard, cc_self_word());
  bool alive = find(f, index, id) != NULL;
  cc_guard_unlock(&f->object_guard);
  return alive;
}

cc_object *cc_object_new(cc_kind kind, size_t size) {
  cc_self *me = cc_self_get();
  cc_assert(cc_begin(me) == 0);
  cc_object *o = cc_arena_take(size);
  if (o == NULL) return NULL;
  memset(o, 0, size);
  o->kind = (uint32_t)kind;
  o->id = atomic_fetch_add(&cc_family_root->next_id, 1) + 1;
  if (!enter(me, o)) {
    cc_arena_free(o);
    return NULL;
  }
  return o;
}

static void destroy_one(cc_object *o) {
  const cc_ops *ops = cc_ops_of(o);
  if (ops->destroy != NULL) ops->destroy(o);
  leave(cc_self_get(), o);
  cc_arena_free(o);
}

/* A queue may hold the last reference to the next, and so on: those wait in a
** line, so that a long chain does not use up the C stack. */
static void destroy(cc_object *o) {
  static _Thread_local cc_object *line;
  static _Thread_local bool busy;
  o->next_dead = line;
  line = o;
  if (busy) return;
  busy = true;
  while (line != NULL) {
    cc_object *next = line;
    line = next->next_dead;
    destroy_one(next);
  }
  busy = false;
}

static cc_guard *reference_guard(const cc_object *o) {
  return &cc_family_root->references[o->index % CC_REFERENCE_SHARDS].guard;
}

/* The caller holds the reference guard of o. */
static bool unused(const cc_object *o) {
  cc_assert(cc_guard_held(reference_guard(o), cc_self_word()));
  if (o->parcels != 0) return false;
  for (size_t i = 0; i < CC_PROCESS_LIMIT / 64; i++)
    if (o->holders[i] != 0) return false;
  return true;
}

/* What is left to do once the reference guard is released. */
typedef enum rest { REST_NOTHING, REST_END, REST_DESTROY } rest;

/* The caller holds the reference guard of o, and less refer to it now. Inside a section. */
static rest fewer(cc_self *me, cc_object *o) {
  bool dies = unused(o);
  if (dies) {
    cc_note(me, o->undertaker);
    o->undertaker = (uint16_t)cc_family_self;
    cc_note(me, o->dying);
    o->dying = true;
    return REST_DESTROY;
  }
  const cc_ops *ops = cc_ops_of(o);
  if (cc_likely(ops->over == NULL) || !ops->over(o)) return REST_NOTHING;
  cc_note(me, o->parcels);
  o->parcels++; /* the end's reference */
  return REST_END;
}

static void finish(cc_object *o, rest r) {
  if (r == REST_DESTROY) destroy(o);
  if (r == REST_END) cc_ops_of(o)->end(o);
}

void cc_object_reconsider(cc_object *o) {
  cc_self *me = cc_self_get();
  cc_guard *g = reference_guard(o);
  cc_guard_lock(g, me->word);
  rest r = fewer(me, o);
  cc_section_end(me, g);
  finish(o, r);
}

/* Under the reference guard, so that the two steps are one. */
static void set_bit(cc_object *o, uint64_t bit, bool held) {
  _Atomic uint64_t *word = &o->holders[cc_family_self / 64];
  uint64_t now = atomic_load_explicit(word, memory_order_relaxed);
  atomic_store_explicit(word, held ? now | bit : now & ~bit, memory_order_relaxed);
}

/* Sets or clears this process's bit. */
static rest mark(cc_self *me, cc_object *o, bool held) {
  cc_guard *g = reference_guard(o);
  uint64_t bit = UINT64_C(1) << (cc_family_self % 64);
  rest r = REST_NOTHING;
  cc_guard_lock(g, me->word);
  uint32_t begin = cc_begin(me);
  cc_note(me, o->holders[cc_family_self / 64]);
  set_bit(o, bit, held);
  if (!held) r = fewer(me, o);
  cc_commit(me, begin);
  cc_guard_unlock(g);
  return r;
}

void cc_object_retain(cc_object *o) {
  cc_self *me = cc_self_get();
  cc_guard *g = cc_local_guard(o->index);
  cc_guard_lock(g, me->word);
  if (cc_local_up(o->index)) mark(me, o, true);
  cc_guard_unlock(g);
}

void cc_object_release(cc_object *o) {
  cc_self *me = cc_self_get();
  cc_guard *g = cc_local_guard(o->index);
  rest r = REST_NOTHING;
  cc_guard_lock(g, me->word);
  if (cc_local_down(o->index)) {
    if (cc_unlikely(atomic_load(&o->described))) cc_descriptor_close(o);
    r = mark(me, o, false);
  }
  cc_guard_unlock(g);
  finish(o, r);
}

void cc_object_parcel_retain(cc_object *o, uint32_t *n) {
  cc_self *me = cc_self_get();
  cc_guard *g = reference_guard(o);
  cc_guard_lock(g, me->word);
  uint32_t begin = cc_begin(me);
  cc_note(me, o->parcels);
  o->parcels++;
  if (n != NULL) {
    cc_note(me, *n);
    ++*n;
  }
  cc_commit(me, begin);
  cc_guard_unlock(g);
}

void cc_object_parcel_release(cc_object *o, uint32_t *n) {
  cc_self *me = cc_self_get();
  cc_guard *g = reference_guard(o);
  cc_guard_lock(g, me->word);
  uint32_t begin = cc_begin(me);
  cc_assert(o->parcels > 0);
  cc_note(me, o->parcels);
  o->parcels--;
  if (n != NULL) {
    cc_note(me, *n);
    --*n;
  }
  rest r = fewer(me, o);
  cc_commit(me, begin);
  cc_guard_unlock(g);
  finish(o, r);
}

cc_object *cc_object_revive(uint32_t index, uint64_t id) {
  cc_family *f = cc_family_root;
  uint32_t me = cc_self_word();
  cc_guard_lock(&f->object_guard, me);
  cc_object *o = find(f, index, id);
  if (o != NULL) {
    cc_guard *local = cc_local_guard(index), *references = reference_guard(o);
    cc_guard_lock(local, me);
    cc_guard_lock(references, me);
    bool dying = o->dying;
    if (!dying && cc_local_up(index)) { /* one word changes: no notes */
      set_bit(o, UINT64_C(1) << (cc_family_self % 64), true);
    }
    cc_guard_unlock(references);
    cc_guard_unlock(local);
    if (dying) o = NULL;
  }
  cc_guard_unlock(&f->object_guard);
  return o;
}

/* {== the end of a process */

/* How many entries are to be looked at: what comes later has nothing to do with the process. */
static uint32_t entries(cc_self *me, cc_family *f) {
  cc_guard_lock(&f->object_guard, me->word);
  uint32_t n = f->object_top;
  cc_guard_unlock(&f->object_guard);
  return n;
}

/* The object in that entry with a reference, or NULL. concerned: only if it may be of interest: what
** a clean process left are locks, and what it had a reference to. */
static cc_object *at(cc_self *me, cc_family *f, uint32_t index, uint32_t process, bool concerned) {
  uint64_t id = 0;
  cc_guard_lock(&f->object_guard, me->word);
  const cc_object *o = atomic_load(&f->objects[index]);
  if ((uintptr_t)o > f->object_limit) {
    bool held = (o->holders[process / 64] >> (process % 64) & 1) != 0;
    if (!concerned || held || o->kind == CC_LOCK || o->kind == CC_RLOCK) id = o->id;
  }
  cc_guard_unlock(&f->object_guard);
  return id != 0 ? cc_object_revive(index, id) : NULL; /* it may be gone by now */
}

static void mend_one(cc_self *me, cc_object *o, uint32_t process) {
  const cc_ops *ops = cc_ops_of(o);
  if (ops->mend != NULL) {
    ops->mend(me, o, process);
  } else {
    cc_guard_inherit(me, &o->guard, process);
    cc_guard_unlock(&o->guard);
  }
}

void cc_objects_mend(uint32_t process, bool clean) {
  cc_family *f = cc_family_root;
  cc_self *me = cc_self_get();
  bool again = false;
  for (uint32_t i = 0, n = entries(me, f); i < n; i++) {
    cc_object *o = at(me, f, i, process, clean);
    if (o == NULL) continue;
    mend_one(me, o, process);
    again |= cc_ops_of(o)->resume != NULL;
    cc_object_release(o);
  }
  for (uint32_t i = 0, n = again ? entries(me, f) : 0; i < n; i++) {
    cc_object *o = at(me, f, i, process, clean);
    if (o == NULL) continue;
    const cc_ops *ops = cc_ops_of(o);
    if (ops->resume != NULL) ops->resume(me, o, process);
    cc_object_release(o);
  }
}

/* Takes back what the process held of the object in that entry, if there is one, and goes on with
** destroying it if that process had begun to. */
static void bury_one(cc_self *me, cc_family *f, uint32_t index, uint32_t process) {
  uint64_t bit = UINT64_C(1) << (process % 64);
  rest r = REST_NOTHING;
  cc_guard_lock(&f->object_guard, me->word);
  cc_object *o = atomic_load(&f->objects[index]);
  bool alive = (uintptr_t)o > f->object_limit;
  if (alive && (o->dying || (o->holders[process / 64] & bit) != 0)) {
    cc_guard *g = reference_guard(o);
    cc_guard_lock(g, me->word);
    if (o->dying && o->undertaker == process) {
      cc_note(me, o->undertaker);
      o->undertaker = (uint16_t)cc_family_self;
      r = REST_DESTROY;
    } else if (!o->dying && (o->holders[process / 64] & bit) != 0) {
      cc_note(me, o->holders[process / 64]);
      atomic_fetch_and(&o->holders[process / 64], ~bit);
      r = fewer(me, o);
    }
    cc_section_end(me, g);
  }
  cc_guard_unlock(&f->object_guard);
  finish(o, r);
}

void cc_objects_bury(uint32_t process) {
  cc_family *f = cc_family_root;
  cc_self *me = cc_self_get();
  for (uint32_t i = 0, n = entries(me, f); i < n; i++) bury_one(me, f, i, process);
}

/* ==} */
