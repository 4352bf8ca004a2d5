/* Slots: taken by a kernel thread at its first use of concur, given back at its end. */
#include <stdlib.h>
#include <string.h>

#include "core/deadlock.h"
#include "core/family.h"

_Thread_local cc_self cc_self_storage;

#define FIRST_SPIN 20000

/* Before a thread has its slot it needs the slot guard all the same: any mark that is not 0
** and no slot's will do, if it tells the process. */
#define STRANGER (0x7fffffffu - cc_family_self)

static uint32_t take_index(cc_family *f) {
  uint32_t index = UINT32_MAX;
  cc_guard_lock(&f->slot_guard, STRANGER);
  if (f->slot_free != 0) {
    index = f->slot_free - 1;
    f->slot_free = f->slots[index].next_free;
  } else if (f->slot_top < f->slot_limit) {
    index = f->slot_top++;
    atomic_store(&f->slot_seen, f->slot_top);
  }
  if (index != UINT32_MAX) atomic_store(&f->slots[index].process, cc_family_self);
  cc_guard_unlock(&f->slot_guard);
  return index;
}

static void at_exit(void *unused) {
  (void)unused;
  cc_self_detach();
}

void cc_self_attach(void) {
  cc_family *f = cc_family_root;
  cc_self *me = &cc_self_storage;
  uint32_t index;
  /* tens of thousands of threads at once: wait for one to end */
  while ((index = take_index(f)) == UINT32_MAX) {
    _Atomic uint32_t never = 0;
    cc_futex_wait(&never, 0, cc_clock() + 1000000);
  }
  cc_slot *s = &f->slots[index];
  atomic_store(&s->token, 0);
  atomic_store(&s->cancel, 0);
  atomic_store(&s->parked, 0);
  atomic_store(&s->waiting_for, NULL);
  atomic_store(&s->thread, NULL);
  atomic_store(&s->blocked, 0);
  cc_assert(atomic_load(&s->report) == NULL); /* releasing one needs a slot */
  s->ident = atomic_fetch_add(&f->next_id, 1) + 1;
  me->slot = s;
  me->word = index + 1;
  me->holds = NULL;
  me->nholds = me->room = 0;
  me->shield = 0;
  me->spin = FIRST_SPIN;
  me->misses = me->rest = 0;
  me->no_signals = false;
  me->interrupted = NULL;
  me->where = NULL;
  me->sleeps = 0;
  me->report = NULL;
  me->on_detach = NULL;
  cc_deadlock_active(me, true);
  cc_thread_at_exit(at_exit, me);
}

void cc_self_renew(void) {
  cc_self_storage.slot = NULL; /* the parent's, which lives on */
  cc_self_attach();
}

uint32_t cc_slot_word(const cc_slot *s) { return (uint32_t)(s - cc_family_root->slots) + 1; }

/* {== hands */

void cc_hand_take(cc_self *me, void *block, bool parcel) {
  cc_undo *u = &me->slot->undo;
  if (block == NULL) return;
  for (uint32_t i = 0; i < CC_HANDS; i++) {
    cc_hand *h = &u->hands[i];
    if (h->block != NULL) continue;
    h->parcel = parcel;
    cc_order();
    cc_note(me, h->block);
    h->block = block;
    return;
  }
  /* all full: this one would leak with its thread */
}

void cc_hand_lay(cc_self *me, const void *block) {
  cc_undo *u = &me->slot->undo;
  for (uint32_t i = 0; i < CC_HANDS; i++) {
    cc_hand *h = &u->hands[i];
    if (h->block != block) continue;
    cc_note(me, h->block);
    h->block = NULL;
    return;
  }
}

bool cc_arena_in_hand(const void *block) {
  const cc_undo *u = &cc_self_get()->slot->undo;
  for (uint32_t i = 0; i < CC_HANDS; i++)
    if (u->hands[i].block == block) return true;
  return false;
}

/* ==} {== holds */

