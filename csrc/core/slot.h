/*
** Slot: what the family knows of one kernel thread that uses concur: where it
** sleeps, whether it shall stop, what it waits for. Slots lie in the arena so
** that every process can wake every thread. `cc_self` is the thread's private
** view of its own slot.
*/
#ifndef CC_SLOT_H
#define CC_SLOT_H

#include <string.h>

#include "core/item.h"
#include "core/object.h"
#include "core/undo.h"

typedef struct cc_slot {
  _Alignas(64) _Atomic uint32_t token; /* 0 none, 1 a wake-up, 2 its thread sleeps */
  _Atomic uint32_t cancel;             /* a requests to stop, by anyone: how many, 0 for none */
  _Atomic uint32_t parked;             /* 1 while its thread is blocked; by its thread */
  _Atomic uint32_t process;            /* entry of its process, CC_NO_PROCESS: it is free */
  _Atomic uint64_t ident;              /* unique; by its thread, when it begins another's run */
  _Atomic(cc_object *) waiting_for;    /* by its thread; to be printed only */
  _Atomic(cc_object *) thread;         /* its thread object; by its thread */
  uint32_t next_free;                  /* under the slot guard */
  _Atomic uint32_t active;             /* its thread could signal; by its thread */
  _Atomic uint64_t blocked;            /* not 0: asleep without deadline, a number per sleep */
  _Atomic(struct cc_parcel *) report;  /* of a deadlock, for its thread; one reference */
  cc_guard place_guard;                /* the next two */
  char place[100];                     /* source line where it sleeps without deadline */
  char held[120];                      /* what it alone can give up, as text */
  cc_waiter waiter;                    /* under the guard of what it waits for */
  cc_item item;                        /* handed over with a grant */
  cc_undo undo;                        /* by its thread */
} cc_slot;

/* A thing that only the thread which holds it may give up: noted, so that the
** thread's end can give it up as abandoned. It keeps no reference: `id` tells
** whether the object is still the same. */
typedef struct cc_hold {
  cc_object *object;
  uint64_t id;
  uint32_t index; /* of the object */
  uint32_t mode;  /* as the object's kind defines it */
  uint32_t count; /* of units, for a semaphore */
  uint32_t kind;  /* of the object, which may be gone */
} cc_hold;

typedef struct cc_self {
  cc_slot *slot;
  uint32_t word;     /* slot index + 1: the mark in guards and locks */
  cc_hold *holds;    /* the last one taken is the last */
  uint32_t nholds, room;
  uint32_t shield;   /* while not 0, cancellation is held back */
  int64_t spin;      /* nanoseconds worth spinning before a sleep */
  uint32_t misses;   /* full spins in vain since the last success */
  uint32_t rest;     /* waits until spinning is tried again */
  bool no_signals;   /* a thread of ours: all signals are blocked */
  bool (*interrupted)(void *); /* asked when a signal may have come; NULL: never */
  void *interrupted_arg;
  void (*where)(void *, char *text, size_t size); /* source line of the call; NULL: unknown */
  void *where_arg;
  uint64_t sleeps;   /* numbers the sleeps without deadline */
  bool looked;       /* for a deadlock, since this wait began */
  struct cc_parcel *report; /* of a deadlock, to be raised; one reference */
  void (*on_detach)(void); /* called when the thread gives its slot back; NULL: nothing */
} cc_self;

extern _Thread_local cc_self cc_self_storage;

void cc_self_attach(void);
void cc_self_detach(void); /* gives the slot back; safe when there is none */

void cc_self_renew(void);  /* in a child: the only thread gets a slot of its own */

/* Gives back the slot of a thread that ended with its process. */
void cc_slot_bury(cc_slot *s);

/* The mark of a slot in guards and locks: its index + 1. */
uint32_t cc_slot_word(const cc_slot *s);

/* {== sections that are all or nothing: see undo.h */

/* Before a word of shared memory changes that others rely on. */
#define cc_note(me, word) cc_undo_note(&(me)->slot->undo, &(word), sizeof(word))

/* Before a section that may be part of another: where its notes begin. */
static inline uint32_t cc_begin(const cc_self *me) {
  return atomic_load_explicit(&me->slot->undo.n, memory_order_relaxed);
}

