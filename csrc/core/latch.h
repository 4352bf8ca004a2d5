/* Latch: a number that is counted down to zero once; threads wait for that. */
#ifndef CC_LATCH_H
#define CC_LATCH_H

#include "core/kind.h"
#include "core/park.h"

typedef struct cc_latch {
  cc_object object;
  _Atomic int64_t count; /* changed under the guard, read without */
} cc_latch;

extern const cc_ops cc_latch_ops;

cc_latch *cc_latch_new(int64_t n);
void cc_latch_count_down(cc_self *me, cc_latch *l, int64_t k);
cc_outcome cc_latch_wait(cc_self *me, cc_latch *l, int64_t deadline);

#endif
