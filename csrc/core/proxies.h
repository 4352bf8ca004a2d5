/*
** Proxies: a connection's table of the objects behind it for which there are proxies: which proxy
** stands for which, and how many times the server has handed the object out. Private memory.
*/
#ifndef CC_PROXIES_H
#define CC_PROXIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cc_proxy_entry {
  uint64_t remote; /* the object's id at the server; 0: the entry is free */
  uint64_t id;     /* of the proxy */
  uint32_t index;
  uint32_t count; /* handed out and not released */
} cc_proxy_entry;

typedef struct cc_proxies {
  cc_proxy_entry *entries; /* open addressing; linear probing */
  size_t room, used;       /* room: 0 or a power of two */
} cc_proxies;

/* The entry of that object, or NULL. Valid until the next change. */
cc_proxy_entry *cc_proxies_find(const cc_proxies *t, uint64_t remote);

/* A new entry, of an object that has none; NULL for lack of memory. */
cc_proxy_entry *cc_proxies_add(cc_proxies *t, uint64_t remote);

void cc_proxies_remove(cc_proxies *t, cc_proxy_entry *e);
void cc_proxies_free(cc_proxies *t);

#endif
