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

/* What a thread has in its hands and its end must give up: noted in shared memory, for
** whoever buries it. It keeps no reference: `id` tells whether the object is still the same. */
typedef struct cc_hold {
  cc_object *object;
  uint64_t id;
  uint32_t index; /* of the object */
  uint32_t mode;  /* as the object's kind defines it */
  _Atomic uint32_t count; /* of units, for a semaphore; 0: nothing is held */
  uint32_t kind;  /* of the object, which may be gone */
} cc_hold;

typedef struct cc_slot {
  _Alignas(64) _Atomic uint32_t token; /* 0 none, 1 a wake-up, 2 its thread sleeps, 3 its task is suspended */
  _Atomic uint32_t cancel;             /* a requests to stop, by anyone: how many, 0 for none */
  _Atomic uint32_t parked;             /* 1 while its thread is blocked; by its thread */
  _Atomic uint32_t process;            /* entry of its process, CC_NO_PROCESS: it is free */
  _Atomic uint64_t ident;              /* unique; by its thread, when it begins another's run */
  _Atomic(cc_object *) waiting_for;    /* by its thread; to be printed only */
  _Atomic(cc_object *) thread;         /* its thread object; by its thread */
  _Atomic(struct cc_loop *) loop;      /* that goes on with its task; NULL: it is a thread's. By its thread */
  uint32_t next_free;                  /* under the slot guard */
  _Atomic uint32_t active;             /* its thread could signal; by its thread */
  _Atomic uint32_t traced;             /* number of the trace that goes on, 0: none; see trace.h */
  _Atomic(struct cc_trace_block *) trace_first; /* by whoever has the slot, as the next */
  struct cc_trace_block *trace_now;
  _Atomic uint64_t blocked;            /* not 0: asleep without deadline, a number per sleep */
  _Atomic(struct cc_parcel *) report;  /* of a deadlock, for its thread; one reference */
  _Atomic(cc_guard *) wants;           /* for which its thread sleeps; by its thread. See bury.c */
  cc_guard place_guard;                /* the next two */
  char place[100];                     /* source line where it sleeps without deadline */
  char held[120];                      /* what it alone can give up, as text */
  cc_waiter waiter;                    /* under the guard of what it waits for */
  cc_item item;                        /* handed over with a grant */
  cc_undo undo;                        /* by its thread */
  cc_waiter *watchers;                 /* of a wait for several, a block; by its thread */
  uint32_t nwatchers;
  uint32_t hold_room;                  /* of holds; by its thread */
  _Atomic uint32_t nholds;             /* by its thread; by who hands it something that it waits for */
  cc_hold *holds;                      /* a block, the last one taken is the last; NULL: none yet */
} cc_slot;

typedef struct cc_self {
  cc_slot *slot;
  uint32_t word;     /* slot index + 1: the mark in guards and locks */
  uint32_t shield;   /* while not 0, cancellation is held back */
  int64_t spin;      /* nanoseconds worth spinning before a sleep */
  uint32_t misses;   /* full spins in vain since the last success */
  uint32_t rest;     /* waits until spinning is tried again */
  bool no_signals;   /* a thread of ours: all signals are blocked */
  bool (*interrupted)(void *); /* asked when a signal may have come; NULL: never */
  void *interrupted_arg;
  void (*where)(void *, char *text, size_t size); /* source line of the call; NULL: unknown */
  void *where_arg;
  uint32_t watches;  /* numbers the nodes of waits for several */
  uint64_t sleeps;   /* numbers the sleeps without deadline */
  bool looked;       /* for a deadlock, since this wait began */
  struct cc_parcel *report; /* of a deadlock, to be raised; one reference */
  void (*on_detach)(void); /* called when the thread gives its slot back; NULL: nothing */
  /* {== of a task, see loop.h */
  cc_slot *home;         /* the slot of the thread that runs the task; NULL: this is a thread's */
  struct cc_loop *loop;
  bool cancelled;        /* asked to stop; its slot, if it has one, says so, too */
  bool suspends;         /* the call that is being made may end as CC_SUSPENDED */
  bool suspended;        /* the last wait ended so: it stands where it stood, and is to be gone on with */
  bool shielded;         /* that wait goes on in a clean-up, in spite of a cancellation */
  uint32_t stage;        /* of a call that waits several times; by that call */
  uint64_t kept;         /* by that call */
  uint32_t place;        /* by that call */
  int64_t deadline;      /* of that wait */
  /* ==} */
} cc_self;

extern _Thread_local cc_self cc_self_storage;

void cc_self_attach(void); /* waits while none is free */
bool cc_self_try(void);    /* gives the caller, who has none, a slot; false when none is free */
void cc_self_detach(void); /* gives the slot back; safe when there is none */
void cc_self_give_up(bool killed); /* the same; what it held is abandoned as by a killed process */

/* The slot of the calling thread, also while it runs a task. */
static inline cc_slot *cc_home_slot(const cc_self *me) { return me->home != NULL ? me->home : me->slot; }

void cc_self_renew(void);  /* in a child: the only thread gets a slot of its own */

/* Gives back the slot of a thread that ended with its process. */
void cc_slot_bury(cc_slot *s);

/* Before a thread has its slot it needs the slot guard all the same: this, less its process, is
** its mark then. */
#define CC_STRANGER 0x7fffffffu

/* In a slot's `cancel`: what the request is for is the task that a pool's worker does, not the thread. */
#define CC_CANCEL_TASK UINT32_C(0x80000000)

/* The mark of a slot in guards and locks: its index + 1. */
uint32_t cc_slot_word(const cc_slot *s);

/* Whether that mark is of a slot of that process, which has ended; never for 0. */
bool cc_slot_of(uint32_t word, uint32_t process);

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

