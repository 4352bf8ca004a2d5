/* Pipes. */
#include "core/pipe.h"

#include "core/family.h"
#include "core/watch.h"

/* {== the end */

/* Under the reference guard: whether nobody can use it any more. True only once. */
static bool over(cc_object *o) {
  cc_connection *c = (cc_connection *)o;
  bool open = o->parcels > 0;
  for (size_t i = 0; i < CC_PROCESS_LIMIT / 64; i++) {
    /* who has no reference any more has not closed it: its bit may be another's tomorrow */
    uint64_t holders = atomic_load(&o->holders[i]);
    uint64_t closed = atomic_fetch_and(&c->closed[i], holders);
    if ((holders & ~closed) != 0) open = true;
  }
  if (open || c->ended) return false;
  cc_self *me = cc_self_get();
  cc_note(me, c->ended);
  cc_note(me, c->ender);
  c->ended = true;
  atomic_store(&c->ender, cc_family_self + 1);
  return true;
}

static void close_ways(cc_connection *c) {
  cc_self *me = cc_self_get();
  if (c->out != NULL) cc_queue_close(me, c->out, false);
  if (c->in != NULL) cc_queue_close(me, c->in, true);
}

/* What is dropped may be messages with other ends in them, and so on: those wait in a line, so
** that a long chain does not use up the C stack. */
static void end(cc_object *o) {
  static _Thread_local cc_connection *line;
  static _Thread_local bool busy;
  cc_connection *c = (cc_connection *)o;
  c->next_ended = line;
  line = c;
  if (busy) return;
  busy = true;
  while (line != NULL) {
    c = line;
    line = c->next_ended;
    close_ways(c);
    atomic_store(&c->ender, 0); /* killed here, its reference would be left */
    cc_object_parcel_release(&c->object, NULL);
  }
  busy = false;
}

static void destroy(cc_object *o) {
  cc_connection *c = (cc_connection *)o;
  if (!c->ended) close_ways(c);
  /* in the order in which they were retained, backwards */
  while (c->held > 0) {
    cc_queue *way = c->held == 1 && c->in != NULL ? c->in : c->out;
    cc_object_parcel_release(&way->object, &c->held);
  }
}

/* A process was killed before it had told the others. */
static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_connection *c = (cc_connection *)o;
  cc_guard_inherit(me, &o->guard, process);
  cc_guard_unlock(&o->guard);
  uint32_t dead = process + 1;
  if (atomic_compare_exchange_strong(&c->ender, &dead, cc_family_self + 1)) end(o);
}

/* ==} {== watching */

static bool ready(const cc_self *me, cc_object *o) {
  (void)me;
  return cc_queue_ready(((cc_connection *)o)->in);
}

static cc_object *line(cc_object *o) { return &((cc_connection *)o)->in->object; }

static void notice(cc_self *me, cc_object *o) {
  cc_queue *in = ((cc_connection *)o)->in;
  if (atomic_load(&o->described)) atomic_store(&in->object.described, 1);
  cc_queue_notice(me, &in->object);
}

/* ==} {== making */

const cc_ops cc_connection_ops = {.destroy = destroy,
                                  .ready = ready,
                                  .notice = notice,
                                  .line = line,
                                  .over = over,
                                  .end = end,
                                  .mend = mend};

static cc_connection *new_end(cc_queue *in, cc_queue *out) {
  cc_connection *c = (cc_connection *)cc_object_new(CC_CONNECTION, sizeof *c);
  if (c == NULL) return NULL;
  c->in = in;
  c->out = out;
  if (in != NULL) {
    in->shown = c->object.index;
    cc_object_parcel_retain(&in->object, &c->held);
  }
  if (out != NULL) cc_object_parcel_retain(&out->object, &c->held);
  return c;
}

static void release(void *o) {
  if (o != NULL) cc_object_release(o);
}

bool cc_pipe_new(bool duplex, uint64_t capacity, cc_connection *ends[2]) {
  cc_queue *there = cc_queue_new(CC_PIPE, capacity, NULL);
  cc_queue *back = duplex ? cc_queue_new(CC_PIPE, capacity, NULL) : NULL;
  bool ok = there != NULL && (back != NULL || !duplex);
  ends[0] = ok ? new_end(there, back) : NULL;
  ends[1] = ok ? new_end(back, there) : NULL;
  release(there);
  release(back);
  if (ends[0] != NULL && ends[1] != NULL) return true;
  release(ends[0]);
  release(ends[1]);
  return false;
}

/* ==} */

void cc_connection_close(cc_connection *c) {
  atomic_fetch_or(&c->closed[cc_family_self / 64], UINT64_C(1) << (cc_family_self % 64));
  cc_object_reconsider(&c->object);
}

bool cc_connection_closed(const cc_connection *c) {
  return (atomic_load(&c->closed[cc_family_self / 64]) >> (cc_family_self % 64) & 1) != 0;
}
