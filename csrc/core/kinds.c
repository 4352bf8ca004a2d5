/* The kinds of this floor. */
#include "core/kind.h"

#include "core/array.h"
#include "core/barrier.h"
#include "core/condition.h"
#include "core/crew.h"
#include "core/dict.h"
#include "core/event.h"
#include "core/future.h"
#include "core/job.h"
#include "core/latch.h"
#include "core/link.h"
#include "core/list.h"
#include "core/lock.h"
#include "core/loop.h"
#include "core/once.h"
#include "core/pipe.h"
#include "core/queue.h"
#include "core/rwlock.h"
#include "core/semaphore.h"
#include "core/tls.h"
#include "core/value.h"

static const cc_ops nothing;
static _Atomic(const cc_ops *) kinds[CC_KINDS];

void cc_kind_define(cc_kind kind, const cc_ops *ops) {
  atomic_store_explicit(&kinds[kind], ops, memory_order_release);
}

const cc_ops *cc_kind_ops(cc_kind kind) {
  const cc_ops *ops = NULL;
  if (kind < CC_KINDS) ops = atomic_load_explicit(&kinds[kind], memory_order_acquire);
  return ops != NULL ? ops : &nothing;
}

const cc_ops *cc_ops_of(const cc_object *o) { return cc_kind_ops((cc_kind)o->kind); }

void cc_kinds_open(void) {
  cc_kind_define(CC_LOCK, &cc_lock_ops);
  cc_kind_define(CC_RLOCK, &cc_lock_ops);
  cc_kind_define(CC_EVENT, &cc_event_ops);
  cc_kind_define(CC_QUEUE, &cc_queue_ops);
  cc_kind_define(CC_LIFO, &cc_queue_ops);
  cc_kind_define(CC_PRIORITY_QUEUE, &cc_queue_ops);
  cc_kind_define(CC_PIPE, &cc_queue_ops);
  cc_kind_define(CC_CONNECTION, &cc_connection_ops);
  cc_kind_define(CC_VALUE, &cc_value_ops);
  cc_kind_define(CC_CONDITION, &cc_condition_ops);
  cc_kind_define(CC_SEMAPHORE, &cc_semaphore_ops);
  cc_kind_define(CC_BOUNDED_SEMAPHORE, &cc_semaphore_ops);
  cc_kind_define(CC_BARRIER, &cc_barrier_ops);
  cc_kind_define(CC_RWLOCK, &cc_rwlock_ops);
  cc_kind_define(CC_LATCH, &cc_latch_ops);
  cc_kind_define(CC_ONCE, &cc_once_ops);
  cc_kind_define(CC_TLS, &cc_tls_ops);
  cc_kind_define(CC_DICT, &cc_dict_ops);
  cc_kind_define(CC_LIST, &cc_list_ops);
  cc_kind_define(CC_ARRAY, &cc_array_ops);
  cc_kind_define(CC_FUTURE, &cc_future_ops);
  cc_kind_define(CC_POOL, &cc_pool_ops);
  cc_kind_define(CC_CREW, &cc_crew_ops);
  cc_kind_define(CC_JOB, &cc_job_ops);
  cc_kind_define(CC_LOOP, &cc_loop_ops);
  cc_kind_define(CC_LINK, &cc_link_ops);
  cc_kind_define(CC_PROXY, &cc_proxy_ops);
}
