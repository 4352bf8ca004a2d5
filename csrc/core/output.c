/* One line at a time, in the whole family. */
#include "core/output.h"

#include "core/family.h"
#include "core/kind.h"

/* CC_NO_PROCESS: there is no process to take it over from in particular. */
static void lock(cc_self *me, cc_guard *g) {
  uint32_t free = 0;
  if (!atomic_compare_exchange_strong(&g->word, &free, me->word)) cc_guard_inherit(me, g, CC_NO_PROCESS);
}

int cc_output_write(int fd, const void *from, size_t size, bool quiet) {
  if (cc_family_forked) return cc_standard_write(fd, from, size, quiet);
  cc_guard *g = &cc_family_root->output_guard;
  lock(cc_self_get(), g);
  int error = cc_standard_write(fd, from, size, quiet);
  cc_guard_unlock(g);
  return error;
}
