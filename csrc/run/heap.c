/*
** The memory of a Lua state. Sizes up to LARGEST are rounded to classes (16 bytes
** apart up to 512, then powers of two); a freed block goes to its class's list.
** There is one thread per state, so there are no locks.
*/
#include "run/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"

#define FIRST ((size_t)112 << 10)
#define MOST ((size_t)1 << 20)
#define FINE 32          /* classes of 16, 32, ... 512 bytes */
#define CLASSES (FINE + 5)
#define LARGEST ((size_t)512 << 5)

static _Atomic size_t piece = FIRST; /* size of a new heap; only what is used is touched */

struct run_heap {
  _Atomic uint32_t frozen; /* by another thread: wait */
  _Atomic uint32_t busy;   /* its own thread is in here */
  char *at;        /* from here on the piece was never used */
  char *end;
  size_t size;     /* of all this; constant */
  size_t outside;  /* blocks from malloc in use */
  int ends;        /* nothing is freed any more */
  lua_Alloc host;  /* the memory is that function's; NULL: ours. Constant */
  void *host_ud;
  void *free[CLASSES];
  _Alignas(16) char memory[];
};

run_heap *run_heap_new(void) {
  size_t size = atomic_load(&piece);
  run_heap *h = malloc(size);
  if (h == NULL) return NULL;
  memset(h, 0, sizeof *h);
  h->size = size;
  h->at = h->memory;
  h->end = (char *)h + size;
  return h;
}

void run_heap_free(run_heap *h) { free(h); }

run_heap *run_heap_of_host(lua_Alloc alloc, void *ud) {
  run_heap *h = calloc(1, sizeof *h);
  if (h == NULL) return NULL;
  h->host = alloc;
  h->host_ud = ud;
  h->outside = 1; /* never plain: there is nothing to save */
  return h;
}

void *run_heap_host(const run_heap *h) { return h->host_ud; }

static unsigned class_of(size_t size) {
  unsigned c;
  if (size <= 512) return (unsigned)((size + 15) / 16) - 1;
  for (c = FINE; ((size_t)1024 << (c - FINE)) < size; c++) continue;
  return c;
}

static size_t class_size(unsigned c) {
  return c < FINE ? (size_t)(c + 1) * 16 : (size_t)1024 << (c - FINE);
}

static int inside(const run_heap *h, const void *p) {
  return (uintptr_t)p - (uintptr_t)h < h->size;
}

static void *new_block(run_heap *h, size_t size) {
  if (size <= LARGEST) {
    unsigned c = class_of(size);
    void *p = h->free[c];
    if (p != NULL) {
      memcpy(&h->free[c], p, sizeof h->free[c]);
      return p;
    }
    if (class_size(c) <= (size_t)(h->end - h->at)) {
      p = h->at;
      h->at += class_size(c);
      return p;
    }
  }
  void *p = malloc(size);
  if (p != NULL) h->outside++;
  return p;
}

static void free_block(run_heap *h, void *p, size_t size) {
  if (p == NULL) return;
  if (inside(h, p)) {
    unsigned c = class_of(size);
    memcpy(p, &h->free[c], sizeof(void *));
    h->free[c] = p;
  } else {
    h->outside--;
    free(p);
  }
}

bool run_heap_freeze(run_heap *h) {
  atomic_store(&h->frozen, 1);
  /* its thread marks itself busy and then looks whether the heap is frozen, with no
  ** fence between, since that is on the way of every allocation: the fence is ours */
  if (!cc_thread_barrier()) {
    atomic_store(&h->frozen, 0);
    return false;
  }
  while (atomic_load(&h->busy) != 0) cc_pause();
  return true;
}

void run_heap_thaw(run_heap *h) { atomic_store(&h->frozen, 0); }

static void enter(run_heap *h) {
  for (;;) {
    atomic_store_explicit(&h->busy, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    if (cc_likely(atomic_load_explicit(&h->frozen, memory_order_relaxed) == 0)) return;
    atomic_store(&h->busy, 0);
    while (atomic_load(&h->frozen) != 0) cc_pause();
  }
}

static void *change(run_heap *h, void *p, size_t old, size_t size);

void *run_heap_alloc(void *ud, void *p, size_t old, size_t size) {
  run_heap *h = ud;
  enter(h);
  p = change(h, p, old, size);
  atomic_store_explicit(&h->busy, 0, memory_order_release);
  return p;
}

static void *change(run_heap *h, void *p, size_t old, size_t size) {
  if (cc_unlikely(h->host != NULL)) return h->host(h->host_ud, p, old, size);
  if (size == 0) {
    if (!h->ends) free_block(h, p, old);
    return NULL;
  }
  if (p == NULL) return new_block(h, size); /* old is a type tag then */
  if (!inside(h, p)) {
    if (size > LARGEST) return realloc(p, size);
  } else if (size <= LARGEST && class_of(size) == class_of(old)) {
    return p;
  }
  void *moved = new_block(h, size);
  if (moved == NULL) {
    /* Lua relies on shrinking never to fail; the class on free comes from the
    ** size that Lua states, so a block of the piece may only pass as a smaller
    ** one: it then joins that class's list */
    return size <= old ? p : NULL;
  }
  memcpy(moved, p, old < size ? old : size);
  free_block(h, p, old);
  return moved;
}

void *run_heap_save(const run_heap *h) {
  size_t size = (size_t)(h->at - (const char *)h);
  void *image = malloc(size);
  if (image != NULL) memcpy(image, h, size);
  return image;
}

void run_heap_restore(run_heap *h, const void *image) {
  const run_heap *saved = image;
  memcpy(h, image, (size_t)(saved->at - (const char *)h));
}

void run_heap_end(run_heap *h) { h->ends = 1; }

int run_heap_is_plain(const run_heap *h) { return h->outside == 0; }

void run_heap_enlarge(const run_heap *h) {
  size_t larger = h->size + h->size / 2;
  if (larger <= MOST) atomic_store(&piece, larger);
}
