/* Slots: taken by a kernel thread at its first use of concur, given back at its end. */
#include <string.h>

#include "core/deadlock.h"
#include "core/family.h"
#include "core/kind.h"
#include "core/parcel.h"
#include "core/trace.h"

_Thread_local cc_self cc_self_storage;

#define FIRST_SPIN 20000


static uint32_t take_index(cc_family *f) {
  uint32_t index = UINT32_MAX;
  cc_guard_lock(&f->slot_guard, CC_STRANGER - cc_family_self);
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
  /* tens of thousands of threads at once: wait for one to end */
  while (!cc_self_try()) {
    _Atomic uint32_t never = 0;
    cc_futex_wait(&never, 0, cc_clock() + 1000000);
  }
}

bool cc_self_try(void) {
  cc_family *f = cc_family_root;
  cc_self *me = &cc_self_storage;
  uint32_t index = take_index(f);
  if (index == UINT32_MAX) return false;
  cc_slot *s = &f->slots[index];
  atomic_store(&s->token, 0);
  atomic_store(&s->cancel, 0);
  atomic_store(&s->parked, 0);
  atomic_store(&s->waiting_for, NULL);
  atomic_store(&s->thread, me->home != NULL ? atomic_load(&me->home->thread) : NULL);
  atomic_store(&s->loop, me->loop);
  atomic_store(&s->blocked, 0);
  atomic_store(&s->wants, NULL);
  cc_assert(atomic_load(&s->report) == NULL); /* releasing one needs a slot */
  s->ident = atomic_fetch_add(&f->next_id, 1) + 1;
  cc_trace_attach(s);
  me->slot = s;
  me->word = index + 1;
  me->sleeps = 0;
  me->report = NULL;
  if (me->home == NULL) cc_deadlock_active(me, true); /* of a task: its thread counts */
  if (me->cancelled) atomic_store(&s->cancel, 1);
  if (me->home != NULL) return true; /* a task: the rest is as its thread has it */
  me->shield = 0;
  me->spin = FIRST_SPIN;
  me->misses = me->rest = 0;
  me->no_signals = false;
  me->interrupted = NULL;
  me->where = NULL;
  me->on_detach = NULL;
  cc_thread_at_exit(at_exit, me);
  return true;
}

void cc_self_renew(void) {
  memset(&cc_self_storage, 0, sizeof cc_self_storage); /* the parent's slot lives on */
  cc_self_attach();
}

uint32_t cc_slot_word(const cc_slot *s) { return (uint32_t)(s - cc_family_root->slots) + 1; }

bool cc_slot_of(uint32_t word, uint32_t process) {
  const cc_family *f = cc_family_root;
  if (word == 0 || word > atomic_load(&f->slot_seen)) return false;
  return atomic_load(&f->slots[word - 1].process) == process;
}

/* {== hands */

void cc_hand_take(cc_self *me, cc_slot *s, void *block, bool parcel) {
  if (block == NULL) return;
  /* a thread that waits may use its own hands meanwhile, for the report of a deadlock */
  uint32_t first = s == me->slot ? 0 : CC_OWN_HANDS, end = s == me->slot ? CC_OWN_HANDS : CC_HANDS;
  for (uint32_t i = first; i < end; i++) {
    cc_hand *h = &s->undo.hands[i];
    if (cc_held(h) != NULL) continue;
    h->parcel = parcel;
    cc_note(me, h->block);
    cc_hold_block(h, block);
    return;
  }
  /* all full: this one would leak if the thread were killed */
}

void cc_hand_lay(cc_self *me, cc_slot *s, const void *block) {
  for (uint32_t i = 0; i < CC_HANDS; i++) {
    cc_hand *h = &s->undo.hands[i];
    if (cc_held(h) != block) continue;
    cc_note(me, h->block);
    cc_hold_block(h, NULL);
    return;
  }
}

void cc_hand_drop(cc_self *me, const void *block) {
  cc_undo *u = &me->slot->undo;
  for (uint32_t i = 0; i < CC_HANDS; i++) {
    if (cc_held(&u->hands[i]) != block) continue;
    cc_hold_block(&u->hands[i], NULL);
    break;
  }
  cc_order();
}

void cc_block_drop(void **place) {
  cc_self *me = cc_self_get();
  void *block = *place;
  if (block == NULL) return;
  uint32_t begin = cc_begin(me);
  cc_note(me, *place);
  *place = NULL;
  cc_hand_take(me, me->slot, block, false);
  cc_commit(me, begin);
  cc_arena_free(block);
}

