/*
** Future: what a call will come to. A pool's worker ends it, or, if it is bare, whoever has a
** handle. Whoever wants to hear of the end waits in its line, or has a queue told.
*/
#ifndef CC_FUTURE_H
#define CC_FUTURE_H

#include "core/parcel.h"
#include "core/park.h"
#include "core/queue.h"
#include "core/work.h"

typedef enum cc_future_state {
  CC_PENDING,
  CC_RUNNING,
  CC_SUCCEEDED, /* from here on nothing changes */
  CC_FAILED,
  CC_CALLED_OFF
} cc_future_state;

/* Why it failed. */
typedef enum cc_failure {
  CC_BY_ERROR,  /* the item is the error value */
  CC_BY_MEMORY, /* there was no memory for that */
  CC_BY_EXIT,   /* its worker's process exited with that code */
  CC_BY_SIGNAL, /* was killed by that signal */
  CC_BY_LOSS,   /* the process that the pool belongs to has ended */
  CC_BY_START,  /* no worker could be started: an errno value */
  CC_BY_CREW    /* the pool is broken by its initializer, whose error it keeps */
} cc_failure;

typedef struct cc_telling { /* a block */
  struct cc_telling *next;
  cc_queue *queue;
  uint32_t held; /* 1: queue is a parcel's reference */
  uint64_t tag;
} cc_telling;

typedef struct cc_future {
  cc_work work;               /* its waiters: those who wait for the end */
  _Atomic uint32_t state;     /* cc_future_state: under its guard from RUNNING on, before under the crew's, too */
  uint32_t failure;           /* constant once ended, as what follows but the call */
  int32_t code;
  cc_parcel *traceback;       /* text; NULL: none */
  uint64_t stamp;             /* orders ends */
  cc_item item;               /* the call until its worker has decoded it; results or error */
  char place[80];             /* where it was submitted, "": unknown; constant */
  cc_telling *tellings;       /* under its guard */
} cc_future;

extern const cc_ops cc_future_ops;

/* A pending one. crew NULL: a bare one. NULL when shared memory is used up. */
cc_future *cc_future_new(struct cc_crew *crew);

/* Before anybody else knows it: what is to be called; a parcel goes over. */
void cc_future_set_call(cc_self *me, cc_future *f, const cc_item *call);

/* The call has been decoded: what it referred to is dropped. By its worker. */
void cc_future_called(cc_self *me, cc_future *f);

static inline cc_future_state cc_future_now(const cc_future *f) {
  return (cc_future_state)atomic_load_explicit(&f->state, memory_order_acquire);
}

static inline bool cc_future_ended(const cc_future *f) { return cc_future_now(f) >= CC_SUCCEEDED; }

/* Ends it. The item (NULL: none) and the traceback go over, out of the caller's hand. False when it had ended
** already: then both are still the caller's. */
bool cc_future_end(cc_self *me, cc_future *f, cc_future_state state, const cc_item *item,
                   cc_parcel *traceback);
bool cc_future_fail(cc_self *me, cc_future *f, cc_failure why, int code);

/* What a failure other than by an error means, in English. CC_BY_CREW has none of its own. */
void cc_failure_text(cc_failure why, int code, char *text, size_t size);

/* Waits for the end: CC_OK, or as every wait. */
cc_outcome cc_future_wait(cc_self *me, cc_future *f, int64_t deadline);

/* Has the tag put into the queue when it ends. CC_CLOSED: it has ended, and nothing will come;
** CC_NO_MEMORY. */
cc_outcome cc_future_tell(cc_self *me, cc_future *f, cc_queue *q, uint64_t tag);

/* Takes what was asked for with that queue back, if it has not come yet. */
void cc_future_untell(cc_self *me, cc_future *f, const cc_queue *q);

#endif
