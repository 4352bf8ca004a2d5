/* Segments come and go here; what happens for each item is in fifo.h. */
#include "core/fifo.h"

#include "core/arena.h"

#define SMALLEST 256u
#define USUAL 4096u    /* enough while getters keep up */
#define LARGEST 16320u /* the arena's largest cell */
#define BACKLOG 64u    /* more items than this waiting: getters do not keep up */

static cc_segment *new_segment(uint32_t size) {
  cc_segment *s = cc_arena_take(size);
  if (s == NULL) return NULL;
  s->next = NULL;
  s->size = size - (uint32_t)sizeof *s;
  return s;
}

cc_segment *cc_fifo_segment(void) { return new_segment(USUAL); }

bool cc_fifo_extend(cc_self *me, cc_queue *q, uint32_t need) {
  cc_segment *old = q->put.segment;
  uint32_t size = SMALLEST, begin = cc_begin(me);
  if (old != NULL) {
    uint64_t backlog = atomic_load(&q->put.count) - atomic_load(&q->get.count);
    uint32_t limit = backlog > BACKLOG ? LARGEST : USUAL;
    size = (old->size + (uint32_t)sizeof *old) * 2;
    if (size > limit) size = limit;
  }
  while (size - sizeof *old < need + sizeof(cc_head)) size *= 2;
  cc_segment *new = new_segment(size);
  if (new == NULL) return false;
  if (old != NULL) {
    cc_head end = {0, CC_END};
    cc_note(me, old->next);
    old->next = new; /* nobody reads that before something is published behind it */
    memcpy(old->bytes + q->put.at, &end, sizeof end);
  } else {
    cc_note(me, q->first);
    atomic_store_explicit(&q->first, new, memory_order_relaxed);
  }
  cc_note(me, q->put.segment);
  cc_note(me, q->put.at);
  q->put.segment = new;
  q->put.at = 0;
  cc_hand_lay(me, me->slot, new);
  cc_commit(me, begin);
  return true;
}

const unsigned char *cc_fifo_advance(cc_self *me, cc_queue *q) {
  uint32_t begin = cc_begin(me);
  if (q->get.segment == NULL) { /* may be repeated */
    q->get.segment = atomic_load_explicit(&q->first, memory_order_relaxed);
  }
  for (;;) {
    const unsigned char *from = q->get.segment->bytes + q->get.at;
    cc_head h;
    memcpy(&h, from, sizeof h);
    if (h.kind != CC_END) return from;
    cc_segment *old = q->get.segment;
    cc_note(me, q->get.segment);
    cc_note(me, q->get.at);
    q->get.segment = old->next;
    q->get.at = h.size;
    cc_hand_take(me, me->slot, old, false);
    cc_commit(me, begin);
    cc_arena_free(old);
  }
}

void cc_fifo_give_back(cc_self *me, cc_queue *q, cc_segment *s, uint32_t at, uint32_t end) {
  cc_head go_on = {q->get.at, CC_END};
  memcpy(s->bytes + end, &go_on, sizeof go_on);
  s->next = q->get.segment;
  cc_note(me, q->get.segment);
  cc_note(me, q->get.at);
  q->get.segment = s;
  q->get.at = at;
  cc_hand_lay(me, me->slot, s);
}

/* May be called again. */
void cc_fifo_free(cc_queue *q) {
  cc_self *me = cc_self_get();
  if (q->get.segment == NULL) {
    cc_note(me, q->get.segment);
    cc_note(me, q->first);
    q->get.segment = atomic_load(&q->first);
    atomic_store(&q->first, NULL);
    cc_commit(me, 0);
  }
  atomic_store(&q->first, NULL);
  for (cc_segment *s; (s = q->get.segment) != NULL;) {
    cc_note(me, q->get.segment);
    q->get.segment = s->next;
    cc_hand_take(me, me->slot, s, false);
    cc_commit(me, 0);
    cc_arena_free(s);
  }
}
