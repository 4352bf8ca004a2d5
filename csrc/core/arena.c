/* The allocator of shared memory: small blocks. Runs of chunks are in run.c. */
#include "core/arena.h"

#include <string.h>

#include "core/family.h"
#include "core/runs.h"

enum { CHUNK_FREE, CHUNK_SLAB, CHUNK_RUN };

static const uint16_t cell_size[CC_ARENA_CLASSES] = {
    32,  48,  64,  96,  128,  160,  192,  256,  320,  384,  448,   512,
    640, 768, 1024, 1280, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16320,
};

/* In front of a slab's cells: one mark per cell, 0 for a free one, else the
** process that took it, plus 1. */
static uint16_t *marks(char *slab) { return (uint16_t *)(void *)slab; }

static size_t first_cell(uint32_t class) {
  size_t n = CC_CHUNK / cell_size[class];
  return (n * sizeof(uint16_t) + 63) / 64 * 64; /* keeps cells on lines of memory */
}

static uint32_t cell_count(uint32_t class) {
  return (uint32_t)((CC_CHUNK - first_cell(class)) / cell_size[class]);
}

static char *cell_at(char *slab, uint32_t class, uint32_t i) {
  return slab + first_cell(class) + (size_t)i * cell_size[class];
}

static uint32_t class_of(size_t size) {
  uint32_t low = 0, high = CC_ARENA_CLASSES - 1;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (cell_size[middle] < size)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static cc_arena *arena(void) { return &cc_family_root->arena; }

static char *chunk_address(const cc_arena *a, uint32_t i) { return a->base + (size_t)i * CC_CHUNK; }

static uint32_t chunk_of(const cc_arena *a, const void *p) {
  return (uint32_t)((size_t)((const char *)p - a->base) / CC_CHUNK);
}

void cc_arena_open(cc_arena *a, char *base, cc_chunk *table, uint32_t limit) {
  a->base = base;
  a->chunks = table;
  a->limit = limit;
}

/* {== the list of slabs of a class that have room; under the class guard */

static void link_partial(cc_arena *a, uint32_t class, uint32_t i) {
  cc_chunk *c = &a->chunks[i];
  c->previous = 0;
  c->next = a->classes[class].partial;
  if (c->next != 0) a->chunks[c->next - 1].previous = i + 1;
  a->classes[class].partial = i + 1;
}

static void unlink_partial(cc_arena *a, uint32_t class, uint32_t i) {
  cc_chunk *c = &a->chunks[i];
  if (c->previous != 0)
    a->chunks[c->previous - 1].next = c->next;
  else
    a->classes[class].partial = c->next;
  if (c->next != 0) a->chunks[c->next - 1].previous = c->previous;
}

/* ==} {== cells */

#if defined(CC_DEBUG)
static _Atomic uint64_t fail_at;

void cc_arena_fail_at(uint64_t n) { atomic_store(&fail_at, n); }

static bool must_fail(void) {
  uint64_t n = atomic_load(&fail_at);
  if (n == 0) return false;
  if (n == 1) return true;
  return !atomic_compare_exchange_strong(&fail_at, &n, n - 1) && must_fail();
}
#else
static inline bool must_fail(void) { return false; }
#endif

static bool new_slab(cc_arena *a, uint32_t class) {
  uint32_t i = cc_runs_take(a, 1);
  if (i == CC_NO_RUN) return false;
  cc_chunk *c = &a->chunks[i];
  c->class = (uint8_t)class;
  c->used = c->fresh = c->free = 0;
  memset(marks(chunk_address(a, i)), 0, first_cell(class));
  c->state = CHUNK_SLAB;
  link_partial(a, class, i);
  return true;
}

/* A freed cell's first bytes hold the next free one, index + 1. */
static uint16_t *next_free(char *cell) { return (uint16_t *)(void *)cell; }

static void *new_cell(cc_arena *a, uint32_t class) {
  void *result = NULL;
  cc_guard *g = &a->classes[class].guard;
  cc_guard_lock(g, cc_self_word());
  if (a->classes[class].partial != 0 || new_slab(a, class)) {
    uint32_t i = a->classes[class].partial - 1;
    cc_chunk *c = &a->chunks[i];
    char *slab = chunk_address(a, i);
    uint32_t n = c->free != 0 ? c->free - 1u : c->fresh;
    char *cell = cell_at(slab, class, n);
    if (c->free != 0)
      c->free = *next_free(cell);
    else
      c->fresh++;
    marks(slab)[n] = (uint16_t)(cc_family_self + 1);
    c->used++;
    a->classes[class].cells++;
    if (c->free == 0 && c->fresh == cell_count(class)) unlink_partial(a, class, i);
    result = cell;
  }
  cc_guard_unlock(g);
  return result;
}

static void free_cell(cc_arena *a, uint32_t i, char *cell) {
  cc_chunk *c = &a->chunks[i];
  uint32_t class = c->class;
  char *slab = chunk_address(a, i);
  uint32_t n = (uint32_t)((size_t)(cell - cell_at(slab, class, 0)) / cell_size[class]);
  cc_guard *g = &a->classes[class].guard;
  bool empty = false;
  cc_guard_lock(g, cc_self_word());
  cc_assert(marks(slab)[n] != 0 && c->used > 0); /* freed once only */
  bool full = c->free == 0 && c->fresh == cell_count(class);
  marks(slab)[n] = 0;
  *next_free(cell) = c->free;
  c->free = (uint16_t)(n + 1);
  c->used--;
  a->classes[class].cells--;
  if (full) link_partial(a, class, i);
  /* one empty slab may stay if it is the only one with room */
  if (c->used == 0 && (a->classes[class].partial != i + 1 || c->next != 0)) {
    unlink_partial(a, class, i);
    empty = true;
  }
  cc_guard_unlock(g);
  if (empty) cc_runs_give(a, i, 1);
}

/* ==} */

void *cc_arena_new(size_t size) {
  cc_arena *a = arena();
  if (must_fail()) return NULL;
  if (size <= cell_size[CC_ARENA_CLASSES - 1]) return new_cell(a, class_of(size));
  if (size > (size_t)a->limit * CC_CHUNK) return NULL;
  uint32_t n = (uint32_t)((size + CC_CHUNK - 1) / CC_CHUNK);
  uint32_t i = cc_runs_take(a, n);
  if (i == CC_NO_RUN) return NULL;
  a->chunks[i].state = CHUNK_RUN;
  a->chunks[i].run = n;
  atomic_fetch_add(&a->run_bytes, (uint64_t)n * CC_CHUNK);
  return chunk_address(a, i);
}

void cc_arena_free(void *p) {
  cc_arena *a = arena();
  if (p == NULL) return;
  uint32_t i = chunk_of(a, p);
  if (a->chunks[i].state == CHUNK_SLAB) {
    free_cell(a, i, p);
  } else {
    uint32_t n = a->chunks[i].run;
    atomic_fetch_sub(&a->run_bytes, (uint64_t)n * CC_CHUNK);
    cc_runs_give(a, i, n);
  }
}

size_t cc_arena_usable(const void *p) {
  const cc_arena *a = arena();
  const cc_chunk *c = &a->chunks[chunk_of(a, p)];
  return c->state == CHUNK_SLAB ? cell_size[c->class] : (size_t)c->run * CC_CHUNK;
}

void *cc_arena_resize(void *p, size_t size) {
  cc_arena *a = arena();
  size_t old = cc_arena_usable(p);
  uint32_t i = chunk_of(a, p);
  if (size > (size_t)a->limit * CC_CHUNK) return NULL;
  if (a->chunks[i].state == CHUNK_RUN && size > cell_size[CC_ARENA_CLASSES - 1]) {
    uint32_t n = (uint32_t)((size + CC_CHUNK - 1) / CC_CHUNK), have = a->chunks[i].run;
    if (n <= have) {
      if (n < have) {
        a->chunks[i].run = n;
        a->chunks[i + n - 1].state = CHUNK_RUN; /* an end now */
        atomic_fetch_sub(&a->run_bytes, (uint64_t)(have - n) * CC_CHUNK);
        cc_runs_give(a, i + n, have - n);
      }
      return p;
    }
    if (!must_fail() && cc_runs_extend(a, i, have, n)) {
      a->chunks[i].run = n;
      atomic_fetch_add(&a->run_bytes, (uint64_t)(n - have) * CC_CHUNK);
      return p;
    }
  } else if (size <= old && class_of(size) == class_of(old)) {
    return p;
  }
  void *moved = cc_arena_new(size);
  if (moved == NULL) return size <= old ? p : NULL;
  memcpy(moved, p, size < old ? size : old);
  cc_arena_free(p);
  return moved;
}

void cc_arena_trim(void) { cc_runs_trim(arena()); }

uint64_t cc_arena_bytes(void) {
  cc_arena *a = arena();
  uint64_t total = atomic_load(&a->run_bytes);
  for (uint32_t class = 0; class < CC_ARENA_CLASSES; class++) {
    cc_guard_lock(&a->classes[class].guard, cc_self_word());
    total += a->classes[class].cells * cell_size[class];
    cc_guard_unlock(&a->classes[class].guard);
  }
  return total;
}

uint64_t cc_arena_resident(void) {
  cc_arena *a = arena();
  uint32_t top;
  cc_guard_lock(&a->guard, cc_self_word());
  top = a->top;
  cc_guard_unlock(&a->guard);
  return cc_map_resident(a->base, (size_t)top * CC_CHUNK);
}
