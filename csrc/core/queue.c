/* Queues. queue.h tells the idea; `settle` is where the two ends meet. */
#include "core/queue.h"

#include <string.h>

#include "core/arena.h"
#include "core/parcel.h"

struct cc_segment {
  cc_segment *next; /* set before the END mark of this one is published */
  uint32_t size;    /* of bytes; constant */
  _Alignas(8) unsigned char bytes[];
};

/* In front of each item in a segment. */
typedef struct head {
  uint32_t size;
  uint32_t kind; /* of cc_item, or END: go on in the next segment */
} head;

enum { END = 255 };
enum { GIVEN = 1, CLOSED, NO_MEMORY }; /* reasons of a grant */

#define SMALLEST 256u
#define USUAL 4096u    /* enough while getters keep up */
#define LARGEST 16320u /* the arena's largest cell */
#define LOOKS 8
#define PAUSES 4 /* between two looks: about 0.2 us */
#define BACKLOG 64u    /* more items than this waiting: getters do not keep up */

static void destroy(cc_object *o);

cc_queue *cc_queue_new(uint64_t capacity) {
  cc_queue *q = (cc_queue *)cc_object_new(CC_QUEUE, sizeof *q);
  if (q == NULL) return NULL;
  cc_object_set_destructor(CC_QUEUE, destroy);
  q->capacity = capacity == 0 ? UINT64_MAX : capacity;
  return q;
}

/* {== the putters' end; under the putters' guard */

static uint32_t payload(const cc_item *item) {
  return cc_item_sized(item->kind) ? (item->size + 7u) & ~7u : 8u;
}

/* With room for an item of `need` bytes and the END mark, whatever was usual. */
static bool add_segment(cc_queue *q, uint32_t need) {
  cc_segment *old = q->put.segment;
  uint32_t size = SMALLEST;
  if (old != NULL) {
    uint64_t backlog = atomic_load(&q->put.count) - atomic_load(&q->get.count);
    uint32_t limit = backlog > BACKLOG ? LARGEST : USUAL;
    size = (old->size + (uint32_t)sizeof *old) * 2;
    if (size > limit) size = limit;
  }
  while (size - sizeof *old < need + sizeof(head)) size *= 2;
  cc_segment *new = cc_arena_new(size);
  if (new == NULL) return false;
  new->next = NULL;
  new->size = size - (uint32_t)sizeof *new;
  if (old != NULL) {
    head end = {0, END};
    old->next = new;
    memcpy(old->bytes + q->put.at, &end, sizeof end);
  } else {
    atomic_store_explicit(&q->first, new, memory_order_relaxed);
  }
  q->put.segment = new;
  q->put.at = 0;
  return true;
}

/* Writes the item behind the last and publishes it. */
static bool append(cc_queue *q, const cc_item *item) {
  cc_assert(cc_guard_held(&q->put.guard, cc_self_word()));
  uint32_t length = payload(item);
  uint32_t need = (uint32_t)sizeof(head) + length;
  if (q->put.segment == NULL || q->put.at + need + sizeof(head) > q->put.segment->size)
    if (!add_segment(q, need)) return false;
  cc_assert(q->put.at + need + sizeof(head) <= q->put.segment->size);
  unsigned char *to = q->put.segment->bytes + q->put.at;
  head h = {item->size, item->kind};
  memcpy(to, &h, sizeof h);
  if (cc_item_sized(h.kind))
    memcpy(to + sizeof h, item->u.bytes, h.size);
  else
    memcpy(to + sizeof h, &item->u.word, 8);
  q->put.at += need;
  uint64_t n = atomic_load_explicit(&q->put.count, memory_order_relaxed);
  atomic_store_explicit(&q->put.count, n + 1, memory_order_release);
  return true;
}

static bool has_room(cc_queue *q) {
  uint64_t n = atomic_load_explicit(&q->put.count, memory_order_relaxed);
  if (n - q->put.seen < q->capacity) return true;
  q->put.seen = atomic_load(&q->get.count);
  return n - q->put.seen < q->capacity;
}

/* ==} {== the getters' end; under the getters' guard (the object's) */

static bool has_item(cc_queue *q) {
  uint64_t n = atomic_load_explicit(&q->get.count, memory_order_relaxed);
  if (q->get.seen != n) return true;
  q->get.seen = atomic_load(&q->put.count);
  return q->get.seen != n;
}

