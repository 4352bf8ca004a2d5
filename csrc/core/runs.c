/*
** Free runs by boundary tags (Knuth, TAOCP 1, 2.5 C): both ends of a free run
** hold its length, so that a freed run finds its neighbours at once. Bins by
** power of two. Everything here is under the chunk guard, and noted before it changes.
**
** Pages of a free run stay in memory for a while, since fresh pages cost more
** than copying into warm ones; they go back when many lie unused.
*/
#include "core/runs.h"

#include "core/slot.h"

#define KEEP 16u         /* chunks (1 MiB) that may always stay */
#define KEEP_BUSY 512u   /* as long as runs are being reused */
#define BUSY 2000000     /* ns since the last reuse that count as busy */

static uint32_t bin_of(uint32_t n) {
  uint32_t b = 0;
  while (n > 1 && b < CC_ARENA_BINS - 1) {
    n /= 2;
    b++;
  }
  return b;
}

static char *address(const cc_arena *a, uint32_t i) { return a->base + (size_t)i * CC_CHUNK; }

/* All that a chunk's entry holds, in three words. */
static void note_chunk(cc_self *me, cc_chunk *c) {
  cc_note(me, c->head);
  cc_undo_note(&me->slot->undo, &c->run, 8);  /* and dirty */
  cc_undo_note(&me->slot->undo, &c->next, 8); /* and previous */
}

static void note_state(cc_self *me, cc_chunk *c, uint8_t state, uint32_t run) {
  cc_note(me, c->head);
  cc_note(me, c->run);
  c->state = state;
  c->run = run;
}

static void link_run(cc_self *me, cc_arena *a, uint32_t i, uint32_t n, uint32_t dirty) {
  cc_chunk *c = &a->chunks[i];
  uint32_t b = bin_of(n);
  note_state(me, &a->chunks[i + n - 1], CHUNK_FREE, n);
  note_chunk(me, c);
  c->run = n;
  c->state = CHUNK_FREE;
  c->dirty = dirty;
  c->previous = 0;
  c->next = a->bins[b];
  if (c->next != 0) {
    cc_note(me, a->chunks[c->next - 1].previous);
    a->chunks[c->next - 1].previous = i + 1;
  }
  cc_note(me, a->bins[b]);
  a->bins[b] = i + 1;
}

static void unlink_run(cc_self *me, cc_arena *a, uint32_t i) {
  cc_chunk *c = &a->chunks[i];
  uint32_t *to = c->previous != 0 ? &a->chunks[c->previous - 1].next : &a->bins[bin_of(c->run)];
  cc_note(me, *to);
  *to = c->next;
  if (c->next == 0) return;
  cc_note(me, a->chunks[c->next - 1].previous);
  a->chunks[c->next - 1].previous = c->previous;
}

static uint32_t smaller(uint32_t x, uint32_t y) { return x < y ? x : y; }

/* Cuts n chunks off the front of the free run i; the rest stays free. */
static void cut(cc_self *me, cc_arena *a, uint32_t i, uint32_t n) {
  uint32_t length = a->chunks[i].run, dirty = a->chunks[i].dirty;
  uint32_t taken = smaller(dirty, n);
  unlink_run(me, a, i);
  cc_note(me, a->dirty);
  a->dirty -= smaller(taken, a->dirty);
  if (length > n) link_run(me, a, i + n, length - n, dirty - taken);
}

/* The n chunks from i on are a large block. */
static void mark(cc_self *me, cc_arena *a, uint32_t i, uint32_t n) {
  note_state(me, &a->chunks[i + n - 1], CHUNK_RUN, n);
  note_state(me, &a->chunks[i], CHUNK_RUN, n);
}

static void count(cc_self *me, cc_arena *a, uint32_t change) {
  cc_note(me, a->used);
  a->used += change;
}

static uint32_t find(const cc_arena *a, uint32_t n) {
  for (uint32_t b = bin_of(n); b < CC_ARENA_BINS; b++)
    for (uint32_t i = a->bins[b]; i != 0; i = a->chunks[i - 1].next)
      if (a->chunks[i - 1].run >= n) return i - 1;
  return CC_NO_RUN;
}

