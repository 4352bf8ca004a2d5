/*
** Queue: items between any threads, in order of arrival, last in first out, or
** smallest first.
**
** Two ends, two guards (M. Michael, M. Scott, "Simple, Fast, and Practical
** Non-Blocking and Blocking Concurrent Queue Algorithms", PODC 1996, the
** two-lock queue): putters write into the last segment and count up `put.count`, which
** publishes the item; getters read from the first segment and count up
** `get.count`. Blocked getters are handed items in their order of arrival by
** whoever has one to give, blocked putters' items are moved in by whoever makes
** room. While a getter waits the queue is empty; while a putter waits it is full.
**
** Queues of another order keep their items in a pile instead of segments; all else
** is the same. Each way of a pipe is a queue, too.
*/
#ifndef CC_QUEUE_H
#define CC_QUEUE_H

#include "core/kind.h"
#include "core/pile.h"
#include "core/tasks.h"

typedef struct cc_segment cc_segment;

typedef struct cc_queue {
  cc_object object;              /* its guard: the getters'; its waiters: blocked getters */
  uint64_t capacity;             /* UINT64_MAX: unbounded; constant */
  cc_pile *pile;                 /* NULL: items in order of arrival; constant */
  struct cc_parcel *key;         /* of a priority queue: how to find an item's; NULL; constant */
  _Atomic uint32_t closed;       /* written under the putters' guard */
  uint32_t shown;                /* index of the object whose descriptor shows this; constant */
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
  struct {
    _Alignas(64) cc_tasks of_putters; /* of the items put, those marked done */
  } tasks;
} cc_queue;

extern const cc_ops cc_queue_ops;

/* kind: CC_QUEUE, CC_LIFO, CC_PRIORITY_QUEUE or CC_PIPE; capacity 0: unbounded; key: a
** reference that becomes the queue's, or NULL. NULL when shared memory is used up, and the
** key is still the caller's. */
cc_queue *cc_queue_new(cc_kind kind, uint64_t capacity, struct cc_parcel *key);

/* Puts a copy of the item; a parcel's reference goes over with CC_OK and stays
** with the caller otherwise. Into a pile goes a node. CC_OK, CC_TIMEOUT (full), CC_CLOSED,
** CC_CANCELLED, CC_INTERRUPTED, CC_NO_MEMORY or CC_MISUSE (the key has no order with others). */
cc_outcome cc_queue_put(cc_self *me, cc_queue *q, const cc_item *item, int64_t deadline);

/* Takes the next item; a parcel's reference becomes the caller's. CC_OK,
** CC_TIMEOUT (empty), CC_CLOSED (and drained), CC_CANCELLED or CC_INTERRUPTED. */
cc_outcome cc_queue_get(cc_self *me, cc_queue *q, cc_item *item, int64_t deadline);

/* Puts the first of the `n` records (fifo.h) at `records` as long as there is room for them,
** without waiting: returns how many, and sets *outcome to what ended it: CC_OK (all are put),
** CC_TIMEOUT (full), CC_CLOSED, CC_NO_MEMORY or CC_MISUSE. */
size_t cc_queue_put_row(cc_self *me, cc_queue *q, const unsigned char *records, size_t n,
                        cc_outcome *outcome);

/* Items taken at once. They are the caller's; those that it cannot use go back. */
typedef struct cc_row {
  cc_segment *segment; /* NULL: no row */
  uint32_t at, end;    /* of the records that are left */
  size_t n;            /* how many */
} cc_row;

/* Takes what is there without waiting, at most `max` and as many as fit in one row; none: *row
** has no segment, and the outcome is CC_TIMEOUT (empty), CC_CLOSED or CC_NO_MEMORY. */
cc_outcome cc_queue_get_row(cc_self *me, cc_queue *q, cc_row *row, size_t max);

/* Reads the next record of the row, if one is left; parcels and nodes' items are the caller's. */
bool cc_row_next(cc_row *row, cc_item *item);

/* Puts the records that are left in front of all others again, and ends the row. */
void cc_queue_give_back(cc_self *me, cc_queue *q, cc_row *row);

/* discard: what is in there is dropped and counts as done. */
void cc_queue_close(cc_self *me, cc_queue *q, bool discard);
bool cc_queue_closed(const cc_queue *q);
uint64_t cc_queue_size(const cc_queue *q);
uint64_t cc_queue_capacity(const cc_queue *q); /* 0: unbounded */

/* Whether it is worth calling get: something is in there, or it is closed. */
bool cc_queue_ready(const cc_queue *q);

/* A watcher of the queue, or of what is told by it (notice in kind.h). */
void cc_queue_notice(cc_self *me, cc_object *o);

/* false: task_done was called more often than items were put. */
bool cc_queue_task_done(cc_self *me, cc_queue *q);
cc_outcome cc_queue_join(cc_self *me, cc_queue *q, int64_t deadline);

#endif
