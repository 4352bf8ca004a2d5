/*
** List: a shared array of values, a ring of small cells, so that both ends are cheap.
** A change waits while somebody else has the turn (turn.h: sort), or while a copy of
** the whole list is made; readers wait for neither.
**
** A value is put in or taken out in the middle by moving a hole through the ring, one cell at a
** time: wherever a killed process leaves it, it is moved on to an end and is gone.
*/
#ifndef CC_LIST_H
#define CC_LIST_H

#include "core/kind.h"
#include "core/records.h"
#include "core/turn.h"

typedef struct cc_cell cc_cell;

typedef struct cc_list {
  cc_object object;         /* its guard: all below */
  cc_guard copy_guard;      /* held while the list is copied */
  _Atomic uint32_t copying; /* changes wait for the copy guard */
  cc_turn turn;
  cc_cell *cells;
  size_t room;              /* of cells: 0 or a power of two */
  size_t first;             /* cell of the first value */
  _Atomic size_t n;         /* how many there are */
  size_t hole;              /* + 1: one cell more is in the ring, which holds nothing; 0: none */
  struct {                  /* cells that were taken out at once and are being dropped */
    cc_cell *cells;
    size_t room, first, n;
  } trash;
} cc_list;

extern const cc_ops cc_list_ops;

cc_list *cc_list_new(void); /* NULL when shared memory is used up */

size_t cc_list_size(const cc_list *l);

/* Positions count from 1. A copy of the value, a parcel being retained; false and nil outside. */
bool cc_list_get(cc_self *me, cc_list *l, size_t i, cc_item *item);

/* What a change returns: CC_OK; CC_TIMEOUT, somebody else has the turn; CC_CLOSED, there is no
** such position; CC_NO_MEMORY. An item's reference goes over with CC_OK. */

/* Replaces the value at i, or appends it at n + 1; *old is what was there, or nil. */
cc_outcome cc_list_set(cc_self *me, cc_list *l, size_t i, const cc_item *item, cc_item *old);

/* Puts a value before the one at i; i = 0 appends. */
cc_outcome cc_list_insert(cc_self *me, cc_list *l, size_t i, const cc_item *item);

/* Takes the value at i out; i = 0 is the last. */
cc_outcome cc_list_pop(cc_self *me, cc_list *l, size_t i, cc_item *item);

/* Appends all records, or none. With `replace` they take the place of what is there. */
cc_outcome cc_list_extend(cc_self *me, cc_list *l, cc_records *r, bool replace);

/* Adds all values of one moment to the records; false for lack of memory. */
bool cc_list_copy(cc_self *me, cc_list *l, cc_records *r);

/* Position of the first value that is the same, 0 for none. */
size_t cc_list_index(cc_self *me, cc_list *l, const cc_item *item);

#endif
