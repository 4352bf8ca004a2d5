/* Keys of thread-local storage. */
#include "core/tls.h"

static void destroy(cc_object *o) { cc_parcel_drop(&((cc_tls *)o)->init); }

const cc_ops cc_tls_ops = {.destroy = destroy};

cc_tls *cc_tls_new(cc_parcel *init) {
  cc_tls *t = (cc_tls *)cc_object_new(CC_TLS, sizeof *t);
  if (t == NULL) {
    cc_parcel_release(init);
    return NULL;
  }
  t->init = cc_parcel_lay(init);
  return t;
}
