/*
** Burying a process. First what its threads were in the middle of is undone; then they are
** taken out of all lines, their guards are taken over object by object, and what they held
** and had in their hands is given up; last their references go.
*/
#include "core/bury.h"

#include "core/deadlock.h"
#include "core/family.h"
#include "core/kind.h"
#include "core/parcel.h"
#include "core/park.h"

#define PATIENCE 1000000 /* ns after which the holder of a guard is looked at */
#define DEPTH 8          /* of guards that are taken one inside another; more than there are */

/* {== guards */

/* The process of the thread with that mark; CC_NO_PROCESS: it has none. */
static uint32_t process_of(uint32_t word) {
  const cc_family *f = cc_family_root;
  if (word > CC_STRANGER - CC_PROCESS_LIMIT) return CC_STRANGER - word;
  if (word == 0 || word > atomic_load(&f->slot_seen)) return CC_NO_PROCESS;
  return atomic_load(&f->slots[word - 1].process);
}

static void undo(uint32_t process) {
  cc_family *f = cc_family_root;
  uint32_t top = atomic_load(&f->slot_seen);
  cc_guard_inherit(cc_self_get(), &f->bury_guard, process); /* it may have been burying another */
  for (uint32_t i = 0; i < top; i++)
    if (atomic_load(&f->slots[i].process) == process) cc_undo_all(&f->slots[i].undo);
  cc_guard_unlock(&f->bury_guard);
}

/* Another process that has ended, and is not buried yet, perhaps since its burier waits here. */
static bool has_ended(uint32_t process) {
  if (process == CC_NO_PROCESS || process == cc_family_self) return false;
  int64_t pid = atomic_load(&cc_family_root->processes[process].pid);
  return pid > 0 && !cc_process_running(pid);
}

/* Whoever lives and holds a guard may sleep for another, which one who has ended held (a condition's
** is held while its lock's is taken): that one is given up. Nobody else can, so it stays so meanwhile. */
static void help(uint32_t holder, uint32_t process) {
  cc_family *f = cc_family_root;
  for (int depth = 0; depth < DEPTH && holder <= atomic_load(&f->slot_seen); depth++) {
    cc_guard *g = atomic_load(&f->slots[holder - 1].wants);
    if ((char *)g < (char *)f || (char *)g >= (char *)f + f->size) return; /* none, or of its process alone */
    uint32_t word = atomic_load(&g->word);
    holder = word & ~CC_GUARD_SLEEPERS;
    if (holder == 0) { /* who was woken for it may have ended before he took it */
      cc_guard_unlock_slow(g);
      return;
    }
    uint32_t of = process_of(holder);
    if (of != process && !has_ended(of)) continue;
    if (of != process) undo(of);
    if (atomic_compare_exchange_strong(&g->word, &word, 0)) cc_guard_unlock_slow(g);
    return;
  }
}

/* It is taken for others asleep, too, as by one who has slept (guard.c): the process may have been woken
** and killed before it took the guard, and then nobody else would ever be. */
void cc_guard_inherit(cc_self *me, cc_guard *g, uint32_t process) {
  const uint32_t mark = me->word | CC_GUARD_SLEEPERS;
  for (;;) {
    uint32_t word = atomic_load(&g->word), holder = word & ~CC_GUARD_SLEEPERS;
    bool free = holder == 0 || process_of(holder) == process;
    if (free) {
      if (atomic_compare_exchange_weak(&g->word, &word, mark)) return;
      continue;
    }
    uint32_t asleep = word | CC_GUARD_SLEEPERS;
    if (word != asleep && !atomic_compare_exchange_weak(&g->word, &word, asleep)) continue;
    cc_futex_wait(&g->word, asleep, cc_clock() + PATIENCE);
    if (atomic_load(&g->word) != asleep) continue;
    if (!has_ended(process_of(holder))) {
      help(holder, process);
      continue;
    }
    undo(process_of(holder));
    if (atomic_compare_exchange_strong(&g->word, &asleep, mark)) return;
  }
}

static void inherit(cc_self *me, cc_guard *g, uint32_t process) {
  cc_guard_inherit(me, g, process);
  cc_guard_unlock(g);
}

static void inherit_globals(cc_self *me, cc_family *f, uint32_t process) {
  inherit(me, &f->slot_guard, process);
  inherit(me, &f->object_guard, process);
  inherit(me, &f->deadlock_guard, process);
  inherit(me, &f->log.guard, process);
  inherit(me, &f->trace_guard, process);
  inherit(me, &f->arena.guard, process);
  for (uint32_t i = 0; i < CC_ARENA_CLASSES; i++) inherit(me, &f->arena.classes[i].guard, process);
  for (uint32_t i = 0; i < CC_REFERENCE_SHARDS; i++) inherit(me, &f->references[i].guard, process);
}

/* ==} {== threads */

/* The guard of a waiter's line, which is the caller's then. A condition's waiter may be moved until it is. */
static cc_guard *hold_line(cc_self *me, const cc_waiter *w, uint32_t process) {
  for (;;) {
    cc_guard *g = w->guard;
    cc_guard_inherit(me, g, process);
    if (w->guard == g) return g;
    cc_guard_unlock(g);
  }
}

