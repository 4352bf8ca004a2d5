/* Rows of items. */
#include "core/records.h"

#include <stdlib.h>

#include "core/fifo.h"

#define ROOM 4096

bool cc_records_add(cc_records *r, const cc_item *item) {
  size_t longest = sizeof(cc_head) + CC_INLINE;
  if (cc_unlikely(r->size + longest > r->room)) {
    size_t room = r->room == 0 ? ROOM : r->room * 2;
    unsigned char *moved = realloc(r->bytes, room);
    if (moved == NULL) return false;
    r->bytes = moved;
    r->room = room;
  }
  r->size += cc_record_write(r->bytes + r->size, item);
  r->left++;
  return true;
}

bool cc_records_next(cc_records *r, cc_item *item) {
  if (r->left == 0) return false;
  r->at += cc_record_read(r->bytes + r->at, item);
  r->left--;
  return true;
}

void cc_records_skip(cc_records *r, size_t n) {
  if (n == r->left) {
    r->left = 0;
    return;
  }
  for (r->left -= n; n > 0; n--) {
    cc_head h;
    memcpy(&h, r->bytes + r->at, sizeof h);
    r->at += sizeof h + cc_payload(h.kind, h.size);
  }
}

void cc_records_drop(cc_records *r) {
  cc_item item;
  while (cc_records_next(r, &item)) cc_item_drop(&item);
  r->size = r->at = 0;
}

void cc_records_free(cc_records *r) {
  cc_records_drop(r);
  free(r->bytes);
  r->bytes = NULL;
  r->room = 0;
}
