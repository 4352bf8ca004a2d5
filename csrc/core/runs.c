/*
** Free runs by boundary tags (Knuth, TAOCP 1, 2.5 C): both ends of a free run
** hold its length, so that a freed run finds its neighbours at once. Bins by
** power of two. Everything here is under the chunk guard.
**
** Pages of a free run stay in memory for a while, since fresh pages cost more
** than copying into warm ones; they go back when many lie unused.
*/
#include "core/runs.h"

#include "core/slot.h"

#define KEEP 16u         /* chunks (1 MiB) that may always stay */
#define KEEP_BUSY 512u   /* as long as runs are being reused */
#define BUSY 2000000     /* ns since the last reuse that count as busy */

enum { CHUNK_FREE, CHUNK_TAKEN = 2 };

static uint32_t bin_of(uint32_t n) {
  uint32_t b = 0;
  while (n > 1 && b < CC_ARENA_BINS - 1) {
    n /= 2;
    b++;
  }
  return b;
}

static void link_run(cc_arena *a, uint32_t i, uint32_t n, uint32_t dirty) {
  cc_chunk *c = &a->chunks[i];
  uint32_t b = bin_of(n);
  a->chunks[i + n - 1].run = n;
  a->chunks[i + n - 1].state = CHUNK_FREE;
  c->run = n;
  c->state = CHUNK_FREE;
  c->dirty = dirty;
  c->previous = 0;
  c->next = a->bins[b];
  if (c->next != 0) a->chunks[c->next - 1].previous = i + 1;
  a->bins[b] = i + 1;
}

static void unlink_run(cc_arena *a, uint32_t i) {
  cc_chunk *c = &a->chunks[i];
  if (c->previous != 0)
    a->chunks[c->previous - 1].next = c->next;
  else
    a->bins[bin_of(c->run)] = c->next;
  if (c->next != 0) a->chunks[c->next - 1].previous = c->previous;
}

static uint32_t smaller(uint32_t x, uint32_t y) { return x < y ? x : y; }

/* Cuts n chunks off the front of the free run i; the rest stays free. */
static void cut(cc_arena *a, uint32_t i, uint32_t n) {
  uint32_t length = a->chunks[i].run, dirty = a->chunks[i].dirty;
  uint32_t taken = smaller(dirty, n);
  unlink_run(a, i);
  a->dirty -= taken;
  if (length > n) link_run(a, i + n, length - n, dirty - taken);
  a->chunks[i].state = CHUNK_TAKEN;
  a->chunks[i + n - 1].state = CHUNK_TAKEN;
}

static uint32_t find(const cc_arena *a, uint32_t n) {
  for (uint32_t b = bin_of(n); b < CC_ARENA_BINS; b++)
    for (uint32_t i = a->bins[b]; i != 0; i = a->chunks[i - 1].next)
      if (a->chunks[i - 1].run >= n) return i - 1;
  return CC_NO_RUN;
}

uint32_t cc_runs_take(cc_arena *a, uint32_t n) {
  uint32_t i;
  cc_guard_lock(&a->guard, cc_self_word());
  i = find(a, n);
  if (i != CC_NO_RUN) {
    cut(a, i, n);
    a->reused = cc_clock();
  } else if (n <= a->limit - a->top) {
    i = a->top;
    a->top += n;
    a->chunks[i].state = CHUNK_TAKEN;
    a->chunks[i + n - 1].state = CHUNK_TAKEN;
  }
  if (i != CC_NO_RUN) a->used += n;
  cc_guard_unlock(&a->guard);
  return i;
}

bool cc_runs_extend(cc_arena *a, uint32_t i, uint32_t have, uint32_t want) {
  uint32_t next = i + have, more = want - have;
  bool ok = false;
  cc_guard_lock(&a->guard, cc_self_word());
  if (next == a->top && more <= a->limit - a->top) {
    a->top += more;
    ok = true;
  } else if (next < a->top && a->chunks[next].state == CHUNK_FREE && a->chunks[next].run >= more) {
    cut(a, next, more);
    ok = true;
  }
  if (ok) {
    a->chunks[want + i - 1].state = CHUNK_TAKEN;
    a->used += more;
  }
  cc_guard_unlock(&a->guard);
  return ok;
}

static void discard_all(cc_arena *a) {
  for (uint32_t b = 0; b < CC_ARENA_BINS; b++)
    for (uint32_t i = a->bins[b]; i != 0; i = a->chunks[i - 1].next) {
      cc_chunk *c = &a->chunks[i - 1];
      if (c->dirty == 0) continue;
      cc_map_discard(a->base + (size_t)(i - 1) * CC_CHUNK, (size_t)c->run * CC_CHUNK);
      c->dirty = 0;
    }
  a->dirty = 0;
}

void cc_runs_give(cc_arena *a, uint32_t i, uint32_t n) {
  uint32_t dirty = n;
  cc_guard_lock(&a->guard, cc_self_word());
  a->used -= n;
  a->dirty += n;
  if (i > 0 && a->chunks[i - 1].state == CHUNK_FREE) {
    uint32_t before = a->chunks[i - 1].run;
    i -= before;
    n += before;
    dirty += a->chunks[i].dirty;
    unlink_run(a, i);
  }
  if (i + n < a->top && a->chunks[i + n].state == CHUNK_FREE) {
    uint32_t after = i + n;
    n += a->chunks[after].run;
    dirty += a->chunks[after].dirty;
    unlink_run(a, after);
  }
  link_run(a, i, n, dirty);
  if (a->dirty > KEEP && (a->dirty > KEEP_BUSY || cc_clock() - a->reused > BUSY)) discard_all(a);
  cc_guard_unlock(&a->guard);
}

void cc_runs_trim(cc_arena *a) {
  if (a->dirty <= KEEP) return; /* a glance without the guard is enough */
  cc_guard_lock(&a->guard, cc_self_word());
  if (cc_clock() - a->reused > BUSY) discard_all(a);
  cc_guard_unlock(&a->guard);
}
