/*
** Links. All of a link's private memory is under its mutex, a guard that is private too and held
** for longer than others are: while a message is sealed and sent or taken in, but never across a
** wait.
*/
#include "core/link.h"

#include <stdlib.h>
#include <string.h>

#include "core/deadlock.h"
#include "core/family.h"
#include "core/proxies.h"
#include "core/wire.h"

#define LOOK 10000000 /* ns after which who leads looks whether there is something to be sent */
#define SURPLUS (1u << 16) /* times an object is handed out before some are released */
#define STATUS_WITHDRAWN 2

enum { GRANT_DONE = 1, GRANT_LEAD };

typedef struct call {
  struct call *next, *previous; /* among those pending; under the mutex */
  uint64_t id;
  cc_waiter waiter; /* in no line: granted GRANT_… once */
  cc_reply *reply;
  cc_outcome outcome; /* before `done` */
  bool done;          /* under the mutex */
  bool task;          /* of one, which never leads; it is on the heap */
  cc_outcome ended;   /* of a task's: what has ended its wait */
  cc_reply kept;      /* likewise: the reply, until the task goes on */
} call;

typedef struct cc_link_private {
  struct cc_link_private *next; /* among those of the process; under the links' guard */
  cc_guard mutex;               /* the rest */
  cc_wire wire;
  call *first, *last; /* pending, in order */
  call *leader;       /* of these or the reader, or NULL */
  call reader;        /* in no list: stands for the kernel thread that leads while tasks wait */
  bool reads, over;   /* that thread is there; it is to end, and what this is with it */
  uint32_t tasks;     /* pending calls of theirs */
  _Atomic uint32_t news; /* counts the reasons for the reader to look */
  uint64_t calls;     /* numbers them */
  cc_proxies proxies;
  uint64_t link_id; /* of the object; constant */
  uint32_t link_index;
  bool open; /* counts as pending for the search for deadlocks */
  int64_t quarter;    /* ns after which something is to be sent: of the shorter heartbeat of the two */
  uint32_t ungreeted; /* so many more early looks for the server's heartbeat */
} own;

static cc_guard links_guard; /* the next */
static own *_Atomic links;   /* those of this process */
static _Atomic uint64_t process_number;
static _Atomic uint32_t bell;     /* counts the reasons to look at all links */
static _Atomic uint32_t attended; /* the kernel thread is there */

static uint64_t number(void) {
  uint64_t none = 0, new;
  if (atomic_load(&process_number) == 0) {
    new = atomic_fetch_add(&cc_family_root->next_id, 1) + 1;
    atomic_compare_exchange_strong(&process_number, &none, new);
  }
  return atomic_load(&process_number);
}

bool cc_link_ours(const cc_link *k) { return k->owner == atomic_load(&process_number); }

/* {== under the mutex */

/* The call is no longer the link's, and may be gone once the grant is seen. */
static void finish(own *p, call *c, cc_outcome outcome) {
  cc_slot *s = c->waiter.slot;
  if (c->previous != NULL) c->previous->next = c->next;
  else p->first = c->next;
  if (c->next != NULL) c->next->previous = c->previous;
  else p->last = c->previous;
  if (c->task) p->tasks--;
  c->outcome = outcome;
  c->done = true;
  if (p->leader == c) return; /* it looks by itself, and leads until it has left */
  atomic_store_explicit(&c->waiter.granted, GRANT_DONE, memory_order_release);
  cc_wake(s);
}

/* After anything that may have lost the connection. */
static void settle(own *p) {
  if (!p->wire.lost) return;
  while (p->first != NULL) finish(p, p->first, CC_CLOSED);
  cc_socket_cut(p->wire.fd); /* who leads is in poll */
  if (p->open) cc_deadlock_pending(-1);
  p->open = false;
}

static bool keep_reply(cc_reply *r, const uint8_t *bytes, size_t size) {
  r->bytes = size <= sizeof r->inlined ? r->inlined : malloc(size);
  if (r->bytes == NULL) return false;
  memcpy(r->bytes, bytes, size);
  r->size = size;
  return true;
}