/* The head of the next item; there is one. Leaves used-up segments behind. */
static const unsigned char *next_item(cc_queue *q, head *h) {
  if (q->get.segment == NULL)
    q->get.segment = atomic_load_explicit(&q->first, memory_order_relaxed);
  for (;;) {
    const unsigned char *from = q->get.segment->bytes + q->get.at;
    memcpy(h, from, sizeof *h);
    if (h->kind != END) return from;
    cc_segment *old = q->get.segment;
    q->get.segment = old->next;
    q->get.at = 0;
    cc_arena_free(old);
  }
}

static void take(cc_queue *q, cc_item *item) {
  cc_assert(cc_guard_held(&q->object.guard, cc_self_word()));
  head h;
  const unsigned char *from = next_item(q, &h) + sizeof h;
  item->size = h.size;
  item->kind = h.kind;
  if (cc_item_sized(h.kind))
    memcpy(item->u.bytes, from, h.size);
  else
    memcpy(&item->u.word, from, 8);
  q->get.at += (uint32_t)sizeof h + payload(item);
  uint64_t n = atomic_load_explicit(&q->get.count, memory_order_relaxed);
  atomic_store_explicit(&q->get.count, n + 1, memory_order_release);
}

/* Hands items to those who wait, first come first served. */
static bool serve_getters(cc_queue *q) {
  cc_assert(cc_guard_held(&q->object.guard, cc_self_word()));
  bool served = false;
  while (q->object.waiters.first != NULL && has_item(q)) {
    take(q, &q->object.waiters.first->slot->item);
    cc_wake(cc_grant_first(&q->object.waiters, GIVEN));
    served = true;
  }
  if (q->object.waiters.first == NULL) atomic_store(&q->put.getters, 0);
  return served;
}

/* ==} */

/* Under the putters' guard: moves in what blocked putters brought. */
static bool serve_putters(cc_queue *q) {
  cc_assert(cc_guard_held(&q->put.guard, cc_self_word()));
  bool served = false;
  while (q->put.waiters.first != NULL && has_room(q)) {
    bool ok = append(q, &q->put.waiters.first->slot->item);
    cc_wake(cc_grant_first(&q->put.waiters, ok ? GIVEN : NO_MEMORY));
    served = true;
  }
  if (q->put.waiters.first == NULL) atomic_store(&q->get.putters, 0);
  return served;
}

/* Waits a moment for *count to leave `seen`, looking at it seldom: each look takes
** the other end's line of memory away from it, and while nobody looks a batch
** comes together. Stands before every block, since most are short. */
static bool linger(const _Atomic uint64_t *count, uint64_t seen) {
  if (!cc_park_parallel()) return false;
  for (int looks = 0; looks < LOOKS; looks++) {
    for (int i = 0; i < PAUSES; i++) cc_pause();
    if (atomic_load_explicit(count, memory_order_relaxed) != seen) return true;
  }
  return false;
}

/* Brings items and getters, room and putters together until neither end can
** move. A flag set by a waiter (before it looked the last time) is always
** seen by whoever made the difference (after publishing it): both are
** sequentially consistent. */
static void settle(cc_self *me, cc_queue *q) {
  bool again = true;
  while (again) {
    again = false;
    if (atomic_load(&q->put.getters)) {
      cc_guard_lock(&q->object.guard, me->word);
      again |= serve_getters(q);
      cc_guard_unlock(&q->object.guard);
    }
    if (atomic_load(&q->get.putters)) {
      cc_guard_lock(&q->put.guard, me->word);
      again |= serve_putters(q);
      cc_guard_unlock(&q->put.guard);
    }
  }
}

static cc_outcome wait_for_room(cc_self *me, cc_queue *q, int64_t deadline) {
  cc_waiter *w = &me->slot->waiter;
  settle(me, q); /* room may have come between the look and the flag */
  cc_outcome outcome = cc_wait(me, &q->object, &q->put.guard, &q->put.waiters, w, deadline);
  if (outcome != CC_OK) return outcome;
  switch (atomic_load_explicit(&w->granted, memory_order_relaxed)) {
    case GIVEN: settle(me, q); return CC_OK;
    case CLOSED: return CC_CLOSED;
    default: return CC_NO_MEMORY;
  }
}