uint32_t cc_runs_take(cc_arena *a, uint32_t n) {
  cc_self *me = cc_self_get();
  cc_guard_lock(&a->guard, me->word);
  uint32_t begin = cc_begin(me), i = find(a, n);
  if (i != CC_NO_RUN) {
    cut(me, a, i, n);
    a->reused = cc_clock();
  } else if (n <= a->limit - a->top) {
    i = a->top;
    cc_note(me, a->top);
    a->top += n;
  }
  if (i != CC_NO_RUN) {
    mark(me, a, i, n);
    count(me, a, n);
    cc_hand_take(me, me->slot, address(a, i), false);
  }
  cc_commit(me, begin);
  cc_guard_unlock(&a->guard);
  return i;
}

/* Makes the n chunks from i on a free run, one with its free neighbours. */
static void set_free(cc_self *me, cc_arena *a, uint32_t i, uint32_t n) {
  uint32_t dirty = n;
  cc_note(me, a->dirty);
  a->dirty += n;
  count(me, a, (uint32_t)-(int32_t)n);
  if (i > 0 && a->chunks[i - 1].state == CHUNK_FREE) {
    uint32_t before = a->chunks[i - 1].run;
    i -= before;
    n += before;
    dirty += a->chunks[i].dirty;
    unlink_run(me, a, i);
  }
  if (i + n < a->top && a->chunks[i + n].state == CHUNK_FREE) {
    uint32_t after = i + n;
    n += a->chunks[after].run;
    dirty += a->chunks[after].dirty;
    unlink_run(me, a, after);
  }
  link_run(me, a, i, n, dirty);
}

bool cc_runs_resize(cc_arena *a, uint32_t i, uint32_t n) {
  cc_self *me = cc_self_get();
  cc_guard_lock(&a->guard, me->word);
  uint32_t begin = cc_begin(me), have = a->chunks[i].run, next = i + have, more = n - have;
  bool ok = true;
  if (n < have) {
    mark(me, a, i, n);
    set_free(me, a, i + n, have - n);
  } else if (next == a->top && more <= a->limit - a->top) {
    cc_note(me, a->top);
    a->top += more;
    mark(me, a, i, n);
    count(me, a, more);
  } else if (next < a->top && a->chunks[next].state == CHUNK_FREE && a->chunks[next].run >= more) {
    cut(me, a, next, more);
    mark(me, a, i, n);
    count(me, a, more);
  } else {
    ok = n == have;
  }
  cc_commit(me, begin);
  cc_guard_unlock(&a->guard);
  return ok;
}

/* What it does is right at each step: a->dirty is never less than the sum. */
static void discard_all(cc_arena *a) {
  for (uint32_t b = 0; b < CC_ARENA_BINS; b++)
    for (uint32_t i = a->bins[b]; i != 0; i = a->chunks[i - 1].next) {
      cc_chunk *c = &a->chunks[i - 1];
      if (c->dirty == 0) continue;
      cc_map_discard(address(a, i - 1), (size_t)c->run * CC_CHUNK);
      c->dirty = 0;
    }
  a->dirty = 0;
}

void cc_runs_give(cc_arena *a, uint32_t i) {
  cc_self *me = cc_self_get();
  cc_guard_lock(&a->guard, me->word);
  uint32_t begin = cc_begin(me);
  cc_hand_lay(me, me->slot, address(a, i));
  set_free(me, a, i, a->chunks[i].run);
  cc_commit(me, begin);
  if (a->dirty > KEEP && (a->dirty > KEEP_BUSY || cc_clock() - a->reused > BUSY)) discard_all(a);
  cc_guard_unlock(&a->guard);
}

void cc_runs_trim(cc_arena *a) {
  if (a->dirty <= KEEP) return; /* a glance without the guard is enough */
  cc_guard_lock(&a->guard, cc_self_word());
  if (cc_clock() - a->reused > BUSY) discard_all(a);
  cc_guard_unlock(&a->guard);
}
