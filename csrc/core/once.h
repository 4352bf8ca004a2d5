/* Once: something that one thread of the family does, and the others wait for. */
#ifndef CC_ONCE_H
#define CC_ONCE_H

#include "core/kind.h"
#include "core/parcel.h"
#include "core/park.h"

typedef struct cc_once {
  cc_object object;
  _Atomic uint32_t done; /* set under the guard, after result */
  uint64_t runner;       /* ident of who is at it; 0: nobody; under the guard */
  _Atomic uint32_t word; /* the runner's slot index + 1, for those who ask */
  cc_parcel *result;     /* constant once done */
} cc_once;

extern const cc_ops cc_once_ops;

cc_once *cc_once_new(void);

/* CC_CLOSED: it is done, `result` holds. CC_OK: the caller is to do it and to call
** cc_once_end. CC_MISUSE: the caller is at it already. Else as every wait. */
cc_outcome cc_once_begin(cc_self *me, cc_once *o);

/* Ends what cc_once_begin began; result (one reference, in the caller's hand) NULL: it failed, and the
** next may try. */
void cc_once_end(cc_self *me, cc_once *o, cc_parcel *result);

#endif
