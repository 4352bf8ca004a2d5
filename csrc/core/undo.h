/*
** Undo: what makes a guarded section all or nothing, though its process may be killed between
** any two instructions of it. Before a section changes a shared word it notes the old
** content in its thread's slot; its end forgets the notes at one stroke. Whoever buries the
** process finds the guards still locked and puts back what the notes say, the last first.
**
** A section may make its change known with one last store that others act upon at once, without
** the guard (a count, a grant). Then that store is the end: the notes name the word and
** what it held before, and count only as long as it still holds that. Such a word must never
** hold the same again.
**
** Hands: blocks and parcels that belong to a thread and to nothing else yet or any more. They
** are taken up and laid down inside sections, as a part of what is undone or not; whoever
** buries the thread frees what is left in them.
**
** All this is for the same processor: a killed process has executed its instructions in order
** up to one of them, so it is enough that the compiler keeps the order.
*/
#ifndef CC_UNDO_H
#define CC_UNDO_H

#include "os/os.h"

#define CC_NOTES 64
#define CC_HANDS 10
#define CC_OWN_HANDS 8 /* the first ones; others put what they give the thread into the rest */

typedef struct cc_note {
  void *at;
  uint64_t old;
  uint64_t size; /* 1, 2, 4 or 8 */
} cc_note;

typedef struct cc_hand {
  _Atomic(void *) block; /* NULL: an empty hand */
  uint64_t parcel; /* whether it is a reference to a parcel; else a block of the arena */
} cc_hand;

static inline void *cc_held(const cc_hand *h) { return atomic_load_explicit(&h->block, memory_order_relaxed); }

static inline void cc_hold_block(cc_hand *h, void *block) {
  atomic_store_explicit(&h->block, block, memory_order_relaxed);
}

typedef struct cc_undo { /* of one slot; by its thread */
  _Atomic uint32_t n;    /* notes that count */
  uint32_t from;         /* with `word`: the first note that it decides about */
  _Atomic uint64_t *word; /* NULL: no last store is to come or has come */
  uint64_t before;       /* what it held */
  cc_note notes[CC_NOTES];
  cc_hand hands[CC_HANDS];
} cc_undo;

#define cc_order() atomic_signal_fence(memory_order_seq_cst)

#if defined(CC_DEBUG)
/* Where a killed process may stand: each counts as one point, and kills at the chosen one. */
void cc_crash_point(void);
/* The calling process kills itself at the n-th point from now on; 0: never. Returns how many
** points there were since the last call. */
uint64_t cc_crash_at(uint64_t n);
#else
static inline void cc_crash_point(void) {}
#endif

/* Puts back what a dead thread has noted. */
void cc_undo_all(cc_undo *u);

static inline void cc_undo_note(cc_undo *u, void *at, size_t size) {
  uint32_t n = atomic_load_explicit(&u->n, memory_order_relaxed);
  cc_assert(n < CC_NOTES);
  if (cc_unlikely(n == CC_NOTES)) return;
  cc_note *note = &u->notes[n];
  note->at = at;
  note->size = size;
  switch (size) {
    /* some of these words others change without the guard, while no other process is there to be killed */
    case 8: note->old = atomic_load_explicit((_Atomic uint64_t *)at, memory_order_relaxed); break;
    case 4: note->old = atomic_load_explicit((_Atomic uint32_t *)at, memory_order_relaxed); break;
    case 2: note->old = atomic_load_explicit((_Atomic uint16_t *)at, memory_order_relaxed); break;
    default: note->old = atomic_load_explicit((_Atomic uint8_t *)at, memory_order_relaxed); break;
  }
  cc_order();
  atomic_store_explicit(&u->n, n + 1, memory_order_relaxed);
  cc_order();
  cc_crash_point();
}

#endif