#define LOOKS 50 /* for the server's first ping, which comes at once */
#define LOOK_AFTER 20000000
#define SHORTEST 10000000 /* heartbeat, ns */

/* The server tells what silence it takes for the end. */
static void greeted(own *p, uint64_t heartbeat) {
  p->ungreeted = 0;
  if (heartbeat < SHORTEST) heartbeat = SHORTEST;
  if (heartbeat / 4 >= (uint64_t)p->quarter) return;
  p->quarter = (int64_t)(heartbeat / 4);
  atomic_fetch_add(&bell, 1);
  cc_futex_wake(&bell, 1);
}

/* False when the server sends what it must not. */
static bool deliver(void *arg, const uint8_t *frame, size_t size) {
  own *p = arg;
  if (frame[0] == CC_FRAME_PING) {
    if (size >= 9) greeted(p, cc_get64(frame + 1));
    return true;
  }
  if (frame[0] != CC_FRAME_RESULT || size < 10) return false;
  uint64_t id = cc_get64(frame + 1);
  call *c = p->first;
  while (c != NULL && c->id != id) c = c->next;
  if (c == NULL) return false;
  finish(p, c, keep_reply(c->reply, frame + 9, size - 9) ? CC_OK : CC_NO_MEMORY);
  return true;
}

static void put(own *p, uint8_t type, uint64_t word, size_t size) {
  uint8_t frame[13] = {type};
  cc_put64(frame + 1, word);
  if (!p->wire.lost && !cc_wire_put(&p->wire, frame, size, NULL, 0)) p->wire.lost = true;
  settle(p);
}

static void put_release(own *p, uint64_t remote, uint32_t count) {
  uint8_t frame[13] = {CC_FRAME_RELEASE};
  cc_put64(frame + 1, remote);
  cc_put32(frame + 9, count);
  if (!p->wire.lost && !cc_wire_put(&p->wire, frame, sizeof frame, NULL, 0)) p->wire.lost = true;
  settle(p);
}

static void take_in(own *p) {
  cc_wire_flush(&p->wire);
  cc_wire_drain(&p->wire, deliver, p);
  settle(p);
}

static void tell_reader(own *p) {
  atomic_fetch_add(&p->news, 1);
  cc_futex_wake(&p->news, 1);
}

/* The caller no longer leads: the first that waits does, or the reader for tasks. */
static void pass_on(own *p) {
  call *c = p->tasks > 0 ? &p->reader : p->first;
  p->leader = c;
  if (c == &p->reader) tell_reader(p);
  if (c == NULL || c == &p->reader) return;
  atomic_store_explicit(&c->waiter.granted, GRANT_LEAD, memory_order_release);
  cc_wake(c->waiter.slot);
}

/* ==} {== calls */

void cc_reply_drop(cc_reply *r) {
  if (r->bytes != r->inlined) free(r->bytes);
  r->bytes = r->inlined;
  r->size = 0;
}

/* Under the mutex, which it gives up while it polls. */
static cc_outcome poll_once(cc_self *me, own *p) {
  cc_polled polled[2] = {{p->wire.fd, false, false}, {p->wire.fd, true, false}};
  size_t n = cc_wire_waits(&p->wire) ? 2 : 1;
  cc_guard_unlock(&p->mutex);
  cc_outcome outcome = cc_wait_ready(me, polled, n, cc_clock() + LOOK);
  cc_guard_lock(&p->mutex, me->word);
  return outcome == CC_TIMEOUT ? CC_OK : outcome;
}

/* The same. CC_OK: the call is done. */
static cc_outcome lead(cc_self *me, own *p, const call *c) {
  cc_outcome outcome = CC_OK;
  for (;;) {
    take_in(p);
    if (c->done || outcome != CC_OK) return c->done ? CC_OK : outcome;
    outcome = poll_once(me, p);
  }
}

/* Under the mutex, which it gives up while it waits. */
static cc_outcome follow(cc_self *me, own *p, call *c) {
  cc_guard_unlock(&p->mutex);
  cc_outcome outcome = cc_wait_any(me, NULL, &c->waiter, 1, CC_FOREVER);
  cc_guard_lock(&p->mutex, me->word);
  return c->done ? CC_OK : outcome;
}

