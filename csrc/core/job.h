/*
** Job: a map, that is one function to be called for many items. Its owner, who called map, fills
** the cells of a ring with chunks of items; the workers of a pool begin one after the other and
** leave the results in their place; the owner takes those out and fills the cells anew.
**
** A worker is given several cells at a time when tasks are short (`cursor` moves under the crew's
** guard), but a cell is its own only from the moment when it begins it (`owner`). So another
** who has nothing left to do may begin it first, and nothing is lost with a worker.
*/
#ifndef CC_JOB_H
#define CC_JOB_H

#include "core/future.h"
#include "core/parcel.h"

enum { CC_CELL_EMPTY, CC_CELL_FILLED, CC_CELL_DONE, CC_CELL_FAILED };

typedef struct cc_cell {
  _Alignas(64) _Atomic uint32_t state; /* FILLED and EMPTY by the owner of the job, else by who begun it */
  uint32_t count;          /* of items; then of those with results */
  _Atomic uint64_t owner;  /* above, which cell of all it is; below the number of the worker that has begun it; 0: nobody */
  uint32_t kind;           /* of the word, as an item's: no sized one */
  union {
    uint64_t word;
    cc_parcel *parcel;
  } u;                     /* items; then results */
  cc_parcel *error;        /* of FAILED: the error value; NULL: see failure */
  cc_parcel *traceback;
  uint64_t first;          /* index of its first item, from 1 */
  uint32_t failure;        /* cc_failure */
  int32_t code;
} cc_cell;

/* What stops it before its end. */
typedef enum cc_job_stop { CC_JOB_RUNS, CC_JOB_FAILED, CC_JOB_CALLED_OFF } cc_job_stop;

enum { CC_JOB_SPREADS = 1, /* items are lists of arguments, each after its number */
       CC_JOB_GATHERS = 2, /* all results of a call are wanted, each list after its number */
       CC_JOB_ORDERED = 4,
       CC_JOB_LAZY = 8 /* an error does not stop it: the owner will come to that */ };

typedef struct cc_job {
  cc_work work;            /* its waiters: the owner */
  cc_parcel *function;     /* constant, as the next four */
  uint32_t flags;
  uint32_t counted;        /* 1: the crew has counted it; under its guard */
  uint32_t mask;           /* cells - 1 */
  cc_cell *cells;
  _Atomic uint32_t spread; /* most cells that a worker is given at a time: what the last one found */
  uint64_t cursor;         /* the next cell to be given to a worker; under the crew's guard, as is the next */
  uint32_t rescan;         /* cells may have come back from a worker that has ended */
  _Atomic uint32_t stop;   /* cc_job_stop, the first one stays */
  uint32_t failure;        /* cc_failure, when it stopped without a cell that tells why */
  int32_t code;
  struct {                 /* the owner's */
    _Alignas(64) _Atomic uint64_t filled; /* cells so far */
    _Atomic uint64_t target; /* 0, or what it waits for: the number + 1 of the cell that is to have ended
                             ** if it is ordered, else any cell */
  } owner;
  struct {                 /* the workers' */
    _Alignas(64) _Atomic uint64_t items; /* that have been called for */
    _Atomic uint64_t time;   /* ns that they took, all workers together */
  } workers;
} cc_job;

extern const cc_ops cc_job_ops;

/* A job with that many cells, a power of two; the function's reference goes over, out of the
** caller's hand. NULL when shared memory is used up, and it is still the caller's. */
cc_job *cc_job_new(struct cc_crew *crew, cc_parcel *function, uint32_t cells, uint32_t flags);

static inline cc_cell *cc_job_cell(const cc_job *j, uint64_t i) { return &j->cells[i & j->mask]; }

/* {== the owner */

/* Whether the next cell to be filled is empty. */
bool cc_job_room(const cc_job *j);

/* Fills it with `count` items; a parcel goes over, out of the hand. item: of no sized kind. */
void cc_job_fill(cc_self *me, cc_job *j, const cc_item *item, uint32_t count, uint64_t first);

/* Empties a cell that has ended; its parcels are taken out into the caller's hand first (see
** cc_job_take). */
void cc_job_take(cc_self *me, cc_cell *c, cc_item *item, cc_parcel **error, cc_parcel **traceback);
void cc_job_empty(cc_cell *c);

/* A cell that has ended and was not taken out, or NULL. */
cc_cell *cc_job_any(const cc_job *j);

/* Says what it will wait for, the target (see the struct); 0: nothing. */
void cc_job_aim(cc_job *j, uint64_t target);

/* Waits until the job has stopped or reached the target, which was aimed at: CC_OK, or as every wait. */
cc_outcome cc_job_wait(cc_self *me, cc_job *j, uint64_t target, int64_t deadline);

/* ==} {== workers */

/* Makes the cell the caller's; false: it is another's, or not to be begun. */
bool cc_job_begin(cc_job *j, uint64_t i, uint32_t number);

/* It has been done: the item (of no sized kind) and error go over, out of the hand. */
void cc_job_end(cc_self *me, cc_job *j, uint64_t i, const cc_item *item, uint32_t count,
                cc_parcel *error, cc_parcel *traceback);

/* ==} */

/* The worker with that number has ended: what it had begun fails. Returns how many cells that are. */
uint32_t cc_job_lose(cc_self *me, cc_job *j, uint32_t number, cc_failure why, int code);

/* Stops it, if nothing has yet, and tells the owner. */
void cc_job_stop_it(cc_self *me, cc_job *j, cc_job_stop stop, cc_failure why, int code);

#endif