/* Takes a waiter out of its line. */
static void withdraw(cc_self *me, cc_waiter *w, uint32_t process) {
  if (atomic_load(&w->line) == NULL) return;
  cc_guard *guard = hold_line(me, w, process);
  cc_waitlist *line = atomic_load(&w->line);
  cc_object *o = w->object;
  const cc_ops *ops = cc_ops_of(o);
  bool granted = cc_granted(w) != 0, gives_back = granted && !w->watches && ops->give_back != NULL;
  if (!granted) cc_waitlist_remove(me, line, w);
  if (gives_back) ops->give_back(me, o, line, w->slot);
  cc_note(me, w->line);
  atomic_store(&w->line, NULL);
  cc_section_end(me, guard);
  bool tries = o->kind == CC_LOCK || o->kind == CC_RLOCK; /* who is granted has nothing yet */
  if (ops->withdrawn != NULL && (!granted || tries) && !w->watches) ops->withdrawn(me, o, line);
}

static void withdraw_all(cc_self *me, cc_slot *s, uint32_t process) {
  inherit(me, &s->place_guard, process);
  withdraw(me, &s->waiter, process);
  for (uint32_t i = 0; s->watchers != NULL && i < s->nwatchers; i++)
    withdraw(me, &s->watchers[i], process);
}

/* What was in a hand goes through the caller's. */
static void empty_hand(cc_self *me, cc_hand *h) {
  void *block = cc_held(h);
  bool parcel = h->parcel != 0;
  if (block == NULL) return;
  cc_note(me, h->block);
  cc_hold_block(h, NULL);
  cc_hand_take(me, me->slot, block, parcel);
  cc_commit(me, 0);
  if (parcel)
    cc_parcel_release(block);
  else
    cc_arena_free(block);
}

void cc_slot_withdraw(cc_self *me, cc_slot *s) {
  withdraw_all(me, s, CC_NO_PROCESS);
  for (uint32_t i = 0; i < CC_HANDS; i++) empty_hand(me, &s->undo.hands[i]);
  cc_block_drop((void **)&s->watchers);
}

static void bury_thread(cc_self *me, cc_slot *s, bool killed) {
  for (uint32_t i = 0; i < CC_HANDS; i++) empty_hand(me, &s->undo.hands[i]);
  cc_block_drop((void **)&s->watchers);
  cc_holds_abandon(me, s, killed);
  cc_slot_bury(s);
}

static void for_each(cc_self *me, uint32_t process, void (*f)(cc_self *, cc_slot *, uint32_t)) {
  cc_family *family = cc_family_root;
  uint32_t top = atomic_load(&family->slot_seen);
  for (uint32_t i = 0; i < top; i++)
    if (atomic_load(&family->slots[i].process) == process) f(me, &family->slots[i], process);
}

static void bury_killed(cc_self *me, cc_slot *s, uint32_t process) {
  (void)process;
  bury_thread(me, s, true);
}

static void bury_ended(cc_self *me, cc_slot *s, uint32_t process) {
  (void)process;
  bury_thread(me, s, false);
}

/* A wake-up may have been lost with who was about to send it: all look again. */
static void wake_all(const cc_family *f) {
  uint32_t top = atomic_load(&f->slot_seen);
  for (uint32_t i = 0; i < top; i++)
    if (atomic_load(&f->slots[i].parked)) cc_wake(&f->slots[i]);
}

/* ==} */

/* Whether the process had one thread at its end, which was in the middle of nothing: then no
** guard is held, and no wake-up was lost. */
static bool is_clean(const cc_family *f, uint32_t process) {
  uint32_t top = atomic_load(&f->slot_seen), n = 0;
  bool clean = true;
  for (uint32_t i = 0; i < top; i++) {
    if (atomic_load(&f->slots[i].process) != process) continue;
    n++;
    clean = clean && atomic_load(&f->slots[i].undo.n) == 0 && atomic_load(&f->slots[i].waiter.line) == NULL;
  }
  return clean && n == 1;
}

void cc_bury(uint32_t process, cc_end how) {
  cc_family *f = cc_family_root;
  cc_self *me = cc_self_get();
  cc_process *p = &f->processes[process];
  bool killed = how == CC_KILLED, clean = how == CC_LEFT && is_clean(f, process);
  if (!clean) {
    undo(process);
    inherit_globals(me, f, process);
    for_each(me, process, withdraw_all);
  }
  cc_objects_mend(process, clean);
  for_each(me, process, killed ? bury_killed : bury_ended);
  cc_objects_bury(process);
  if (!clean) wake_all(f);
  atomic_fetch_sub(&f->pending, atomic_exchange(&p->pending, 0));
  cc_trace_bury(process);
  atomic_store(&p->listens, 0);
  atomic_store(&p->object, NULL);
  atomic_store(&p->pid, 0);
  cc_deadlock_pending(0); /* whoever is left may wait for ever now */
}
