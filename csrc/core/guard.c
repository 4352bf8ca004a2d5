/*
** The slow paths of the guard: spin briefly, then sleep. The word goes
** 0 -> holder -> holder | SLEEPERS; whoever takes it after a sleep keeps the
** SLEEPERS bit, since others may sleep too (U. Drepper, "Futexes Are Tricky",
** 2011, mutex 2).
*/
#include <errno.h>

#include "core/family.h"
#include "core/guard.h"

#define SPINS 200

/* For who buries a process. */
static void set_wanted(uint32_t me, cc_guard *g) {
  if (me <= cc_family_root->slot_limit) atomic_store(&cc_family_root->slots[me - 1].wants, g);
}

void cc_guard_lock_slow(cc_guard *g, uint32_t me) {
  uint32_t mark = me;
  int spins = 0;
  for (;;) {
    uint32_t word = atomic_load_explicit(&g->word, memory_order_relaxed);
    if (word == 0) {
      if (atomic_compare_exchange_weak_explicit(&g->word, &word, mark, memory_order_acquire,
                                                memory_order_relaxed)) {
        if (mark != me) set_wanted(me, NULL);
        return;
      }
    } else if (spins < SPINS) {
      spins++;
      cc_pause();
    } else {
      if (!(word & CC_GUARD_SLEEPERS) &&
          !atomic_compare_exchange_weak_explicit(&g->word, &word, word | CC_GUARD_SLEEPERS,
                                                 memory_order_relaxed, memory_order_relaxed))
        continue;
      if (mark == me) set_wanted(me, g);
      cc_futex_wait(&g->word, word | CC_GUARD_SLEEPERS, CC_FOREVER);
      mark = me | CC_GUARD_SLEEPERS;
    }
  }
}

void cc_guard_unlock_slow(cc_guard *g) { cc_futex_wake(&g->word, 1); }
