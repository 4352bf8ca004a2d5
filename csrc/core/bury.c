/* Burying a process. */
#include "core/bury.h"

#include "core/deadlock.h"
#include "core/family.h"

static void bury_slots(cc_family *f, uint32_t process) {
  uint32_t top = atomic_load(&f->slot_seen);
  for (uint32_t i = 0; i < top; i++)
    if (atomic_load(&f->slots[i].process) == process) cc_slot_bury(&f->slots[i]);
}

void cc_bury(uint32_t process) {
  cc_family *f = cc_family_root;
  cc_process *p = &f->processes[process];
  bury_slots(f, process);
  cc_objects_bury(process);
  atomic_fetch_sub(&f->pending, atomic_exchange(&p->pending, 0));
  atomic_store(&p->object, NULL);
  atomic_store(&p->pid, 0);
  cc_deadlock_pending(0); /* whoever is left may wait for ever now */
}