/* It is done: nothing of it will be undone. Before its guard is unlocked. */
static inline void cc_commit(cc_self *me, uint32_t begin) {
  cc_crash_point();
  cc_order();
  atomic_store_explicit(&me->slot->undo.n, begin, memory_order_relaxed);
  cc_order();
  cc_crash_point();
}

/* Before the last store of a section, to that word: the section is done with it. Then
** cc_commit_done. */
static inline void cc_commit_with(cc_self *me, uint32_t begin, _Atomic uint64_t *word) {
  cc_undo *u = &me->slot->undo;
  u->from = begin;
  u->before = atomic_load_explicit(word, memory_order_relaxed);
  cc_order();
  u->word = word;
  cc_order();
  cc_crash_point();
}

static inline void cc_commit_done(cc_self *me, uint32_t begin) {
  cc_undo *u = &me->slot->undo;
  cc_crash_point();
  cc_order();
  atomic_store_explicit(&u->n, begin, memory_order_relaxed);
  cc_order();
  u->word = NULL;
  cc_order();
}

/* Takes a block, a parcel's reference, into a hand, as part of a section. */
void cc_hand_take(cc_self *me, void *block, bool parcel);

/* Lays it down: it belongs to something else now, or is gone. */
void cc_hand_lay(cc_self *me, const void *block);

/* ==} */

/* Notes a hold; false for lack of memory. */
bool cc_hold_add_slow(cc_self *me, cc_object *o, uint32_t mode);

static inline bool cc_hold_add(cc_self *me, cc_object *o, uint32_t mode) {
  if (cc_unlikely(me->nholds == me->room)) return cc_hold_add_slow(me, o, mode);
  me->holds[me->nholds++] = (cc_hold){o, o->id, o->index, mode, 1, o->kind};
  return true;
}

/* Forgets the latest hold of o with that mode; false when there is none. */
bool cc_hold_remove_slow(cc_self *me, const cc_object *o, uint32_t mode);

static inline bool cc_hold_remove(cc_self *me, const cc_object *o, uint32_t mode) {
  if (cc_likely(me->nholds > 0)) {
    const cc_hold *h = &me->holds[me->nholds - 1];
    if (cc_likely(h->object == o && h->id == o->id && h->mode == mode)) {
      me->nholds--;
      return true;
    }
  }
  return cc_hold_remove_slow(me, o, mode);
}

/* Forgets holds of objects that are gone. */
void cc_holds_prune(cc_self *me);

/* Gives up all that the thread holds; called at its end. */
void cc_holds_abandon(cc_self *me);

/* What giving up means for a kind. */
typedef void (*cc_abandon)(cc_self *me, cc_object *o, uint32_t mode);
void cc_set_abandon(cc_kind kind, cc_abandon f);

/* The hold of o that counts units, which may be none; NULL. */
cc_hold *cc_hold_counter(cc_self *me, const cc_object *o);

/* One more, one less unit of o in the thread's hands. Less: false when it had none. A count of
** zero stays noted for the next time. The notes are for scopes only: without memory for one, a
** scope gives back nothing. */
static inline cc_hold *cc_hold_counter_of(cc_self *me, const cc_object *o) {
  if (cc_likely(me->nholds > 0)) {
    cc_hold *h = &me->holds[me->nholds - 1];
    if (cc_likely(h->object == o && h->id == o->id && h->mode == 0)) return h;
  }
  return cc_hold_counter(me, o);
}

static inline void cc_hold_count_up(cc_self *me, cc_object *o) {
  cc_hold *h = cc_hold_counter_of(me, o);
  if (cc_likely(h != NULL))
    h->count++;
  else
    (void)cc_hold_add(me, o, 0);
}

static inline bool cc_hold_count_down(cc_self *me, const cc_object *o) {
  cc_hold *h = cc_hold_counter_of(me, o);
  if (h == NULL || h->count == 0) return false;
  h->count--;
  return true;
}

/* Whether the thread holds o in that mode. */
bool cc_hold_has(const cc_self *me, const cc_object *o, uint32_t mode);

/* The calling thread's view; takes a slot at the first call. */
static inline cc_self *cc_self_get(void) {
  if (cc_unlikely(cc_self_storage.slot == NULL)) cc_self_attach();
  return &cc_self_storage;
}

static inline uint32_t cc_self_word(void) { return cc_self_get()->word; }

#endif
