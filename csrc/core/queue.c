/* Queues. queue.h tells the idea; `settle` is where the two ends meet. */
#include "core/queue.h"

#include "core/arena.h"
#include "core/deadlock.h"
#include "core/descriptor.h"
#include "core/fifo.h"
#include "core/parcel.h"

enum { GIVEN = 1, CLOSED, NO_MEMORY, DISORDER }; /* reasons of a grant */
enum { IS_IN = 1 };                              /* mode of a putter whose item was put */

#define LOOKS 8
#define PAUSES 4  /* between two looks: about 0.2 us */
#define BATCH 128 /* records put or taken at once: others have their turn in between */

/* {== life */

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return cc_queue_ready((cc_queue *)o);
}

cc_queue *cc_queue_new(cc_kind kind, uint64_t capacity, cc_parcel *key) {
  cc_self *me = cc_self_get();
  cc_pile *pile = NULL;
  if (kind == CC_LIFO || kind == CC_PRIORITY_QUEUE) {
    pile = cc_pile_new();
    if (pile == NULL) return NULL;
  }
  cc_queue *q = (cc_queue *)cc_object_new(kind, sizeof *q);
  if (q == NULL) {
    cc_arena_free(pile);
    return NULL;
  }
  q->capacity = capacity == 0 ? UINT64_MAX : capacity;
  q->shown = q->object.index;
  cc_note(me, q->pile);
  cc_note(me, q->key);
  q->pile = pile;
  q->key = key;
  cc_hand_lay(me, me->slot, pile);
  cc_hand_lay(me, me->slot, key);
  cc_commit(me, 0);
  return q;
}

/* ==} {== the putters' end; under the putters' guard */

/* What an item refers to leaves the hand of the thread that brought it; comes into one. */
static void lay_down(cc_self *me, cc_slot *s, const cc_item *item) {
  cc_item inner;
  if (cc_likely(item->kind < CC_ITEM_NODE)) return;
  if (item->kind == CC_ITEM_NODE) {
    cc_hand_lay(me, s, cc_item_node(item));
    cc_node_item(cc_item_node(item), &inner);
    item = &inner;
  }
  if (cc_item_has_parcel(item->kind)) cc_hand_lay(me, s, cc_item_parcel(item));
}

static void publish(cc_self *me, cc_queue *q, uint64_t n) {
  uint64_t before = atomic_load_explicit(&q->put.count, memory_order_relaxed);
  cc_commit_with(me, 0, &q->put.count);
  atomic_store_explicit(&q->put.count, before + n, memory_order_release);
  cc_commit_done(me, 0);
}

/* Publishes the item, which `from` has brought, as the last; mark: a word of its that tells
** that, to be changed with it, or NULL. Returns GIVEN, NO_MEMORY or DISORDER. */
static uint32_t append(cc_self *me, cc_queue *q, const cc_item *item, cc_slot *from, uint32_t *mark) {
  cc_assert(cc_guard_held(&q->put.guard, me->word));
  cc_pile *p = q->pile;
  uint32_t result = GIVEN;
  if (cc_unlikely(p != NULL)) {
    cc_guard_lock(&p->guard, me->word);
    if (!cc_pile_put(me, p, item->u.node)) result = DISORDER;
  } else if (cc_unlikely(!cc_fifo_append(me, q, item))) {
    result = NO_MEMORY;
  }
  if (cc_likely(result == GIVEN)) {
    lay_down(me, from, item);
    if (mark != NULL) {
      cc_note(me, *mark);
      *mark = IS_IN;
    }
    publish(me, q, 1);
  }
  if (p != NULL) cc_guard_unlock(&p->guard);
  return result;
}

/* For how many more items, the last of which are not published yet. */
static bool has_room(cc_queue *q, uint64_t unpublished) {
  uint64_t n = atomic_load_explicit(&q->put.count, memory_order_relaxed) + unpublished;
  if (n - q->put.seen < q->capacity) return true;
  q->put.seen = atomic_load(&q->get.count);
  return n - q->put.seen < q->capacity;
}

static void nobody_puts(cc_queue *q) {
  atomic_store(&q->get.putters, atomic_load(&q->object.described));
}