/* Takes a block, a parcel's reference, into a hand of that slot, which is the caller's or that of a
** thread that waits; as part of a section. */
void cc_hand_take(cc_self *me, cc_slot *s, void *block, bool parcel);

/* Lays it down: it belongs to something else now, or is gone. */
void cc_hand_lay(cc_self *me, cc_slot *s, const void *block);

/* The same outside any section, by the slot's own thread. */
void cc_hand_drop(cc_self *me, const void *block);

bool cc_hands_empty(const cc_self *me); /* for asserts */

/* Frees the block that *place is, if it is one, and clears *place first, so that a destructor may
** be called again. */
void cc_block_drop(void **place);

/* ==} */

/* Makes sure that one more hold can be noted; false for lack of memory. */
bool cc_hold_reserve_slow(cc_self *me);

static inline bool cc_hold_reserve(cc_self *me) {
  return cc_likely(atomic_load_explicit(&me->slot->nholds, memory_order_relaxed) < me->slot->hold_room) ||
         cc_hold_reserve_slow(me);
}

/* Notes a hold in a slot that has room. Inside a section, in which `me` notes that; or outside
** any by the slot's own thread, `me` NULL. */
static inline void cc_hold_note(cc_self *me, cc_slot *s, cc_object *o, uint32_t mode) {
  uint32_t n = atomic_load_explicit(&s->nholds, memory_order_relaxed);
  s->holds[n] = (cc_hold){o, o->id, o->index, mode, 1, o->kind};
  if (me != NULL) cc_note(me, s->nholds);
  cc_order();
  /* release: the thread of that slot may be writing what it holds for reports */
  atomic_store_explicit(&s->nholds, n + 1, memory_order_release);
}

/* Notes a hold of the caller's; false for lack of memory. */
static inline bool cc_hold_add(cc_self *me, cc_object *o, uint32_t mode) {
  if (cc_unlikely(!cc_hold_reserve(me))) return false;
  cc_hold_note(NULL, me->slot, o, mode);
  return true;
}

/* Forgets the latest hold of o with that mode, which may be part of a section; false when there
** is none. */
bool cc_hold_remove_slow(cc_self *me, const cc_object *o, uint32_t mode);

static inline bool cc_hold_remove(cc_self *me, const cc_object *o, uint32_t mode) {
  cc_slot *s = me->slot;
  uint32_t n = atomic_load_explicit(&s->nholds, memory_order_relaxed);
  if (cc_likely(n > 0)) {
    const cc_hold *h = &s->holds[n - 1];
    if (cc_likely(h->object == o && h->id == o->id && h->mode == mode)) {
      cc_note(me, s->nholds);
      atomic_store_explicit(&s->nholds, n - 1, memory_order_relaxed);
      return true;
    }
  }
  return cc_hold_remove_slow(me, o, mode);
}

/* Gives up all that the thread of that slot holds: the caller's own at its end, or that of one
** that has ended. */
void cc_holds_abandon(cc_self *me, cc_slot *s, bool killed);

/* Whether it holds anything. */
bool cc_holds_any(const cc_slot *s);

/* The hold of o in that slot that counts units, which may be none; NULL. */
cc_hold *cc_hold_counter(cc_slot *s, const cc_object *o);

static inline cc_hold *cc_hold_counter_of(cc_slot *s, const cc_object *o) {
  uint32_t n = atomic_load_explicit(&s->nholds, memory_order_relaxed);
  if (cc_likely(n > 0)) {
    cc_hold *h = &s->holds[n - 1];
    if (cc_likely(h->object == o && h->id == o->id && h->mode == 0)) return h;
  }
  return cc_hold_counter(s, o);
}

/* One more unit of o in the hands of that slot's thread, which has room for a hold. As part
** of a section, or me NULL. */
static inline void cc_hold_count_up(cc_self *me, cc_slot *s, cc_object *o) {
  cc_hold *h = cc_hold_counter_of(s, o);
  if (cc_likely(h != NULL)) {
    if (me != NULL) cc_note(me, h->count);
    atomic_store_explicit(&h->count, atomic_load_explicit(&h->count, memory_order_relaxed) + 1, memory_order_relaxed);
  } else {
    cc_hold_note(me, s, o, 0);
  }
}

/* n units less, as many as it has; returns how many that were. A count of zero stays noted for
** the next time. */
static inline uint32_t cc_hold_count_down(cc_self *me, cc_slot *s, const cc_object *o, uint64_t n) {
  cc_hold *h = cc_hold_counter_of(s, o);
  uint32_t count = h == NULL ? 0 : atomic_load_explicit(&h->count, memory_order_relaxed);
  if (count == 0) return 0;
  uint32_t less = n < count ? (uint32_t)n : count;
  if (me != NULL) cc_note(me, h->count);
  atomic_store_explicit(&h->count, count - less, memory_order_relaxed);
  return less;
}

/* Whether the thread holds o in that mode. */
bool cc_hold_has(const cc_self *me, const cc_object *o, uint32_t mode);

/* This process's entry in the family. */
extern uint32_t cc_family_self;

/* False from the moment when the first process is forked. */
extern _Atomic uint32_t cc_family_shared;
static inline bool cc_family_alone(void) {
  return atomic_load_explicit(&cc_family_shared, memory_order_relaxed) == 0;
}

/* The calling thread's view; takes a slot at the first call. */
static inline cc_self *cc_self_get(void) {
  if (cc_unlikely(cc_self_storage.slot == NULL)) cc_self_attach();
  return &cc_self_storage;
}

static inline uint32_t cc_self_word(void) { return cc_self_get()->word; }

#endif
