/* Tables of proxies. */
#include "core/proxies.h"

#include <stdlib.h>

#define FIRST_ROOM 16

static size_t place(uint64_t remote, size_t room) {
  return (size_t)((remote * 0x9E3779B97F4A7C15u) >> 32) & (room - 1);
}

cc_proxy_entry *cc_proxies_find(const cc_proxies *t, uint64_t remote) {
  if (t->used == 0) return NULL;
  size_t i = place(remote, t->room);
  while (t->entries[i].remote != 0 && t->entries[i].remote != remote) i = (i + 1) & (t->room - 1);
  return t->entries[i].remote == remote ? &t->entries[i] : NULL;
}

static cc_proxy_entry *put(cc_proxies *t, uint64_t remote) {
  size_t i = place(remote, t->room);
  while (t->entries[i].remote != 0) i = (i + 1) & (t->room - 1);
  t->used++;
  return &t->entries[i];
}

static bool grow(cc_proxies *t) {
  cc_proxies larger = {NULL, t->room == 0 ? FIRST_ROOM : 2 * t->room, 0};
  larger.entries = calloc(larger.room, sizeof *larger.entries);
  if (larger.entries == NULL) return false;
  for (size_t i = 0; i < t->room; i++)
    if (t->entries[i].remote != 0) *put(&larger, t->entries[i].remote) = t->entries[i];
  free(t->entries);
  *t = larger;
  return true;
}

cc_proxy_entry *cc_proxies_add(cc_proxies *t, uint64_t remote) {
  if (2 * t->used >= t->room && !grow(t)) return NULL;
  cc_proxy_entry *e = put(t, remote);
  *e = (cc_proxy_entry){remote, 0, 0, 0};
  return e;
}

/* Those behind it that could not stand where they belong move up (Knuth, volume 3, 6.4 R). */
void cc_proxies_remove(cc_proxies *t, cc_proxy_entry *e) {
  size_t mask = t->room - 1, hole = (size_t)(e - t->entries);
  for (size_t i = (hole + 1) & mask; t->entries[i].remote != 0; i = (i + 1) & mask) {
    size_t home = place(t->entries[i].remote, t->room);
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    t->entries[hole] = t->entries[i];
    hole = i;
  }
  t->entries[hole].remote = 0;
  t->used--;
}

void cc_proxies_free(cc_proxies *t) {
  free(t->entries);
  *t = (cc_proxies){NULL, 0, 0};
}