/* Under the mutex: until the call is done. When something ends the wait, the call is withdrawn;
** what then comes of it decides. */
static cc_outcome await(cc_self *me, own *p, call *c) {
  cc_outcome ended = CC_OK;
  bool (*interrupted)(void *) = me->interrupted;
  while (!c->done) {
    cc_outcome outcome = p->leader == c ? lead(me, p, c) : follow(me, p, c);
    if (c->done || outcome == CC_OK || ended != CC_OK) continue;
    ended = outcome;
    put(p, CC_FRAME_WITHDRAW, c->id, 9);
    me->shield++;
    me->interrupted = NULL;
  }
  if (p->leader == c) pass_on(p);
  if (ended == CC_OK) return CC_OK;
  me->shield--;
  me->interrupted = interrupted;
  return ended;
}

/* What a withdrawn call was withdrawn for, or what came of it all the same. */
static cc_outcome outcome_of(call *c, cc_outcome ended) {
  bool withdrawn = c->outcome == CC_OK && c->reply->bytes[0] == STATUS_WITHDRAWN;
  if (withdrawn) cc_reply_drop(c->reply);
  if (withdrawn || (c->outcome == CC_CLOSED && ended != CC_OK)) return ended != CC_OK ? ended : CC_CLOSED;
  return c->outcome;
}

/* Under the mutex. */
static cc_outcome send_call(cc_self *me, own *p, call *c, uint64_t remote, const char *name,
                            size_t nname, const void *arguments, size_t size) {
  uint8_t head[26 + CC_CALL_NAME] = {CC_FRAME_CALL};
  size_t nhead = 26 + nname;
  if (p->wire.lost) return CC_CLOSED;
  if (!p->wire.cipher->fits(p->wire.session, nhead + size)) return CC_MISUSE;
  c->id = ++p->calls;
  cc_put64(head + 1, c->id);
  cc_put64(head + 9, atomic_load_explicit(&me->slot->ident, memory_order_relaxed));
  cc_put64(head + 17, remote);
  head[25] = (uint8_t)nname;
  memcpy(head + 26, name, nname);
  if (!cc_wire_put(&p->wire, head, nhead, arguments, size)) return CC_NO_MEMORY;
  c->previous = p->last;
  if (p->last != NULL) p->last->next = c;
  else p->first = c;
  p->last = c;
  if (c->task) p->tasks++;
  if (p->leader == NULL && !c->task) p->leader = c;
  if (p->leader == NULL) pass_on(p);
  settle(p);
  return CC_OK;
}

/* {== calls of tasks: nobody of theirs can read from the socket, so a kernel thread does */

static void end_own(own *p);

static void read_for_tasks(void *arg) {
  own *p = arg;
  cc_self *me = cc_self_get();
  me->no_signals = true;
  cc_deadlock_active(me, false); /* open links count as pending */
  cc_thread_set_name("concur-reader");
  cc_guard_lock(&p->mutex, me->word);
  while (!p->over) {
    uint32_t news = atomic_load(&p->news);
    while (p->leader == &p->reader && !p->over) {
      take_in(p);
      if (p->tasks == 0) pass_on(p);
      else poll_once(me, p);
    }
    cc_guard_unlock(&p->mutex);
    cc_futex_wait(&p->news, news, CC_FOREVER);
    cc_guard_lock(&p->mutex, me->word);
  }
  p->reads = false;
  cc_guard_unlock(&p->mutex);
  end_own(p);
}

/* Under the mutex. */
static bool start_reader(own *p) {
  cc_thread_options usual = {0, NULL, 0};
  if (!p->reads) p->reads = cc_thread_start(read_for_tasks, p, &usual) == 0;
  return p->reads;
}

