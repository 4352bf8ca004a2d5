/*
** Descriptors not to be inherited: a table private to the process, of which socket each of them is. So one that was
** closed behind our back, and whose number another file has now, is left alone.
*/
#include "core/inherit.h"

#include <stdatomic.h>

#include "os/os.h"

#define LIMIT (1 << 20) /* descriptors above are inherited */

typedef _Atomic uint64_t identity; /* 0: to be inherited */

static _Atomic(identity *) table;
static _Atomic int top; /* those at or above it were never in the table */

static identity *open_table(void) {
  identity *t = atomic_load(&table), *none = NULL;
  if (t != NULL) return t;
  t = cc_map_private(LIMIT * sizeof *t);
  if (t == NULL || atomic_compare_exchange_strong(&table, &none, t)) return t;
  cc_unmap(t, LIMIT * sizeof *t);
  return none;
}

void cc_inherit_not(int fd) {
  identity *t = fd >= 0 && fd < LIMIT ? open_table() : NULL;
  if (t == NULL) return;
  int seen = atomic_load(&top);
  while (seen <= fd && !atomic_compare_exchange_weak(&top, &seen, fd + 1)) continue;
  atomic_store(&t[fd], cc_socket_identity(fd));
}

void cc_inherit_cut(int fd) {
  identity *t = atomic_load(&table);
  if (t == NULL || fd < 0 || fd >= LIMIT) return;
  atomic_store(&t[fd], 0);
  cc_socket_cut(fd);
}

void cc_inherit_forget(void) {
  identity *t = atomic_load(&table);
  const int n = atomic_load(&top);
  if (t == NULL) return;
  for (int i = 0; i < n; i++) {
    uint64_t was = atomic_load(&t[i]);
    int fd = i;
    if (was == 0) continue;
    atomic_store(&t[i], 0);
    if (cc_socket_identity(fd) == was) cc_descriptor_shut(&fd);
  }
  atomic_store(&top, 0);
}
