/* Keys of thread-local storage. */
#include "core/tls.h"

static void destroy(cc_object *o) { cc_parcel_release(((cc_tls *)o)->init); }

cc_tls *cc_tls_new(cc_parcel *init) {
  cc_tls *t = (cc_tls *)cc_object_new(CC_TLS, sizeof *t);
  if (t == NULL) {
    cc_parcel_release(init);
    return NULL;
  }
  cc_object_set_destructor(CC_TLS, destroy);
  t->init = init;
  return t;
}