/* As await, but it gives the mutex up, and may return CC_SUSPENDED. */
static cc_outcome await_in_task(cc_self *me, own *p, call *c) {
  for (;;) {
    bool done = c->done;
    cc_guard_unlock(&p->mutex);
    if (done) return c->ended;
    uint32_t shield = c->ended != CC_OK; /* it was withdrawn, and what comes of that decides */
    me->shield += shield;
    cc_outcome outcome = cc_wait_any(me, NULL, &c->waiter, 1, CC_FOREVER);
    me->shield -= shield;
    if (outcome == CC_SUSPENDED) return outcome;
    cc_guard_lock(&p->mutex, me->word);
    if (c->done || outcome == CC_OK) continue;
    c->ended = outcome;
    put(p, CC_FRAME_WITHDRAW, c->id, 9);
  }
}

static cc_outcome call_in_task(cc_self *me, own *p, uint64_t remote, const char *name, size_t nname,
                               const void *arguments, size_t size, cc_reply *reply) {
  call *c = (call *)(uintptr_t)me->kept;
  cc_outcome outcome = CC_OK;
  bool resumes = me->suspended;
  me->suspended = false; /* it may be done, and not wait again */
  if (!resumes && (c = calloc(1, sizeof *c)) == NULL) return CC_NO_MEMORY;
  cc_guard_lock(&p->mutex, me->word);
  if (!resumes) {
    c->task = true;
    c->waiter.slot = me->slot;
    c->reply = &c->kept;
    c->kept.bytes = c->kept.inlined;
    outcome = start_reader(p) ? send_call(me, p, c, remote, name, nname, arguments, size) : CC_NO_MEMORY;
    me->kept = (uint64_t)(uintptr_t)c;
  }
  if (outcome != CC_OK) {
    cc_guard_unlock(&p->mutex);
  } else {
    outcome = await_in_task(me, p, c);
    if (outcome == CC_SUSPENDED) return outcome;
    outcome = outcome_of(c, outcome);
    *reply = c->kept;
    if (c->kept.bytes == c->kept.inlined) reply->bytes = reply->inlined;
  }
  free(c);
  return outcome;
}

/* ==} */

cc_outcome cc_link_call(cc_self *me, cc_link *k, uint64_t remote, const char *name, size_t nname,
                        const void *arguments, size_t size, cc_reply *reply) {
  own *p = k->own;
  call c;
  reply->bytes = reply->inlined;
  reply->size = 0;
  if (me->suspended) return call_in_task(me, p, remote, name, nname, arguments, size, reply);
  if (cc_cancelled(me)) return CC_CANCELLED;
  /* so that the thread's end tells the server */
  if (!cc_hold_has(me, &k->object, 0) && !cc_hold_add(me, &k->object, 0)) return CC_NO_MEMORY;
  if (me->suspends) return call_in_task(me, p, remote, name, nname, arguments, size, reply);
  memset(&c, 0, sizeof c);
  c.waiter.slot = me->slot;
  c.reply = reply;
  cc_outcome ended = CC_OK;
  cc_guard_lock(&p->mutex, me->word);
  cc_outcome outcome = send_call(me, p, &c, remote, name, nname, arguments, size);
  if (outcome == CC_OK) ended = await(me, p, &c);
  cc_guard_unlock(&p->mutex);
  return outcome == CC_OK ? outcome_of(&c, ended) : outcome;
}

/* ==} {== proxies */

static cc_proxy *new_proxy(cc_self *me, cc_link *k, cc_proxy_entry *e, cc_kind kind) {
  cc_proxy *x = (cc_proxy *)cc_object_new(CC_PROXY, sizeof *x);
  (void)me;
  if (x == NULL) return NULL;
  x->link = k;
  x->kind = (uint32_t)kind;
  x->remote = e->remote;
  cc_object_parcel_retain(&k->object, &x->held);
  e->id = x->object.id;
  e->index = x->object.index;
  return x;
}

cc_proxy *cc_link_proxy(cc_self *me, cc_link *k, uint64_t remote, cc_kind kind) {
  own *p = k->own;
  cc_object *o = NULL;
  cc_guard_lock(&p->mutex, me->word);
  cc_proxy_entry *e = cc_proxies_find(&p->proxies, remote);
  if (e != NULL) {
    o = cc_object_revive(e->index, e->id);
    if (o == NULL || e->count >= SURPLUS) { /* it is just dying and finds another in its place */
      put_release(p, remote, e->count);
      e->count = 0;
    }
  } else {
    e = cc_proxies_add(&p->proxies, remote);
  }
  if (e != NULL) {
    e->count++;
    if (o == NULL) o = (cc_object *)new_proxy(me, k, e, kind);
  }
  if (o == NULL) { /* no memory */
    if (e != NULL) cc_proxies_remove(&p->proxies, e);
    put_release(p, remote, 1);
  }
  cc_guard_unlock(&p->mutex);
  return (cc_proxy *)o;
}