static _Atomic(cc_abandon) abandon[CC_KINDS];

void cc_set_abandon(cc_kind kind, cc_abandon f) {
  if (atomic_load_explicit(&abandon[kind], memory_order_relaxed) != f)
    atomic_store_explicit(&abandon[kind], f, memory_order_relaxed);
}

static bool still_there(const cc_hold *h) { return cc_object_alive(h->index, h->id); }

/* Objects may have died while they were held. */
void cc_holds_prune(cc_self *me) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < me->nholds; i++)
    if (me->holds[i].count > 0 && still_there(&me->holds[i])) me->holds[kept++] = me->holds[i];
  me->nholds = kept;
}

bool cc_hold_add_slow(cc_self *me, cc_object *o, uint32_t mode) {
  cc_holds_prune(me);
  if (me->nholds == me->room) {
    uint32_t room = me->room == 0 ? 8 : me->room * 2;
    cc_hold *larger = realloc(me->holds, room * sizeof *larger);
    if (larger == NULL) return false;
    me->holds = larger;
    me->room = room;
  }
  return cc_hold_add(me, o, mode);
}

static uint32_t find(const cc_self *me, const cc_object *o, uint32_t mode) {
  uint32_t i = me->nholds;
  while (i > 0) {
    const cc_hold *h = &me->holds[i - 1];
    if (h->object == o && h->id == o->id && h->mode == mode) break;
    i--;
  }
  return i;
}

bool cc_hold_remove_slow(cc_self *me, const cc_object *o, uint32_t mode) {
  uint32_t i = find(me, o, mode);
  if (i == 0) return false;
  memmove(&me->holds[i - 1], &me->holds[i], (me->nholds - i) * sizeof *me->holds);
  me->nholds--;
  return true;
}

cc_hold *cc_hold_counter(cc_self *me, const cc_object *o) {
  uint32_t i = find(me, o, 0);
  return i == 0 ? NULL : &me->holds[i - 1];
}

bool cc_hold_has(const cc_self *me, const cc_object *o, uint32_t mode) {
  return find(me, o, mode) != 0;
}

void cc_holds_abandon(cc_self *me) {
  while (me->nholds > 0) {
    cc_hold h = me->holds[--me->nholds];
    cc_object *o = h.count > 0 ? cc_object_revive(h.index, h.id) : NULL;
    if (o == NULL) continue;
    cc_abandon f = atomic_load_explicit(&abandon[o->kind], memory_order_relaxed);
    if (f != NULL) f(me, o, h.mode);
    cc_object_release(o);
  }
  free(me->holds);
  me->holds = NULL;
  me->room = 0;
}

/* ==} */

static void give_slot(cc_slot *s, uint32_t word) {
  cc_family *f = cc_family_root;
  cc_guard_lock(&f->slot_guard, word);
  atomic_store(&s->process, CC_NO_PROCESS);
  s->next_free = f->slot_free;
  f->slot_free = cc_slot_word(s);
  cc_guard_unlock(&f->slot_guard);
}

void cc_slot_bury(cc_slot *s) {
  cc_family *f = cc_family_root;
  if (atomic_load(&s->blocked) != 0) atomic_fetch_sub(&f->blocked, 1);
  if (atomic_exchange(&s->active, 0)) atomic_fetch_sub(&f->active, 1);
  cc_parcel_release(atomic_exchange(&s->report, NULL));
  give_slot(s, cc_self_word());
}

void cc_self_detach(void) {
  cc_self *me = &cc_self_storage;
  if (me->slot == NULL) return;
  if (me->on_detach != NULL) me->on_detach();
  cc_holds_abandon(me);
  cc_slot *s = me->slot;
  uint32_t word = me->word;
  cc_deadlock_active(me, false);
  cc_parcel_release(me->report);
  cc_parcel_release(atomic_exchange(&s->report, NULL)); /* one that it did not wait for */
  me->slot = NULL;
  give_slot(s, word);
}
