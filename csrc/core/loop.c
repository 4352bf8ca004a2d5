/* Loops. */
#include "core/loop.h"

#include "core/descriptor.h"
#include "core/family.h"

static bool anything(const cc_loop *l) {
  if (atomic_load(&l->rescan)) return true;
  for (size_t i = 0; i < CC_LOOP_WORDS / 64; i++)
    if (atomic_load(&l->summary[i]) != 0) return true;
  return false;
}

static bool ready(const cc_self *me, cc_object *o) {
  cc_loop *l = (cc_loop *)o;
  (void)me;
  return atomic_load(&l->asleep) && anything(l);
}

bool cc_loop_quiet(const cc_loop *l) { return atomic_load(&l->asleep) && !anything(l); }

cc_loop *cc_loop_new(void) { return (cc_loop *)cc_object_new(CC_LOOP, sizeof(cc_loop)); }

/* When the last store is seen the task may go on, and the loop end with it: what is read after that
** may be anything, and is so by intention, which ThreadSanitizer need not look at. */
#if defined(__GNUC__)
__attribute__((noinline, no_sanitize("thread")))
#endif
static bool may_sleep(const cc_loop *l) {
  return atomic_load(&l->asleep);
}

void cc_loop_push(cc_slot *s) {
  cc_loop *l = atomic_load(&s->loop);
  if (l == NULL) return;
  uint32_t i = cc_slot_word(s) - 1, index = l->object.index;
  cc_crash_point();
  atomic_fetch_or(&l->words[i / 64], UINT64_C(1) << i % 64);
  cc_crash_point();
  atomic_fetch_or(&l->summary[i / 4096], UINT64_C(1) << i / 64 % 64);
  cc_crash_point();
  if (may_sleep(l)) cc_descriptor_update_slow(index);
}

bool cc_loop_sleep(cc_loop *l) {
  atomic_store(&l->asleep, 1); /* before the look, as the bits are set before `asleep` is read */
  if (!anything(l)) return true;
  atomic_store(&l->asleep, 0);
  return false;
}

static uint32_t lowest(uint64_t bits) { return (uint32_t)__builtin_ctzll(bits); }

static void take_word(cc_loop *l, uint32_t word, void (*f)(void *, cc_slot *), void *arg) {
  cc_family *family = cc_family_root;
  for (uint64_t bits = atomic_exchange(&l->words[word], 0); bits != 0; bits &= bits - 1)
    f(arg, &family->slots[word * 64 + lowest(bits)]);
}

bool cc_loop_take(cc_loop *l, void (*f)(void *, cc_slot *), void *arg) {
  if (atomic_exchange(&l->asleep, 0)) cc_descriptor_update(&l->object);
  for (uint32_t i = 0; i < CC_LOOP_WORDS / 64; i++) {
    if (atomic_load_explicit(&l->summary[i], memory_order_relaxed) == 0) continue;
    for (uint64_t bits = atomic_exchange(&l->summary[i], 0); bits != 0; bits &= bits - 1)
      take_word(l, i * 64 + lowest(bits), f, arg);
  }
  return atomic_load_explicit(&l->rescan, memory_order_relaxed) && atomic_exchange(&l->rescan, 0);
}

bool cc_loop_expire(cc_slot *s) {
  uint32_t suspended = 3;
  return atomic_compare_exchange_strong(&s->token, &suspended, 0);
}

static void mend(cc_self *me, cc_object *o, uint32_t process) {
  cc_guard_inherit(me, &o->guard, process);
  cc_guard_unlock(&o->guard);
  atomic_store(&((cc_loop *)o)->rescan, 1);
  cc_descriptor_update(o);
}

const cc_ops cc_loop_ops = {.ready = ready, .mend = mend};
