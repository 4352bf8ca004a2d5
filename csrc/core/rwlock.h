/*
** Rwlock: many readers or one writer. Served in order of arrival, so neither
** side starves; readers that stand together go together. Who reads already may
** read again without waiting, since a wait behind a writer could never end.
*/
#ifndef CC_RWLOCK_H
#define CC_RWLOCK_H

#include "core/kind.h"
#include "core/park.h"

enum { CC_READ = 1, CC_WRITE };

typedef struct cc_rwlock {
  cc_object object;
  /* under the guard: */
  uint32_t readers;
  _Atomic uint32_t abandoned; /* a thread ended with a hold; until the next is told */
  uint64_t writer;    /* ident; 0: none */
  _Atomic uint32_t word; /* the writer's slot index + 1, for those who ask */
} cc_rwlock;

extern const cc_ops cc_rwlock_ops;

cc_rwlock *cc_rwlock_new(void);

/* CC_MISUSE: what can only deadlock. *abandoned: a holder ended before. */
cc_outcome cc_rwlock_acquire(cc_self *me, cc_rwlock *w, uint32_t mode, int64_t deadline,
                             bool *abandoned);

/* False when the calling thread has no such hold. */
bool cc_rwlock_release(cc_self *me, cc_rwlock *w, uint32_t mode);

/* How many readers; whether there is a writer. */
uint32_t cc_rwlock_state(cc_self *me, cc_rwlock *w, bool *written);

#endif
