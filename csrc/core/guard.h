/*
** Guard: the internal lock around a few words of an object. It may live in the
** arena (shared between processes) or in private memory; zero means free.
** Held for tens of instructions and never across a Lua call, a park or a
** blocking system call (but for one: output.h). The word names the holder's slot, so that what a killed
** process held can be found and repaired.
*/
#ifndef CC_GUARD_H
#define CC_GUARD_H

#include "os/os.h"

typedef struct cc_guard {
  _Atomic uint32_t word; /* 0 free, else slot index + 1; top bit: sleepers */
} cc_guard;

#define CC_GUARD_SLEEPERS 0x80000000u

void cc_guard_lock_slow(cc_guard *g, uint32_t me);
void cc_guard_unlock_slow(cc_guard *g);

/* me: cc_self_word(), the caller's slot index + 1 */
static inline void cc_guard_lock(cc_guard *g, uint32_t me) {
  uint32_t free = 0;
  if (cc_unlikely(!atomic_compare_exchange_strong_explicit(
          &g->word, &free, me, memory_order_acquire, memory_order_relaxed)))
    cc_guard_lock_slow(g, me);
}

/* For asserts. */
static inline bool cc_guard_held(const cc_guard *g, uint32_t me) {
  return (atomic_load_explicit(&g->word, memory_order_relaxed) & ~CC_GUARD_SLEEPERS) == me;
}

/* A full barrier (an exchange): callers rely on it to publish what they wrote
** before they look whether somebody waits. */
static inline void cc_guard_unlock(cc_guard *g) {
  if (cc_unlikely(atomic_exchange(&g->word, 0) & CC_GUARD_SLEEPERS)) cc_guard_unlock_slow(g);
}

#endif