/* Moves in what blocked putters brought. */
static bool serve_putters(cc_self *me, cc_queue *q) {
  cc_assert(cc_guard_held(&q->put.guard, me->word));
  bool served = false;
  for (cc_waiter *w; (w = q->put.waiters.first) != NULL && (w->mode == IS_IN || has_room(q, 0));) {
    uint32_t result = GIVEN;
    if (w->mode != IS_IN) result = append(me, q, &w->slot->item, w->slot, &w->mode);
    cc_wake(cc_grant_first(me, &q->put.waiters, result));
    served = true;
  }
  if (q->put.waiters.first == NULL) nobody_puts(q);
  return served;
}

/* ==} {== the getters' end; under the getters' guard (the object's) */

/* Besides those that were taken, but are not counted yet. */
static bool has_item(cc_queue *q, uint64_t uncounted) {
  uint64_t n = atomic_load_explicit(&q->get.count, memory_order_relaxed) + uncounted;
  if (q->get.seen != n) return true;
  q->get.seen = atomic_load(&q->put.count);
  return q->get.seen != n;
}

/* In a section. */
static void count_taken(cc_self *me, cc_queue *q, uint64_t n) {
  uint64_t before = atomic_load_explicit(&q->get.count, memory_order_relaxed);
  cc_note(me, q->get.count);
  atomic_store_explicit(&q->get.count, before + n, memory_order_release);
}

/* Takes the next item out, a node of a pile as such, for the thread of that slot: what it refers to
** is in its hand then. In a section, after which `taken` is to be called. */
static void take(cc_self *me, cc_queue *q, cc_item *item, cc_slot *to) {
  cc_assert(cc_guard_held(&q->object.guard, me->word));
  const cc_item *whole = item;
  cc_item inner;
  if (cc_unlikely(q->pile != NULL)) {
    cc_guard_lock(&q->pile->guard, me->word);
    item->kind = CC_ITEM_NODE;
    item->u.node = cc_pile_take(me, q->pile);
    cc_node_item(item->u.node, &inner);
    cc_hand_take(me, to, item->u.node, false);
    whole = &inner;
  } else {
    cc_fifo_take(me, q, item);
  }
  if (cc_unlikely(cc_item_has_parcel(whole->kind))) cc_hand_take(me, to, cc_item_parcel(whole), true);
  count_taken(me, q, 1);
}

static void taken(cc_queue *q) {
  if (q->pile != NULL) cc_guard_unlock(&q->pile->guard);
}

/* Takes the item out of its node. */
static void unwrap(cc_item *item) {
  if (cc_likely(item->kind != CC_ITEM_NODE)) return;
  cc_node *n = item->u.node;
  cc_node_item(n, item);
  cc_node_free(n);
}

static void take_mine(cc_self *me, cc_queue *q, cc_item *item) {
  take(me, q, item, me->slot);
  cc_commit(me, 0);
  taken(q);
}

static void nobody_gets(cc_queue *q) {
  atomic_store(&q->put.getters, atomic_load(&q->object.described));
}

/* Hands items to those who wait, first come first served, and the news of one to those
** who watch. */
static bool serve_getters(cc_self *me, cc_queue *q) {
  cc_assert(cc_guard_held(&q->object.guard, me->word));
  cc_waitlist *l = &q->object.waiters;
  bool served = false;
  while (l->first != NULL && has_item(q, 0)) {
    bool wants = !l->first->watches;
    cc_slot *s = l->first->slot;
    if (wants) take(me, q, &s->item, s);
    cc_wake(cc_grant_first(me, l, GIVEN));
    if (wants) taken(q);
    served |= wants;
  }
  if (l->first == NULL) nobody_gets(q);
  return served;
}

/* ==} {== where both meet */

/* Waits a moment for *count to leave `seen`, looking at it seldom: each look takes
** the other end's line of memory away from it, and while nobody looks a batch
** comes together. Stands before every block, since most are short. */
static bool linger(const cc_self *me, const _Atomic uint64_t *count, uint64_t seen) {
  if (me->suspends || !cc_park_parallel()) return false; /* other tasks can run */
  for (int looks = 0; looks < LOOKS; looks++) {
    for (int i = 0; i < PAUSES; i++) cc_pause();
    if (atomic_load_explicit(count, memory_order_relaxed) != seen) return true;
  }
  return false;
}

