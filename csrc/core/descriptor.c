/*
** Descriptors of objects: a table private to the process. When an object changes in another
** process, that one rings the bell of those that have descriptors; a kernel thread of theirs,
** which there is from the first descriptor on once the family has more than one
** process, then looks at all of them.
*/
#include "core/descriptor.h"

#include <errno.h>

#include "core/deadlock.h"
#include "core/family.h"
#include "core/local.h"

typedef struct entry {
  cc_object *object; /* NULL: none */
  uint32_t next;     /* in the list of those in use, index of object + 1 */
  uint32_t previous;
  cc_signal signal;
  bool up;
} entry;

static cc_guard guard;
static _Atomic(entry *) table; /* the entries: under the guard; by index of object */
static uint32_t in_use;        /* under the guard: list of entries */
static _Atomic uint32_t listens; /* the kernel thread is there */

static entry *open_table(void) {
  entry *t = atomic_load(&table);
  if (t != NULL) return t;
  size_t size = cc_family_root->object_limit * sizeof(entry);
  entry *none = NULL, *new = cc_map_private(size);
  if (new == NULL || atomic_compare_exchange_strong(&table, &none, new)) return new;
  cc_unmap(new, size);
  return none;
}

/* {== the list of entries in use; under the guard */

static void link(entry *t, uint32_t i) {
  t[i].previous = 0;
  t[i].next = in_use;
  if (in_use != 0) t[in_use - 1].previous = i + 1;
  in_use = i + 1;
}

static void unlink(entry *t, uint32_t i) {
  if (t[i].previous != 0)
    t[t[i].previous - 1].next = t[i].next;
  else
    in_use = t[i].next;
  if (t[i].next != 0) t[t[i].next - 1].previous = t[i].previous;
}

/* ==} */

/* Under the guard. */
static void bring_up_to_date(entry *e) {
  bool ready = cc_watch_ready(NULL, e->object);
  if (ready == e->up) return;
  e->up = ready;
  if (ready)
    cc_signal_raise(&e->signal);
  else
    cc_signal_lower(&e->signal);
}

/* Under the local guard of o, which orders it with the end of the last reference. */
static int describe(cc_self *me, cc_object *o, bool *made) {
  entry *t = open_table();
  if (t == NULL) return -ENOMEM;
  entry *e = &t[o->index];
  int result = 0;
  cc_guard_lock(&guard, me->word);
  if (e->object == NULL) {
    result = -cc_signal_open(&e->signal);
    if (result == 0) {
      e->object = o;
      e->up = false;
      link(t, o->index);
      *made = true;
    }
  }
  if (result == 0) result = cc_signal_descriptor(&e->signal);
  cc_guard_unlock(&guard);
  return result;
}

/* {== other processes */

static void listen(void *unused) {
  cc_self *me = cc_self_get();
  _Atomic uint32_t *bell = &cc_family_root->processes[cc_family_self].bell;
  (void)unused;
  me->no_signals = true;
  cc_deadlock_active(me, false); /* descriptors count as pending */
  cc_thread_set_name("concur-listener");
  for (;;) {
    uint32_t rings = atomic_load(bell);
    entry *t = atomic_load(&table);
    cc_guard_lock(&guard, me->word);
    for (uint32_t i = in_use; i != 0; i = t[i - 1].next) bring_up_to_date(&t[i - 1]);
    cc_guard_unlock(&guard);
    cc_futex_wait(bell, rings, CC_FOREVER);
  }
}

int cc_descriptor_share(void) {
  cc_thread_options usual = {0, NULL, 0};
  uint32_t no = 0;
  cc_guard_lock(&guard, cc_self_word());
  bool any = in_use != 0;
  cc_guard_unlock(&guard);
  if (!any || !atomic_compare_exchange_strong(&listens, &no, 1)) return 0;
  atomic_store(&cc_family_root->processes[cc_family_self].listens, 1);
  int error = cc_thread_start(listen, NULL, &usual);
  if (error == 0) return 0;
  atomic_store(&cc_family_root->processes[cc_family_self].listens, 0);
  atomic_store(&listens, 0);
  return error;
}

/* Whoever listens looks at its descriptors. */
static void ring(void) {
  cc_family *f = cc_family_root;
  for (uint32_t i = 0; i < CC_PROCESS_LIMIT; i++) {
    cc_process *p = &f->processes[i];
    if (i == cc_family_self || !atomic_load(&p->listens)) continue;
    atomic_fetch_add(&p->bell, 1);
    cc_futex_wake(&p->bell, 1);
  }
}

/* ==} */

/* Whoever polls a descriptor may signal. That of a loop is for its own thread, which says when it is blocked. */
static bool may_signal(const cc_object *o) { return o->kind != CC_LOOP; }

int cc_descriptor_of(cc_self *me, cc_object *o) {
  const cc_ops *ops = cc_ops_of(o);
  cc_object *line = ops->line == NULL ? o : ops->line(o);
  bool made = false;
  cc_guard *local = cc_local_guard(o->index);
  cc_guard_lock(local, me->word);
  int result = describe(me, o, &made);
  cc_guard_unlock(local);
  if (!made) return result;
  if (may_signal(o)) cc_deadlock_pending(1);
  atomic_store(&o->described, 1);
  if (ops->notice != NULL) {
    cc_guard_lock(&line->guard, me->word);
    ops->notice(me, o);
    cc_guard_unlock(&line->guard);
  }
  if (!cc_family_alone()) {
    int error = cc_descriptor_share();
    if (error != 0) return -error; /* the descriptor stays, for the next try */
  }
  cc_descriptor_update_slow(o->index); /* what came before the flags */
  return result;
}

void cc_descriptor_update_slow(uint32_t index) {
  entry *t = atomic_load(&table);
  if (!cc_family_alone()) ring();
  if (t == NULL) return;
  cc_guard_lock(&guard, cc_self_word());
  if (t[index].object != NULL) bring_up_to_date(&t[index]);
  cc_guard_unlock(&guard);
}

void cc_descriptor_close(cc_object *o) {
  entry *t = atomic_load(&table);
  bool had = false;
  if (t == NULL) return;
  cc_guard_lock(&guard, cc_self_word());
  entry *e = &t[o->index];
  if (e->object == o) {
    had = true;
    unlink(t, o->index);
    e->object = NULL;
    cc_signal_close(&e->signal);
  }
  cc_guard_unlock(&guard);
  if (had && may_signal(o)) cc_deadlock_pending(-1);
}

void cc_descriptor_forget(void) {
  entry *t = atomic_load(&table);
  guard = (cc_guard){0};
  atomic_store(&listens, 0);
  for (uint32_t i = in_use; i != 0; i = t[i - 1].next) {
    cc_signal_close(&t[i - 1].signal);
    t[i - 1].object = NULL;
  }
  in_use = 0;
}