bool cc_arena_in_hand(const void *block) {
  const cc_undo *u = &cc_self_get()->slot->undo;
  for (uint32_t i = 0; i < CC_HANDS; i++)
    if (cc_held(&u->hands[i]) == block) return true;
  return false;
}

bool cc_hands_empty(const cc_self *me) {
  const cc_undo *u = &me->slot->undo;
  for (uint32_t i = 0; i < CC_HANDS; i++)
    if (cc_held(&u->hands[i]) != NULL) return false;
  return true;
}

/* ==} {== holds */

#define FIRST_ROOM 8

static bool still_there(const cc_hold *h) { return cc_object_alive(h->index, h->id); }

/* A new block with those that are still held, in the place of the old one. */
bool cc_hold_reserve_slow(cc_self *me) {
  cc_slot *s = me->slot;
  uint32_t n = atomic_load(&s->nholds), live = 0;
  for (uint32_t i = 0; i < n; i++) live += s->holds[i].count > 0 && still_there(&s->holds[i]);
  uint32_t room = live < FIRST_ROOM / 2 ? FIRST_ROOM : live * 2;
  cc_hold *old = s->holds, *new = cc_arena_take(room * sizeof *new);
  if (new == NULL) return false;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n && kept < live; i++)
    if (old[i].count > 0 && still_there(&old[i])) new[kept++] = old[i];
  cc_note(me, s->holds);
  cc_note(me, s->nholds);
  cc_note(me, s->hold_room);
  s->holds = new;
  atomic_store(&s->nholds, kept);
  s->hold_room = room;
  cc_hand_lay(me, s, new);
  cc_hand_take(me, s, old, false);
  cc_commit(me, 0);
  cc_arena_free(old);
  return true;
}

static uint32_t find(const cc_slot *s, const cc_object *o, uint32_t mode) {
  uint32_t i = atomic_load_explicit(&s->nholds, memory_order_relaxed);
  while (i > 0) {
    const cc_hold *h = &s->holds[i - 1];
    if (h->object == o && h->id == o->id && h->mode == mode && (h->count > 0 || mode == 0)) break;
    i--;
  }
  return i;
}

bool cc_hold_remove_slow(cc_self *me, const cc_object *o, uint32_t mode) {
  uint32_t i = find(me->slot, o, mode);
  if (i == 0) return false;
  cc_hold *h = &me->slot->holds[i - 1];
  cc_note(me, h->count);
  h->count = 0;
  return true;
}

cc_hold *cc_hold_counter(cc_slot *s, const cc_object *o) {
  uint32_t i = find(s, o, 0);
  return i == 0 ? NULL : &s->holds[i - 1];
}

bool cc_hold_has(const cc_self *me, const cc_object *o, uint32_t mode) {
  return find(me->slot, o, mode) != 0;
}

bool cc_holds_any(const cc_slot *s) {
  for (uint32_t i = 0; i < atomic_load(&s->nholds); i++)
    if (s->holds[i].count > 0) return true;
  return false;
}

void cc_holds_abandon(cc_self *me, cc_slot *s, bool killed) {
  for (uint32_t n; (n = atomic_load(&s->nholds)) > 0;) {
    cc_hold h = s->holds[n - 1];
    cc_object *o = h.count > 0 ? cc_object_revive(h.index, h.id) : NULL;
    atomic_store(&s->nholds, n - 1);
    if (o == NULL) continue;
    const cc_ops *ops = cc_ops_of(o);
    if (ops->abandon != NULL) ops->abandon(me, o, h.mode, h.count, killed);
    cc_object_release(o);
  }
  cc_hold *block = s->holds;
  s->holds = NULL;
  s->hold_room = 0;
  cc_arena_free(block);
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
  atomic_store(&s->loop, NULL); /* or who looks for deadlocks would take it for a task that stands in a line */
  cc_parcel_release(atomic_exchange(&s->report, NULL));
  give_slot(s, cc_self_word());
}

void cc_self_detach(void) { cc_self_give_up(false); }

void cc_self_give_up(bool killed) {
  cc_self *me = &cc_self_storage;
  if (me->slot == NULL) return;
  if (me->on_detach != NULL) me->on_detach();
  cc_slot *s = me->slot;
  cc_holds_abandon(me, s, killed);
  cc_assert(cc_hands_empty(me));
  uint32_t word = me->word;
  cc_deadlock_active(me, false);
  cc_parcel_release(me->report);
  cc_parcel_release(atomic_exchange(&s->report, NULL)); /* one that it did not wait for */
  me->slot = NULL;
  atomic_store(&s->loop, NULL);
  give_slot(s, word);
}