/* Brings items and getters, room and putters together until neither end can
** move. A flag set by a waiter (before it looked the last time) is always
** seen by whoever made the difference (after publishing it): both are
** sequentially consistent. With a descriptor both flags stay up. */
static void settle(cc_self *me, cc_queue *q) {
  bool again = true;
  while (again) {
    again = false;
    if (atomic_load(&q->put.getters)) {
      cc_guard_lock(&q->object.guard, me->word);
      again |= serve_getters(me, q);
      cc_guard_unlock(&q->object.guard);
    }
    if (atomic_load(&q->get.putters)) {
      cc_guard_lock(&q->put.guard, me->word);
      again |= serve_putters(me, q);
      cc_guard_unlock(&q->put.guard);
    }
  }
  if (atomic_load(&q->object.described)) cc_descriptor_update_slow(q->shown);
}

static cc_outcome outcome_of(uint32_t reason) {
  switch (reason) {
    case GIVEN: return CC_OK;
    case CLOSED: return CC_CLOSED;
    case DISORDER: return CC_MISUSE;
    default: return CC_NO_MEMORY;
  }
}

static cc_outcome wait_for_room(cc_self *me, cc_queue *q, int64_t deadline) {
  cc_waiter *w = &me->slot->waiter;
  if (!cc_resumes(me, &deadline)) settle(me, q); /* room may have come between the look and the flag */
  cc_outcome outcome = cc_wait(me, &q->object, &q->put.guard, &q->put.waiters, w, deadline);
  if (outcome != CC_OK) return outcome;
  outcome = outcome_of(cc_granted(w));
  if (outcome == CC_OK) settle(me, q);
  /* another who was told of the same deadlock has closed it by going away */
  if (outcome == CC_CLOSED && cc_deadlock_told(me)) outcome = CC_DEADLOCK;
  return outcome;
}

