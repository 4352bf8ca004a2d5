/*
** Records: a row of items in private memory, for what is collected before it goes into
** an object at once, or was copied out of one at once.
*/
#ifndef CC_RECORDS_H
#define CC_RECORDS_H

#include "core/item.h"

typedef struct cc_records {
  unsigned char *bytes;
  size_t size, room;
  size_t at;   /* of the first item that is still there */
  size_t left; /* how many there are from there on */
} cc_records;

/* Adds the item, whose references go over; false for lack of memory. */
bool cc_records_add(cc_records *r, const cc_item *item);

/* Takes the first item; false when none is left. */
bool cc_records_next(cc_records *r, cc_item *item);

/* The first n items are somebody else's now. */
void cc_records_skip(cc_records *r, size_t n);

void cc_records_drop(cc_records *r); /* drops the items; the memory is kept */
void cc_records_free(cc_records *r); /* drops the items and frees the memory */

#endif