static void drop_entry(own *p, cc_proxy_entry *e) {
  put_release(p, e->remote, e->count);
  cc_proxies_remove(&p->proxies, e);
}

static void destroy_proxy(cc_object *o) {
  cc_proxy *x = (cc_proxy *)o;
  cc_self *me = cc_self_get();
  if (x->held == 0) return;
  if (cc_link_ours(x->link)) { /* else its process finds out: see sweep */
    own *p = x->link->own;
    cc_guard_lock(&p->mutex, me->word);
    cc_proxy_entry *e = cc_proxies_find(&p->proxies, x->remote);
    if (e != NULL && e->id == o->id) drop_entry(p, e);
    cc_guard_unlock(&p->mutex);
  }
  cc_object_parcel_release(&x->link->object, &x->held);
}

const cc_ops cc_proxy_ops = {.destroy = destroy_proxy};

/* Proxies whose last reference another process gave up. */
static void sweep(own *p) {
  for (size_t i = 0; i < p->proxies.room; i++) {
    cc_proxy_entry *e = &p->proxies.entries[i];
    while (e->remote != 0 && !cc_object_alive(e->index, e->id)) drop_entry(p, e);
  }
}

/* ==} {== the kernel thread */

/* Under the mutex. Returns when to look again. */
static int64_t attend(own *p, int64_t now) {
  cc_wire *w = &p->wire;
  if (!p->open) return CC_FOREVER;
  if (w->sent + p->quarter <= now && !cc_wire_waits(w)) put(p, CC_FRAME_PING, 0, 1);
  if (p->leader == NULL || w->received + w->heartbeat / 2 <= now) take_in(p);
  cc_wire_flush(w);
  if (!cc_family_alone()) sweep(p);
  if (w->received + w->heartbeat <= now) w->lost = true;
  settle(p);
  int64_t next = w->sent + p->quarter, soonest = now + p->quarter / 4;
  if (next < soonest) next = soonest; /* a socket that takes nothing is no reason to hurry */
  if (p->ungreeted == 0) return next;
  p->ungreeted--;
  return next < now + LOOK_AFTER ? next : now + LOOK_AFTER;
}

/* Frees one whose link has died; none of its calls is pending. */
static void end_own(own *p) {
  cc_self *me = cc_self_get();
  cc_guard_lock(&p->mutex, me->word);
  bool reads = p->reads;
  p->over = true;
  if (reads) tell_reader(p); /* which does the rest, and may have done it when the mutex is free */
  cc_guard_unlock(&p->mutex);
  if (reads) return;
  if (p->open) cc_deadlock_pending(-1);
  cc_socket_cut(p->wire.fd); /* a child that is just being made may have it */
  cc_wire_close(&p->wire);
  cc_proxies_free(&p->proxies);
  free(p);
}

static int64_t attend_all(cc_self *me) {
  int64_t next = CC_FOREVER;
  own *dead = NULL;
  cc_guard_lock(&links_guard, me->word);
  for (own *p = atomic_load(&links), *previous = NULL, *after; p != NULL; p = after) {
    after = p->next;
    if (!cc_family_alone() && !cc_object_alive(p->link_index, p->link_id)) {
      if (previous != NULL) previous->next = after;
      else atomic_store(&links, after);
      p->next = dead;
      dead = p;
      continue;
    }
    cc_guard_lock(&p->mutex, me->word);
    int64_t when = attend(p, cc_clock());
    cc_guard_unlock(&p->mutex);
    if (when < next) next = when;
    previous = p;
  }
  cc_guard_unlock(&links_guard);
  for (own *after; dead != NULL; dead = after) {
    after = dead->next;
    end_own(dead);
  }
  return next;
}

