/* Tls: a key for values that each thread keeps in its own Lua state; the object
** holds nothing but what makes a thread's first value. */
#ifndef CC_TLS_H
#define CC_TLS_H

#include "core/kind.h"
#include "core/parcel.h"

typedef struct cc_tls {
  cc_object object;
  cc_parcel *init; /* a function, or NULL; constant */
} cc_tls;

/* Takes over init's reference, also when it fails. */
extern const cc_ops cc_tls_ops;

cc_tls *cc_tls_new(cc_parcel *init);

#endif
