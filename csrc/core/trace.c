/* Traces. */
#include "core/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/deadlock.h"
#include "core/family.h"
#include "core/queue.h"

#define ROOM 84          /* events of a block: about a page */
#define SHORTEST 1000    /* ns: what is held or done for less is left out */
#define PAUSE 2000000    /* ns between two looks at the queues */
#define MOST_QUEUES 4096 /* that are looked at */

static cc_trace *trace(void) { return &cc_family_root->trace; }

/* {== writing */

static void begin_block(cc_slot *s, cc_trace_block *b, uint32_t number, uint32_t room) {
  atomic_store(&b->n, 0);
  atomic_store(&b->room, room);
  atomic_store_explicit(&b->number, number, memory_order_release);
  s->trace_now = b;
}

/* How many events the next block may have; 0: the trace is full. */
static uint32_t take_room(void) {
  int64_t left = atomic_load(&trace()->room), n;
  do {
    n = left < ROOM ? left : ROOM;
    if (n <= 0) return 0;
  } while (!atomic_compare_exchange_weak(&trace()->room, &left, left - n));
  return (uint32_t)n;
}

/* A new block at the end of the slot's, or NULL. */
static cc_trace_block *new_block(cc_self *me, _Atomic(cc_trace_block *) *place) {
  cc_trace_block *b = cc_arena_take(sizeof *b + ROOM * sizeof *b->events);
  if (b == NULL) return NULL;
  memset(b, 0, sizeof *b);
  uint32_t begin = cc_begin(me);
  cc_note(me, *place);
  atomic_store(place, b);
  cc_hand_lay(me, me->slot, b);
  cc_commit(me, begin);
  return b;
}

/* A block with room, or NULL. The slot's own thread. */
static cc_trace_block *block(cc_self *me, cc_slot *s, uint32_t number) {
  cc_trace_block *b = s->trace_now;
  bool same = b != NULL && atomic_load(&b->number) == number;
  if (cc_likely(same && atomic_load(&b->n) < atomic_load(&b->room))) return b;
  uint32_t room = take_room();
  if (room == 0) return NULL;
  _Atomic(cc_trace_block *) *place = same ? &b->next : &s->trace_first; /* the same: it is full */
  cc_trace_block *next = atomic_load(place);
  if (next == NULL && (next = new_block(me, place)) == NULL) {
    atomic_fetch_add(&trace()->room, room);
    return NULL;
  }
  begin_block(s, next, number, room);
  return next;
}

static void add(cc_self *me, const cc_trace_event *e) {
  cc_slot *s = cc_home_slot(me);
  uint32_t number = atomic_load(&s->traced);
  if (number == 0) return;
  cc_trace_block *b = block(me, s, number);
  if (b == NULL) {
    atomic_fetch_add(&trace()->dropped, 1);
    return;
  }
  uint32_t n = atomic_load_explicit(&b->n, memory_order_relaxed);
  b->events[n] = *e;
  atomic_store_explicit(&b->n, n + 1, memory_order_release);
}

static uint32_t my_pid(void) { return (uint32_t)atomic_load(&cc_family_root->processes[cc_family_self].pid); }

void cc_trace_span(cc_self *me, cc_trace_kind kind, uint64_t ident, uint32_t of, uint64_t object, int64_t since) {
  int64_t now = cc_clock();
  if (since < atomic_load(&trace()->start)) return; /* an earlier trace's */
  if (kind != CC_TRACE_WAIT && kind != CC_TRACE_END && now - since < SHORTEST) return;
  cc_trace_event e = {.time = since, .ident = ident, .pid = my_pid(), .kind = (uint16_t)kind, .of = (uint16_t)of};
  if (ident == 0) e.ident = cc_home_slot(me)->ident;
  e.u.s.span = now - since;
  e.u.s.object = object;
  e.u.s.number = 0;
  add(me, &e);
}

void cc_trace_name(cc_self *me, cc_trace_kind kind, uint64_t ident, uint32_t pid, const char *name) {
  cc_trace_event e = {
      .time = cc_clock(), .ident = ident, .pid = pid != 0 ? pid : my_pid(), .kind = (uint16_t)kind};
  size_t n = strlen(name);
  if (n >= sizeof e.u.text) n = sizeof e.u.text - 1;
  while (n > 0 && name[n] != '\0' && ((unsigned char)name[n] & 0xc0) == 0x80) n--; /* no half of a character */
  memset(e.u.text, 0, sizeof e.u.text);
  memcpy(e.u.text, name, n);
  add(me, &e);
}

void cc_trace_attach(cc_slot *s) {
  uint32_t on;
  do {
    on = atomic_load(&trace()->on);
    atomic_store(&s->traced, on);
  } while (atomic_load(&trace()->on) != on);
}

/* ==} {== queues */

typedef struct sampler {
  cc_self *me;
  struct {
    uint64_t id;
    int64_t n;
  } seen[MOST_QUEUES]; /* by index in the object table; one of two that meet in a place is told too often */
} sampler;

