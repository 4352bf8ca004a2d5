/* Undo: putting back, and the points at which debug builds kill. */
#include "core/undo.h"

#include "core/family.h"

static void put_back(const cc_note *note) {
  switch (note->size) {
    case 8: *(volatile uint64_t *)note->at = note->old; break;
    case 4: *(volatile uint32_t *)note->at = (uint32_t)note->old; break;
    case 2: *(volatile uint16_t *)note->at = (uint16_t)note->old; break;
    default: *(volatile uint8_t *)note->at = (uint8_t)note->old; break;
  }
}

/* What a section has noted of its thread's own memory went with the process. */
static bool is_shared(const void *p) {
  const char *base = (const char *)cc_family_root;
  return (uintptr_t)p >= (uintptr_t)base && (uintptr_t)p < (uintptr_t)base + cc_family_root->size;
}

void cc_undo_all(cc_undo *u) {
  uint32_t n = atomic_load(&u->n);
  if (u->word != NULL && atomic_load(u->word) != u->before && n > u->from) n = u->from;
  u->word = NULL;
  while (n > 0) {
    if (is_shared(u->notes[--n].at)) put_back(&u->notes[n]);
    atomic_store(&u->n, n);
  }
  atomic_store(&u->n, 0);
}

#if defined(CC_DEBUG)

static _Atomic uint64_t points, fatal;

void cc_crash_point(void) {
  uint64_t now = atomic_fetch_add_explicit(&points, 1, memory_order_relaxed) + 1;
  if (cc_unlikely(now == atomic_load_explicit(&fatal, memory_order_relaxed)))
    cc_process_signal(cc_process_id(), CC_SIGNAL_KILL);
}

uint64_t cc_crash_at(uint64_t n) {
  uint64_t before = atomic_exchange(&points, 0);
  atomic_store(&fatal, n);
  return before;
}

#endif
