/* Slots: taken by a kernel thread at its first use of concur, given back at its end. */
#include <string.h>

#include "core/family.h"

_Thread_local cc_self cc_self_storage;

#define FIRST_SPIN 20000

/* Before a thread has its slot it needs the slot guard all the same: any mark
** that is not 0 and no slot's will do. */
#define STRANGER 0x7fffffffu

static uint32_t take_index(cc_family *f) {
  uint32_t index = UINT32_MAX;
  cc_guard_lock(&f->slot_guard, STRANGER);
  if (f->slot_free != 0) {
    index = f->slot_free - 1;
    f->slot_free = f->slots[index].next_free;
  } else if (f->slot_top < f->slot_limit) {
    index = f->slot_top++;
  }
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
  s->process = cc_family_self;
  s->ident = atomic_fetch_add(&f->next_id, 1) + 1;
  me->slot = s;
  me->word = index + 1;
  me->shield = 0;
  me->spin = FIRST_SPIN;
  me->misses = me->rest = 0;
  me->no_signals = false;
  me->interrupted = NULL;
  me->on_detach = NULL;
  cc_thread_at_exit(at_exit, me);
}

void cc_self_detach(void) {
  cc_family *f = cc_family_root;
  cc_self *me = &cc_self_storage;
  if (me->slot == NULL) return;
  if (me->on_detach != NULL) me->on_detach();
  cc_slot *s = me->slot;
  uint32_t word = me->word;
  me->slot = NULL;
  cc_guard_lock(&f->slot_guard, word);
  s->next_free = f->slot_free;
  f->slot_free = word;
  cc_guard_unlock(&f->slot_guard);
}