static void attend_links(void *unused) {
  cc_self *me = cc_self_get();
  (void)unused;
  me->no_signals = true;
  cc_deadlock_active(me, false); /* open links count as pending */
  cc_thread_set_name("concur-links");
  for (;;) {
    uint32_t rings = atomic_load(&bell);
    cc_futex_wait(&bell, rings, attend_all(me));
  }
}

static bool start_thread(void) {
  cc_thread_options usual = {0, NULL, 0};
  uint32_t no = 0;
  if (!atomic_compare_exchange_strong(&attended, &no, 1)) return true;
  if (cc_thread_start(attend_links, NULL, &usual) == 0) return true;
  atomic_store(&attended, 0);
  return false;
}

/* ==} {== making and ending */

cc_link *cc_link_new(const cc_link_options *o, const cc_addresses *addresses) {
  own *p = calloc(1, sizeof *p);
  cc_link *k = p == NULL ? NULL : (cc_link *)cc_object_new(CC_LINK, sizeof *k);
  if (k == NULL) {
    free(p);
    return NULL;
  }
  k->own = p;
  k->max_depth = o->max_depth;
  strncpy(k->name, o->address, sizeof k->name - 1);
  p->link_id = k->object.id;
  p->link_index = k->object.index;
  bool ok = cc_wire_open(&p->wire, o->cipher, o->key, o->key_size, o->max_message, o->heartbeat);
  p->wire.addresses = *addresses;
  cc_guard_lock(&links_guard, cc_self_word());
  p->next = atomic_load(&links);
  atomic_store(&links, p);
  cc_guard_unlock(&links_guard);
  k->owner = number();
  if (ok) return k;
  cc_object_release(&k->object);
  return NULL;
}

cc_outcome cc_link_dial(cc_self *me, cc_link *k, int64_t deadline, const char **why) {
  own *p = k->own;
  cc_outcome outcome = cc_wire_dial(me, &p->wire, deadline, why);
  if (outcome != CC_OK) return outcome;
  if (!start_thread()) return CC_NO_MEMORY;
  cc_guard_lock(&p->mutex, me->word);
  p->open = true;
  p->quarter = p->wire.heartbeat / 4;
  p->ungreeted = LOOKS;
  cc_deadlock_pending(1);
  put(p, CC_FRAME_PING, (uint64_t)p->wire.heartbeat, 9);
  cc_guard_unlock(&p->mutex);
  atomic_fetch_add(&bell, 1);
  cc_futex_wake(&bell, 1);
  return CC_OK;
}

static void destroy_link(cc_object *o) {
  cc_link *k = (cc_link *)o;
  cc_self *me = cc_self_get();
  bool found = false;
  if (!cc_link_ours(k)) return; /* its process finds out */
  cc_guard_lock(&links_guard, me->word);
  for (own *p = atomic_load(&links), *previous = NULL; p != NULL; previous = p, p = p->next) {
    if (p != k->own) continue;
    if (previous != NULL) previous->next = p->next;
    else atomic_store(&links, p->next);
    found = true;
    break;
  }
  cc_guard_unlock(&links_guard);
  if (found) end_own(k->own);
}

/* A thread has ended that made calls. */
static void abandon(cc_self *me, cc_object *o, uint32_t mode, uint32_t count, bool killed) {
  cc_link *k = (cc_link *)o;
  (void)mode;
  (void)count;
  if (killed || !cc_link_ours(k)) return;
  cc_guard_lock(&k->own->mutex, me->word);
  put(k->own, CC_FRAME_THREAD_ENDED, atomic_load(&me->slot->ident), 9);
  cc_guard_unlock(&k->own->mutex);
}

const cc_ops cc_link_ops = {.destroy = destroy_link, .abandon = abandon};

void cc_link_forget(void) {
  own *p = atomic_load(&links);
  links_guard = (cc_guard){0};
  atomic_store(&links, NULL);
  atomic_store(&attended, 0);
  atomic_store(&process_number, 0);
  for (own *after; p != NULL; p = after) {
    after = p->next;
    cc_wire_close(&p->wire);
  }
}

/* ==} */