cc_outcome cc_queue_put(cc_self *me, cc_queue *q, const cc_item *item, int64_t deadline) {
  cc_outcome outcome = CC_OK;
  bool waits = false;
  if (cc_unlikely(me->suspended)) return wait_for_room(me, q, deadline);
  if (deadline != CC_NOW && cc_queue_size(q) >= q->capacity)
    linger(me, &q->get.count, atomic_load(&q->get.count));
  cc_guard_lock(&q->put.guard, me->word);
  if (cc_unlikely(atomic_load_explicit(&q->closed, memory_order_relaxed))) {
    outcome = CC_CLOSED;
  } else if (cc_likely(q->put.waiters.first == NULL && has_room(q, 0))) {
    outcome = outcome_of(append(me, q, item, me->slot, NULL));
  } else if (deadline == CC_NOW) {
    outcome = CC_TIMEOUT;
  } else {
    cc_item_copy(&me->slot->item, item);
    me->slot->waiter.mode = 0;
    cc_stand_in(me, &q->object, &q->put.guard, &q->put.waiters);
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
  cc_stand(me, &q->object);
  serve_getters(me, q);
}

static cc_outcome wait_for_item(cc_self *me, cc_queue *q, cc_item *item, int64_t deadline) {
  cc_waiter *w = &me->slot->waiter;
  cc_outcome outcome =
      cc_wait(me, &q->object, &q->object.guard, &q->object.waiters, w, deadline);
  if (outcome != CC_OK) return outcome;
  if (cc_granted(w) == CLOSED) return cc_deadlock_told(me) ? CC_DEADLOCK : CC_CLOSED;
  cc_item_copy(item, &me->slot->item);
  unwrap(item);
  return CC_OK;
}

cc_outcome cc_queue_get(cc_self *me, cc_queue *q, cc_item *item, int64_t deadline) {
  cc_outcome outcome = CC_OK;
  bool waits = false;
  if (cc_unlikely(cc_resumes(me, &deadline))) goto waits;
  if (deadline != CC_NOW && !atomic_load(&q->closed))
    linger(me, &q->put.count, atomic_load(&q->get.count));
  cc_guard_lock(&q->object.guard, me->word);
  if (cc_unlikely(q->object.waiters.first != NULL)) serve_getters(me, q); /* they came first */
  if (cc_likely(q->object.waiters.first == NULL && has_item(q, 0))) {
    take_mine(me, q, item);
    unwrap(item);
  } else if (atomic_load(&q->closed) && !has_item(q, 0)) {
    outcome = CC_CLOSED;
  } else if (deadline == CC_NOW) {
    outcome = CC_TIMEOUT;
  } else {
    line_up(me, q);
    waits = true;
  }
  cc_guard_unlock(&q->object.guard);
  if (cc_unlikely(waits)) {
  waits:
    outcome = wait_for_item(me, q, item, deadline);
  }
  if (cc_unlikely(atomic_load(&q->get.putters))) settle(me, q);
  return outcome;
}

/* ==} {== many at once */

/* Puts a record's item into a pile; *length is the record's. */
static cc_outcome put_node(cc_self *me, cc_queue *q, const unsigned char *record, uint32_t *length) {
  cc_item item;
  *length = cc_record_read(record, &item);
  return outcome_of(append(me, q, &item, me->slot, NULL));
}

/* Writes as many of `n` records as the segment has room for and the queue, then publishes them. */
static size_t put_run(cc_self *me, cc_queue *q, const unsigned char *records, size_t n, size_t *length) {
  size_t done = 0;
  cc_note(me, q->put.at);
  for (; done < n && has_room(q, done); done++) {
    uint32_t size = cc_record_length(records + *length);
    if (!cc_fifo_has_room(q, size)) break;
    cc_record_copy(q->put.segment->bytes + q->put.at, records + *length);
    q->put.at += size;
    *length += size;
  }
  publish(me, q, done);
  return done;
}

/* As many as there is room for, at most BATCH. Returns the length of their records. */
static size_t put_batch(cc_self *me, cc_queue *q, const unsigned char *records, size_t *n,
                        cc_outcome *outcome) {
  size_t wanted = *n < BATCH ? *n : BATCH, length = 0;
  *n = 0;
  cc_guard_lock(&q->put.guard, me->word);
  *outcome = atomic_load_explicit(&q->closed, memory_order_relaxed) ? CC_CLOSED : CC_OK;
  while (*outcome == CC_OK && *n < wanted) {
    if (q->put.waiters.first != NULL || !has_room(q, 0)) {
      *outcome = CC_TIMEOUT;
    } else if (q->pile != NULL) {
      uint32_t size;
      *outcome = put_node(me, q, records + length, &size);
      if (*outcome != CC_OK) break;
      length += size;
      ++*n;
    } else {
      size_t run = put_run(me, q, records, wanted - *n, &length);
      *n += run;
      uint32_t next = *n < wanted ? cc_record_length(records + length) : 0;
      if (next > 0 && !cc_fifo_has_room(q, next) && !cc_fifo_extend(me, q, next))
        *outcome = CC_NO_MEMORY;
    }
  }
  cc_guard_unlock(&q->put.guard);
  if (atomic_load(&q->put.getters)) settle(me, q);
  return length;
}

size_t cc_queue_put_row(cc_self *me, cc_queue *q, const unsigned char *records, size_t n,
                        cc_outcome *outcome) {
  size_t done = 0;
  *outcome = CC_OK;
  while (done < n && *outcome == CC_OK) {
    size_t count = n - done;
    records += put_batch(me, q, records, &count, outcome);
    done += count;
  }
  return done;
}

/* What an item of a row refers to comes into the caller's hand, as far as that has room. */
static void take_up(cc_self *me, const cc_item *item) {
  cc_item inner;
  if (item->kind == CC_ITEM_NODE) {
    cc_hand_take(me, me->slot, cc_item_node(item), false);
    cc_node_item(cc_item_node(item), &inner);
    item = &inner;
  }
  if (cc_item_has_parcel(item->kind)) cc_hand_take(me, me->slot, cc_item_parcel(item), true);
}

/* Under the getters' guard: moves items to the row's segment as long as they fit there. */
static void move_nodes(cc_self *me, cc_queue *q, cc_row *row, size_t max, uint32_t room) {
  const uint32_t length = sizeof(cc_head) + 8;
  while (row->n < max && row->end + length <= room && has_item(q, 0)) {
    cc_item item = {0, CC_ITEM_NODE, {0}};
    cc_guard_lock(&q->pile->guard, me->word);
    item.u.node = cc_pile_take(me, q->pile);
    take_up(me, &item);
    row->end += cc_record_write(row->segment->bytes + row->end, &item);
    row->n++;
    count_taken(me, q, 1);
    cc_commit(me, 0);
    cc_guard_unlock(&q->pile->guard);
  }
}

static void move_records(cc_self *me, cc_queue *q, cc_row *row, size_t max, uint32_t room) {
  uint64_t n = 0; /* taken, and not counted yet */
  cc_note(me, q->get.at);
  while (row->n < max && has_item(q, n)) {
    const unsigned char *from = cc_fifo_first(q);
    if (cc_unlikely(from == NULL)) {
      count_taken(me, q, n);
      cc_commit(me, 0);
      n = 0;
      from = cc_fifo_advance(me, q);
      cc_note(me, q->get.at);
    }
    if (row->end + cc_record_length(from) > room) break;
    uint32_t length = cc_record_copy(row->segment->bytes + row->end, from);
    if (((const cc_head *)(const void *)from)->kind >= CC_ITEM_PARCEL) {
      cc_item item;
      cc_record_read(from, &item);
      take_up(me, &item);
    }
    q->get.at += length;
    row->end += length;
    row->n++;
    n++;
  }
  count_taken(me, q, n);
  cc_commit(me, 0);
}

cc_outcome cc_queue_get_row(cc_self *me, cc_queue *q, cc_row *row, size_t max) {
  cc_outcome outcome = CC_OK;
  row->n = 0;
  row->at = row->end = 0;
  row->segment = cc_fifo_segment();
  if (row->segment == NULL) return CC_NO_MEMORY;
  uint32_t room = row->segment->size - (uint32_t)sizeof(cc_head);
  cc_guard_lock(&q->object.guard, me->word);
  if (q->object.waiters.first != NULL) serve_getters(me, q);
  if (q->object.waiters.first == NULL) {
    if (q->pile != NULL)
      move_nodes(me, q, row, max, room);
    else
      move_records(me, q, row, max, room);
  }
  if (row->n == 0) outcome = atomic_load(&q->closed) && !has_item(q, 0) ? CC_CLOSED : CC_TIMEOUT;
  cc_guard_unlock(&q->object.guard);
  if (outcome != CC_OK) {
    cc_arena_free(row->segment);
    row->segment = NULL;
  }
  if (atomic_load(&q->get.putters)) settle(me, q);
  return outcome;
}

bool cc_row_next(cc_row *row, cc_item *item) {
  if (row->n == 0) return false;
  row->at += cc_record_read(row->segment->bytes + row->at, item);
  row->n--;
  return true;
}

/* The nodes of a row, last first, so that each goes before the one that was taken later. */
static void put_back(cc_self *me, cc_queue *q, cc_row *row) {
  cc_item item;
  cc_node *line = NULL, *next;
  while (cc_row_next(row, &item)) {
    *cc_node_next(cc_item_node(&item)) = line;
    line = cc_item_node(&item);
  }
  for (; line != NULL; line = next) {
    next = *cc_node_next(line);
    cc_guard_lock(&q->pile->guard, me->word);
    cc_pile_put_back(me, q->pile, line);
    const cc_item whole = {0, CC_ITEM_NODE, {.node = line}};
    lay_down(me, me->slot, &whole);
    count_taken(me, q, -UINT64_C(1));
    cc_commit(me, 0);
    cc_guard_unlock(&q->pile->guard);
  }
}

void cc_queue_give_back(cc_self *me, cc_queue *q, cc_row *row) {
  size_t n = row->n;
  if (row->segment == NULL) return;
  if (n > 0) {
    cc_guard_lock(&q->object.guard, me->word);
    if (q->pile != NULL) {
      put_back(me, q, row);
    } else {
      cc_item item;
      for (cc_row rest = *row; cc_row_next(&rest, &item);) lay_down(me, me->slot, &item);
      cc_fifo_give_back(me, q, row->segment, row->at, row->end);
      count_taken(me, q, -(uint64_t)n);
      cc_commit(me, 0);
      row->segment = NULL;
    }
    cc_guard_unlock(&q->object.guard);
    settle(me, q);
  }
  cc_arena_free(row->segment);
  row->segment = NULL;
  row->n = 0;
}

/* ==} {== the end */

/* Takes and drops what is in there, returns how much that was. */
static uint64_t drop_all(cc_self *me, cc_queue *q) {
  cc_item item;
  uint64_t n = 0;
  for (bool more = true; more;) {
    cc_guard_lock(&q->object.guard, me->word);
    more = has_item(q, 0);
    if (more) take_mine(me, q, &item);
    cc_guard_unlock(&q->object.guard);
    if (!more) break;
    cc_item_drop(&item);
    n++;
  }
  return n;
}

void cc_queue_close(cc_self *me, cc_queue *q, bool discard) {
  cc_slot *s;
  cc_guard_lock(&q->put.guard, me->word);
  atomic_store(&q->closed, 1);
  while ((s = cc_grant_first(me, &q->put.waiters, CLOSED)) != NULL) cc_wake(s);
  nobody_puts(q);
  cc_guard_unlock(&q->put.guard);
  if (discard) cc_tasks_done(me, &q->tasks.of_putters, &q->put.count, drop_all(me, q));
  cc_guard_lock(&q->object.guard, me->word);
  serve_getters(me, q);
  while ((s = cc_grant_first(me, &q->object.waiters, CLOSED)) != NULL) cc_wake(s);
  nobody_gets(q);
  cc_guard_unlock(&q->object.guard);
  if (atomic_load(&q->object.described)) cc_descriptor_update_slow(q->shown);
}

bool cc_queue_closed(const cc_queue *q) { return atomic_load(&q->closed) != 0; }

static void destroy(cc_object *o) {
  cc_queue *q = (cc_queue *)o;
  drop_all(cc_self_get(), q);
  cc_fifo_free(q);
  cc_block_drop((void **)&q->pile);
  cc_parcel_drop(&q->key);
}

/* {== what others leave behind */

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_queue *q = (cc_queue *)o;
  cc_slot *s;
  if (q->pile != NULL) {
    cc_guard_inherit(me, &q->pile->guard, process);
    cc_guard_unlock(&q->pile->guard);
  }
  cc_guard_inherit(me, &q->put.guard, process);
  serve_putters(me, q);
  if (cc_queue_closed(q))
    while ((s = cc_grant_first(me, &q->put.waiters, CLOSED)) != NULL) cc_wake(s);
  cc_guard_unlock(&q->put.guard);
  cc_guard_inherit(me, &o->guard, process);
  serve_getters(me, q);
  if (cc_queue_closed(q))
    while ((s = cc_grant_first(me, &o->waiters, CLOSED)) != NULL) cc_wake(s);
  cc_guard_unlock(&o->guard);
  cc_tasks_mend(me, &q->tasks.of_putters, &q->put.count, process);
  settle(me, q);
}

