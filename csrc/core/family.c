/*
** Making the family's shared memory. As much address space as the system grants
** is reserved, down to SMALLEST; memory is used only where it is touched.
*/
#include "core/family.h"

#include "core/descriptor.h"
#include "core/inherit.h"
#include "core/kind.h"
#include "core/link.h"
#include "core/local.h"
#include "core/park.h"

#ifndef CC_FAMILY_LARGEST /* a smaller one for tools that look at all of it */
#define CC_FAMILY_LARGEST ((size_t)64 << 30)
#endif
#define LARGEST ((size_t)CC_FAMILY_LARGEST)
#define SMALLEST ((size_t)8 << 20)

cc_family *cc_family_root;
uint32_t cc_family_self;
_Atomic uint32_t cc_family_shared;
bool cc_family_forked;

static _Atomic uint32_t opening; /* 0 not yet, 1 in progress, 2 open */

static size_t clamp(size_t x, size_t low, size_t high) {
  return x < low ? low : x > high ? high : x;
}

static char *carve(char **at, size_t size) {
  char *p = *at;
  *at += (size + CC_CHUNK - 1) / CC_CHUNK * CC_CHUNK;
  return p;
}

static void lay_out(char *memory, size_t size) {
  char *at = memory;
  cc_family *f = (cc_family *)(void *)carve(&at, sizeof *f);
  f->size = size;
  f->object_limit = (uint32_t)clamp(size / 2048, 4096, (size_t)4 << 20);
  f->objects = (void *)carve(&at, f->object_limit * sizeof *f->objects);
  f->slot_limit = (uint32_t)clamp(size / 16384, 256, 65536);
  f->slots = (void *)carve(&at, f->slot_limit * sizeof *f->slots);
  size_t chunks = size / CC_CHUNK;
  cc_chunk *table = (void *)carve(&at, chunks * sizeof *table);
  chunks -= (size_t)(at - memory) / CC_CHUNK;
  cc_arena_open(&f->arena, at, table, (uint32_t)chunks);
  atomic_store(&f->processes[0].pid, cc_process_id());
  cc_family_self = 0;
  cc_family_root = f;
}

static void forked(void) { cc_family_forked = true; }

static bool make(void) {
  cc_process_sanitize();
  cc_kinds_open();
  for (size_t size = LARGEST; size >= SMALLEST; size /= 2) {
    char *memory = cc_map_shared(size);
    if (memory == NULL) continue;
    lay_out(memory, size);
    if (cc_local_open(cc_family_root->object_limit)) {
      cc_process_at_fork(forked);
      return true;
    }
    cc_family_root = NULL;
    cc_unmap(memory, size);
  }
  return false;
}

bool cc_family_open(void) {
  for (;;) {
    uint32_t state = atomic_load_explicit(&opening, memory_order_acquire);
    if (state == 2) return true;
    if (state == 0 && atomic_compare_exchange_strong(&opening, &state, 1)) {
      bool ok = make();
      atomic_store_explicit(&opening, ok ? 2 : 0, memory_order_release);
      return ok;
    }
    cc_thread_yield(); /* another thread is at it */
  }
}

uint32_t cc_family_reserve(cc_object *process) {
  cc_family *f = cc_family_root;
  for (uint32_t i = 1; i < CC_PROCESS_LIMIT; i++) {
    cc_process *p = &f->processes[i];
    int64_t none = 0;
    if (!atomic_compare_exchange_strong(&p->pid, &none, CC_UNBORN)) continue;
    atomic_store(&cc_family_shared, 1);
    atomic_store(&p->object, process);
    atomic_store(&p->pending, 1);
    atomic_fetch_add(&f->pending, 1);
    return i;
  }
  return CC_NO_PROCESS;
}

void cc_family_enter(uint32_t entry) {
  cc_family_forked = false;
  cc_family_self = entry;
  atomic_store(&cc_family_root->processes[entry].pid, cc_process_id());
  cc_local_renew(cc_family_root->object_limit);
  cc_descriptor_forget();
  cc_link_forget();
  cc_inherit_forget();
  cc_park_forget();
  cc_self_renew();
}