static void look(cc_object *o, void *arg) {
  sampler *s = arg;
  if (o->kind != CC_QUEUE && o->kind != CC_LIFO && o->kind != CC_PRIORITY_QUEUE) return;
  const cc_queue *q = (const cc_queue *)o; /* it may be new: its counts are all that can be relied on */
  uint64_t taken = atomic_load(&q->get.count);
  int64_t n = (int64_t)(atomic_load(&q->put.count) - taken);
  uint32_t place = o->index % MOST_QUEUES;
  if (s->seen[place].id == o->id && s->seen[place].n == n) return;
  s->seen[place].id = o->id;
  s->seen[place].n = n;
  cc_trace_event e = {.time = cc_clock(), .pid = my_pid(), .kind = CC_TRACE_DEPTH, .of = (uint16_t)o->kind};
  e.ident = s->me->slot->ident;
  e.u.s.span = 0;
  e.u.s.object = o->id;
  e.u.s.number = n;
  add(s->me, &e);
}

static void sample(void *arg) {
  sampler *s = arg;
  cc_self *me = s->me = cc_self_get();
  me->no_signals = true;
  cc_deadlock_active(me, false); /* it ends nobody's wait */
  cc_thread_set_name("concur-sampler");
  uint32_t number = atomic_load(&trace()->on);
  while (number != 0 && atomic_load(&trace()->on) == number) {
    uint32_t wake = atomic_load(&trace()->wake);
    cc_objects_look(look, s);
    if (atomic_load(&trace()->on) == number) cc_futex_wait(&trace()->wake, wake, cc_clock() + PAUSE);
  }
  free(s);
  cc_self_detach();
}

/* ==} {== start, stop */

/* Tells all threads, and those that begin meanwhile. */
static void tell(uint32_t on) {
  cc_family *f = cc_family_root;
  atomic_store(&f->trace.on, on);
  uint32_t top = atomic_load(&f->slot_seen);
  for (uint32_t i = 0; i < top; i++) atomic_store(&f->slots[i].traced, on);
}

int cc_trace_start(cc_self *me, int64_t limit, const char *path) {
  cc_trace *t = trace();
  cc_thread_options usual = {0, NULL, 0};
  if (strlen(path) >= CC_TRACE_PATH) return ENAMETOOLONG;
  sampler *s = calloc(1, sizeof *s);
  if (s == NULL) return ENOMEM;
  cc_guard_lock(&cc_family_root->trace_guard, me->word);
  int error = atomic_load(&t->on) != 0 || atomic_load(&t->reader) != 0 ? EALREADY : 0;
  if (error == 0) {
    uint32_t number = atomic_load(&t->last) + 1;
    if (number == 0) number = 1;
    atomic_store(&t->last, number);
    atomic_store(&t->room, limit);
    atomic_store(&t->dropped, 0);
    atomic_store(&t->start, cc_clock());
    atomic_store(&t->end, 0);
    memcpy(t->path, path, strlen(path) + 1);
    tell(number);
    error = cc_thread_start(sample, s, &usual);
    if (error != 0) tell(0);
  }
  cc_guard_unlock(&cc_family_root->trace_guard);
  if (error != 0) free(s);
  return error;
}

bool cc_trace_stop(cc_self *me, char path[CC_TRACE_PATH]) {
  cc_trace *t = trace();
  cc_guard_lock(&cc_family_root->trace_guard, me->word);
  bool on = atomic_load(&t->on) != 0;
  if (on) {
    atomic_store(&t->reader, cc_family_self + 1);
    tell(0);
    atomic_store(&t->end, cc_clock());
    memcpy(path, t->path, CC_TRACE_PATH);
    atomic_fetch_add(&t->wake, 1);
    cc_futex_wake(&t->wake, 1);
  }
  cc_guard_unlock(&cc_family_root->trace_guard);
  return on;
}

void cc_trace_done(void) { atomic_store(&trace()->reader, 0); }

void cc_trace_bury(uint32_t process) {
  uint32_t reader = process + 1;
  atomic_compare_exchange_strong(&trace()->reader, &reader, 0);
}

/* ==} {== reading */

static const cc_trace_block *usable(const cc_trace_block *b) {
  return b != NULL && atomic_load_explicit(&b->number, memory_order_acquire) == atomic_load(&trace()->last) ? b : NULL;
}

const cc_trace_event *cc_trace_next(cc_trace_reader *r) {
  cc_family *f = cc_family_root;
  for (;;) {
    if (r->block != NULL && r->at < atomic_load_explicit(&r->block->n, memory_order_acquire))
      return &r->block->events[r->at++];
    if (r->block != NULL && r->at == atomic_load(&r->block->room)) {
      r->block = usable(atomic_load(&r->block->next));
    } else {
      if (r->slot == atomic_load(&f->slot_seen)) return NULL;
      r->block = usable(atomic_load(&f->slots[r->slot++].trace_first));
    }
    r->at = 0;
  }
}

/* ==} */