/* A getter was killed before it saw what it had been handed: the item goes back to the front. */
static void give_back(cc_self *me, cc_object *o, cc_waitlist *line, cc_slot *s) {
  cc_queue *q = (cc_queue *)o;
  if (line != &o->waiters || cc_granted(&s->waiter) != GIVEN) return;
  if (q->pile != NULL) {
    cc_guard_lock(&q->pile->guard, me->word);
    cc_pile_put_back(me, q->pile, s->item.u.node);
    lay_down(me, s, &s->item);
    count_taken(me, q, -UINT64_C(1));
    cc_commit(me, 0);
    cc_guard_unlock(&q->pile->guard);
    return;
  }
  cc_segment *segment = cc_fifo_segment();
  if (segment == NULL) return;
  uint32_t end = cc_record_write(segment->bytes, &s->item);
  if (q->get.segment == NULL) q->get.segment = atomic_load(&q->first);
  cc_fifo_give_back(me, q, segment, 0, end);
  lay_down(me, s, &s->item);
  count_taken(me, q, -UINT64_C(1));
}

const cc_ops cc_queue_ops = {
    .give_back = give_back,
    .destroy = destroy, .ready = ready, .notice = cc_queue_notice, .mend = mend};

/* ==} */

/* ==} {== looks */

uint64_t cc_queue_size(const cc_queue *q) {
  uint64_t taken = atomic_load(&q->get.count), n = atomic_load(&q->put.count) - taken;
  return n < q->capacity ? n : q->capacity; /* both may have moved between the looks */
}

uint64_t cc_queue_capacity(const cc_queue *q) { return q->capacity == UINT64_MAX ? 0 : q->capacity; }

bool cc_queue_ready(const cc_queue *q) {
  return atomic_load(&q->get.count) != atomic_load(&q->put.count) || cc_queue_closed(q);
}

void cc_queue_notice(cc_self *me, cc_object *o) {
  cc_queue *q = (cc_queue *)o;
  uint32_t word = me->word;
  cc_assert(cc_guard_held(&o->guard, word));
  atomic_store(&q->put.getters, 1);
  if (!atomic_load(&o->described)) return;
  cc_guard_lock(&q->put.guard, word); /* nobody takes both guards the other way round */
  atomic_store(&q->get.putters, 1);
  cc_guard_unlock(&q->put.guard);
}

/* ==} {== tasks */

bool cc_queue_task_done(cc_self *me, cc_queue *q) {
  return cc_tasks_done(me, &q->tasks.of_putters, &q->put.count, 1) == 1;
}

cc_outcome cc_queue_join(cc_self *me, cc_queue *q, int64_t deadline) {
  return cc_tasks_join(me, &q->tasks.of_putters, &q->put.count, &q->object, deadline);
}

/* ==} */
