/* The allocator of shared memory: small blocks. Runs of chunks are in run.c. */
#include "core/arena.h"

#include <string.h>

#include "core/family.h"
#include "core/runs.h"

static const uint16_t cell_size[CC_ARENA_CLASSES] = {
    32,  48,  64,  96,  128,  160,  192,  256,  320,  384,  448,   512,
    640, 768, 1024, 1280, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16320,
};

static uint32_t cell_count(uint32_t class) { return (uint32_t)(CC_CHUNK / cell_size[class]); }

static char *cell_at(char *slab, uint32_t class, uint32_t i) {
  return slab + (size_t)i * cell_size[class];
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

static void link_partial(cc_self *me, cc_arena *a, uint32_t class, uint32_t i) {
  cc_chunk *c = &a->chunks[i];
  cc_undo_note(&me->slot->undo, &c->next, 8); /* and previous */
  c->previous = 0;
  c->next = a->classes[class].partial;
  if (c->next != 0) {
    cc_note(me, a->chunks[c->next - 1].previous);
    a->chunks[c->next - 1].previous = i + 1;
  }
  cc_note(me, a->classes[class].partial);
  a->classes[class].partial = i + 1;
}

static void unlink_partial(cc_self *me, cc_arena *a, uint32_t class, uint32_t i) {
  cc_chunk *c = &a->chunks[i];
  uint32_t *to = c->previous != 0 ? &a->chunks[c->previous - 1].next : &a->classes[class].partial;
  cc_note(me, *to);
  *to = c->next;
  if (c->next == 0) return;
  cc_note(me, a->chunks[c->next - 1].previous);
  a->chunks[c->next - 1].previous = c->previous;
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

static bool new_slab(cc_self *me, cc_arena *a, uint32_t class) {
  uint32_t i = cc_runs_take(a, 1);
  if (i == CC_NO_RUN) return false;
  cc_chunk *c = &a->chunks[i];
  cc_hand_lay(me, me->slot, chunk_address(a, i));
  cc_note(me, c->head);
  c->class = (uint8_t)class;
  c->used = c->fresh = c->free = 0;
  c->state = CHUNK_SLAB;
  link_partial(me, a, class, i);
  cc_note(me, a->classes[class].slabs);
  a->classes[class].slabs++;
  return true;
}

/* A freed cell's first bytes hold the next free one, index + 1. */
static uint16_t *next_free(char *cell) { return (uint16_t *)(void *)cell; }

#if defined(CC_DEBUG)
static void check_fresh(const char *cell, uint32_t class);
#endif

static void *new_cell(cc_arena *a, uint32_t class, bool hand) {
  void *result = NULL;
  cc_self *me = cc_self_get();
  cc_guard *g = &a->classes[class].guard;
  cc_guard_lock(g, me->word);
  uint32_t begin = cc_begin(me);
  if (a->classes[class].partial != 0 || new_slab(me, a, class)) {
    uint32_t i = a->classes[class].partial - 1;
    cc_chunk *c = &a->chunks[i];
    char *slab = chunk_address(a, i);
    uint32_t n = c->free != 0 ? c->free - 1u : c->fresh;
    char *cell = cell_at(slab, class, n);
    cc_note(me, c->head);
#if defined(CC_DEBUG)
    if (c->free != 0 && cc_family_alone()) check_fresh(cell, class);
#endif
    if (c->free != 0)
      c->free = *next_free(cell);
    else
      c->fresh++;
    c->used++;
    cc_note(me, a->classes[class].cells);
    a->classes[class].cells++;
    if (c->free == 0 && c->fresh == cell_count(class)) unlink_partial(me, a, class, i);
    if (hand) cc_hand_take(me, me->slot, cell, false);
    result = cell;
  }
  cc_commit(me, begin);
  cc_guard_unlock(g);
  return result;
}

#if defined(CC_DEBUG)
/* Freed cells hold a pattern: who writes to them, or frees them twice, is found out. */
#define PATTERN 0xdb

static void check_free(const cc_chunk *c, char *slab, char *cell) {
  uint32_t steps = 0;
  for (uint32_t n = c->free; n != 0 && steps++ < CC_CHUNK; n = *next_free(cell_at(slab, c->class, n - 1)))
    cc_assert(cell_at(slab, c->class, n - 1) != cell);
}

static void check_fresh(const char *cell, uint32_t class) {
  for (uint32_t i = 8; i < cell_size[class]; i++) cc_assert((unsigned char)cell[i] == PATTERN);
}
#endif

static void free_cell(cc_arena *a, uint32_t i, char *cell) {
  cc_self *me = cc_self_get();
  cc_chunk *c = &a->chunks[i];
  uint32_t class = c->class;
  char *slab = chunk_address(a, i);
  uint32_t n = (uint32_t)((size_t)(cell - slab) / cell_size[class]);
  cc_guard *g = &a->classes[class].guard;
  bool empty = false;
  cc_guard_lock(g, me->word);
  uint32_t begin = cc_begin(me);
  cc_assert(c->used > 0);
#if defined(CC_DEBUG)
  check_free(c, slab, cell);
#endif
  bool full = c->free == 0 && c->fresh == cell_count(class);
  cc_hand_lay(me, me->slot, cell);
  cc_note(me, c->head);
  cc_note(me, *next_free(cell));
  *next_free(cell) = c->free;
  c->free = (uint16_t)(n + 1);
  c->used--;
  cc_note(me, a->classes[class].cells);
  a->classes[class].cells--;
  if (full) link_partial(me, a, class, i);
  /* one empty slab may stay if it is the only one with room */
  if (c->used == 0 && (a->classes[class].partial != i + 1 || c->next != 0)) {
    unlink_partial(me, a, class, i);
    c->state = CHUNK_RUN; /* a large block of length 1 */
    cc_note(me, a->classes[class].slabs);
    a->classes[class].slabs--;
    cc_hand_take(me, me->slot, slab, false);
    empty = true;
  }
  cc_commit(me, begin);
#if defined(CC_DEBUG)
  if (cc_family_alone()) memset(cell + 8, PATTERN, cell_size[class] - 8); /* nobody is killed */
#endif
  cc_guard_unlock(g);
  if (empty) cc_runs_give(a, i);
}

/* ==} */

static void *new_block(size_t size, bool hand) {
  cc_arena *a = arena();
  if (must_fail()) return NULL;
  if (size <= cell_size[CC_ARENA_CLASSES - 1]) return new_cell(a, class_of(size), hand);
  if (size > (size_t)a->limit * CC_CHUNK) return NULL;
  uint32_t i = cc_runs_take(a, (uint32_t)((size + CC_CHUNK - 1) / CC_CHUNK));
  if (i == CC_NO_RUN) return NULL;
  if (!hand) cc_arena_lay(chunk_address(a, i));
  return chunk_address(a, i);
}

void *cc_arena_new(size_t size) { return new_block(size, false); }

void *cc_arena_take(size_t size) { return new_block(size, true); }

void cc_arena_lay(void *p) { cc_hand_drop(cc_self_get(), p); }

void cc_arena_free(void *p) {
  cc_arena *a = arena();
  if (p == NULL) return;
  uint32_t i = chunk_of(a, p);
  if (a->chunks[i].state == CHUNK_SLAB)
    free_cell(a, i, p);
  else
    cc_runs_give(a, i);
}

size_t cc_arena_usable(const void *p) {
  const cc_arena *a = arena();
  const cc_chunk *c = &a->chunks[chunk_of(a, p)];
  return c->state == CHUNK_SLAB ? cell_size[c->class] : (size_t)c->run * CC_CHUNK;
}

/* A copy elsewhere, in a hand if the old block is in one. */
static void *move(void *p, size_t old, size_t size) {
  void *moved = new_block(size, true);
  if (moved == NULL) return size <= old ? p : NULL;
  memcpy(moved, p, size < old ? size : old);
  if (!cc_arena_in_hand(p)) cc_arena_lay(moved);
  cc_arena_free(p);
  return moved;
}

void *cc_arena_resize(void *p, size_t size) {
  cc_arena *a = arena();
  size_t old = cc_arena_usable(p);
  uint32_t i = chunk_of(a, p);
  if (size > (size_t)a->limit * CC_CHUNK) return NULL;
  if (a->chunks[i].state == CHUNK_RUN && size > cell_size[CC_ARENA_CLASSES - 1]) {
    uint32_t n = (uint32_t)((size + CC_CHUNK - 1) / CC_CHUNK);
    bool grows = n > a->chunks[i].run;
    if ((!grows || !must_fail()) && cc_runs_resize(a, i, n)) return p;
  } else if (size <= old && class_of(size) == class_of(old)) {
    return p;
  }
  return move(p, old, size);
}

void cc_arena_trim(void) { cc_runs_trim(arena()); }

/* Slabs are large blocks to the runs. */
uint64_t cc_arena_bytes(void) {
  cc_arena *a = arena();
  uint32_t me = cc_self_word();
  uint64_t total = 0, large;
  cc_guard_lock(&a->guard, me);
  large = a->used;
  cc_guard_unlock(&a->guard);
  for (uint32_t class = 0; class < CC_ARENA_CLASSES; class++) {
    cc_guard_lock(&a->classes[class].guard, me);
    total += a->classes[class].cells * cell_size[class];
    large -= a->classes[class].slabs;
    cc_guard_unlock(&a->classes[class].guard);
  }
  return total + large * CC_CHUNK;
}

uint64_t cc_arena_resident(void) {
  cc_arena *a = arena();
  uint32_t top;
  cc_guard_lock(&a->guard, cc_self_word());
  top = a->top;
  cc_guard_unlock(&a->guard);
  return cc_map_resident(a->base, (size_t)top * CC_CHUNK);
}