cc_outcome cc_queue_put(cc_self *me, cc_queue *q, const cc_item *item, int64_t deadline) {
  cc_outcome outcome = CC_OK;
  bool waits = false;
  if (deadline != CC_NOW && cc_queue_size(q) >= q->capacity)
    linger(&q->get.count, atomic_load(&q->get.count));
  cc_guard_lock(&q->put.guard, me->word);
  if (cc_unlikely(atomic_load_explicit(&q->closed, memory_order_relaxed))) {
    outcome = CC_CLOSED;
  } else if (cc_likely(q->put.waiters.first == NULL && has_room(q))) {
    if (!append(q, item)) outcome = CC_NO_MEMORY;
  } else if (deadline == CC_NOW) {
    outcome = CC_TIMEOUT;
  } else {
    cc_item_copy(&me->slot->item, item);
    cc_waitlist_append(&q->put.waiters, &me->slot->waiter, me->slot);
    atomic_store(&q->get.putters, 1);
    waits = true;
  }
  cc_guard_unlock(&q->put.guard);
  if (cc_unlikely(waits)) return wait_for_room(me, q, deadline);
  if (cc_unlikely(atomic_load(&q->put.getters))) settle(me, q);
  return outcome;
}

/* Stands in line, and is served at once if an item came meanwhile. */
static void line_up(cc_self *me, cc_queue *q) {
  atomic_store(&q->put.getters, 1);
  cc_waitlist_append(&q->object.waiters, &me->slot->waiter, me->slot);
  serve_getters(q);
}

static cc_outcome wait_for_item(cc_self *me, cc_queue *q, cc_item *item, int64_t deadline) {
  cc_waiter *w = &me->slot->waiter;
  cc_outcome outcome =
      cc_wait(me, &q->object, &q->object.guard, &q->object.waiters, w, deadline);
  if (outcome != CC_OK) return outcome;
  if (atomic_load_explicit(&w->granted, memory_order_relaxed) == CLOSED) return CC_CLOSED;
  cc_item_copy(item, &me->slot->item);
  return CC_OK;
}

cc_outcome cc_queue_get(cc_self *me, cc_queue *q, cc_item *item, int64_t deadline) {
  cc_outcome outcome = CC_OK;
  bool waits = false;
  if (deadline != CC_NOW && !atomic_load(&q->closed))
    linger(&q->put.count, atomic_load(&q->get.count));
  cc_guard_lock(&q->object.guard, me->word);
  if (cc_unlikely(q->object.waiters.first != NULL)) serve_getters(q); /* they came first */
  if (cc_likely(q->object.waiters.first == NULL && has_item(q))) {
    take(q, item);
  } else if (atomic_load(&q->closed) && !has_item(q)) {
    outcome = CC_CLOSED;
  } else if (deadline == CC_NOW) {
    outcome = CC_TIMEOUT;
  } else {
    line_up(me, q);
    waits = true;
  }
  cc_guard_unlock(&q->object.guard);
  if (cc_unlikely(waits)) outcome = wait_for_item(me, q, item, deadline);
  if (cc_unlikely(atomic_load(&q->get.putters))) settle(me, q);
  return outcome;
}

/* ==} */

/* Takes and drops what is in there. */
static void drop_all(cc_self *me, cc_queue *q) {
  cc_item item;
  for (bool more = true; more;) {
    cc_guard_lock(&q->object.guard, me->word);
    more = has_item(q);
    if (more) take(q, &item);
    cc_guard_unlock(&q->object.guard);
    if (more && cc_item_has_parcel(item.kind)) cc_parcel_release(item.u.parcel);
  }
}

void cc_queue_close(cc_self *me, cc_queue *q, bool discard) {
  cc_slot *s;
  cc_guard_lock(&q->put.guard, me->word);
  atomic_store(&q->closed, 1);
  while ((s = cc_grant_first(&q->put.waiters, CLOSED)) != NULL) cc_wake(s);
  atomic_store(&q->get.putters, 0);
  cc_guard_unlock(&q->put.guard);
  if (discard) drop_all(me, q);
  cc_guard_lock(&q->object.guard, me->word);
  serve_getters(q);
  while ((s = cc_grant_first(&q->object.waiters, CLOSED)) != NULL) cc_wake(s);
  atomic_store(&q->put.getters, 0);
  cc_guard_unlock(&q->object.guard);
}

bool cc_queue_closed(const cc_queue *q) { return atomic_load(&q->closed) != 0; }

uint64_t cc_queue_size(const cc_queue *q) {
  uint64_t taken = atomic_load(&q->get.count), n = atomic_load(&q->put.count) - taken;
  return n < q->capacity ? n : q->capacity; /* both may have moved between the looks */
}

uint64_t cc_queue_capacity(const cc_queue *q) { return q->capacity == UINT64_MAX ? 0 : q->capacity; }

static void destroy(cc_object *o) {
  cc_queue *q = (cc_queue *)o;
  cc_segment *s, *next;
  drop_all(cc_self_get(), q);
  s = q->get.segment != NULL ? q->get.segment : atomic_load(&q->first);
  for (; s != NULL; s = next) {
    next = s->next;
    cc_arena_free(s);
  }
}
