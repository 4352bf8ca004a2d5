/*
** Queue: items in order, first in, first out, between any threads.
**
** Two ends, two guards (M. Michael, M. Scott, "Simple, Fast, and Practical
** Non-Blocking and Blocking Concurrent Queue Algorithms", PODC 1996, the
** two-lock queue): putters write into the last segment and count up `put_count`, which
** publishes the item; getters read from the first segment and count up
** `get_count`. Blocked getters are handed items in their order of arrival by
** whoever has one to give, blocked putters' items are moved in by whoever makes
** room. While a getter waits the queue is empty; while a putter waits it is full.
*/
#ifndef CC_QUEUE_H
#define CC_QUEUE_H

#include "core/park.h"

typedef struct cc_segment cc_segment;

typedef struct cc_queue {
  cc_object object;              /* its guard: the getters'; its waiters: blocked getters */
  uint64_t capacity;             /* UINT64_MAX: unbounded; constant */
  _Atomic uint32_t closed;       /* written under the putters' guard */
  _Atomic(cc_segment *) first;   /* the first segment ever, for the getters to start */
  struct {                       /* the putters' line of memory */
    _Alignas(64) cc_guard guard;
    uint32_t at;                 /* where the next item goes in segment */
    cc_segment *segment;         /* NULL before the first item */
    uint64_t seen;               /* a get.count read earlier */
    cc_waitlist waiters;         /* blocked putters, their items in their slots */
    _Atomic uint64_t count;      /* items put so far; the store publishes an item */
    _Atomic uint32_t getters;    /* whether getters wait; here since putters look at it */
  } put;
  struct {                       /* the getters' line of memory */
    _Alignas(64) uint32_t at;    /* of the next item in segment */
    _Atomic uint32_t putters;    /* whether putters wait; here since getters look at it */
    cc_segment *segment;         /* NULL until the first get after the first put */
    uint64_t seen;               /* a put.count read earlier */
    _Atomic uint64_t count;      /* items taken so far */
  } get;
} cc_queue;

/* capacity 0: unbounded. NULL when shared memory is used up. */
cc_queue *cc_queue_new(uint64_t capacity);

/* Puts a copy of the item; a parcel's reference goes over with CC_OK and stays
** with the caller otherwise. CC_OK, CC_TIMEOUT (full), CC_CLOSED, CC_CANCELLED,
** CC_INTERRUPTED or CC_NO_MEMORY. */
cc_outcome cc_queue_put(cc_self *me, cc_queue *q, const cc_item *item, int64_t deadline);

/* Takes the next item; a parcel's reference becomes the caller's. CC_OK,
** CC_TIMEOUT (empty), CC_CLOSED (and drained), CC_CANCELLED or CC_INTERRUPTED. */
cc_outcome cc_queue_get(cc_self *me, cc_queue *q, cc_item *item, int64_t deadline);

void cc_queue_close(cc_self *me, cc_queue *q, bool discard);
bool cc_queue_closed(const cc_queue *q);
uint64_t cc_queue_size(const cc_queue *q);
uint64_t cc_queue_capacity(const cc_queue *q); /* 0: unbounded */

#endif
