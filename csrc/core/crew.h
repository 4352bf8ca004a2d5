/*
** Crew: the workers of a pool and the line of work before them. The pool that handles refer to
** is an object of its own, so that the crew sees the last of them go: workers, futures and jobs
** refer to the crew.
**
** Who brings work wakes an idle worker, or asks for a new one; the process that made the
** pool starts it (run/steward.c). A worker that waits for its own pool's work does not count, so
** that another takes its place: a task may wait for tasks that it has submitted. Those go in
** front of the line, in their order, so that what was begun ends first and few have to wait at a time.
*/
#ifndef CC_CREW_H
#define CC_CREW_H

#include "core/future.h"
#include "core/job.h"

typedef enum cc_crew_state {
  CC_CREW_OPEN,
  CC_CREW_CLOSED, /* takes no more work, and does what it has */
  CC_CREW_ENDED,  /* all its work was called off */
  CC_CREW_BROKEN, /* a worker could not be made ready: `error` */
  CC_CREW_LOST    /* its process has ended */
} cc_crew_state;

typedef enum cc_member_state {
  CC_MEMBER_COMING, /* it was started or woken, and will look for work */
  CC_MEMBER_BUSY,
  CC_MEMBER_IDLE,
  CC_MEMBER_LEAVING /* it does nothing any more; its end is to come */
} cc_member_state;

typedef struct cc_member {
  struct cc_member *next;  /* under the crew's guard, as all that is not constant */
  cc_object *thread;       /* the thread or process object; constant */
  uint32_t held;           /* 1: that is a parcel's reference */
  uint32_t number;         /* unique in the crew, from 1; constant */
  uint32_t state;
  uint32_t blocked;        /* it waits for the crew's work */
  uint32_t stop;           /* its task is to be stopped by the pool's process */
  uint32_t ready;          /* it has looked for work once */
  uint32_t has, had;       /* 1: work, 1: done is a parcel's reference */
  cc_work *work;           /* what it does; NULL */
  cc_work *done;           /* what it did and is about to let go of */
  cc_job *job;             /* what it is about to work on */
  uint32_t job_held;       /* 1: that is a parcel's reference */
  uint64_t from, to;       /* of a job: the cells that it was given */
  cc_work *last_child;     /* of what its task has submitted and is still in line: the last; NULL */
} cc_member;

typedef struct cc_crew {
  cc_object object;        /* its waiters: idle workers */
  uint32_t limit;          /* workers that are at it at a time; constant, as the next six */
  uint32_t max_tasks;      /* after which a worker leaves; 0: none */
  uint32_t max_queue;      /* calls that may stand in line; 0: any number */
  uint32_t processes;      /* its workers are processes, not threads */
  uint32_t home;           /* entry of the process that starts them */
  uint64_t root;           /* the main state whose end is the pool's */
  int64_t idle_time;       /* ns after which an idle worker leaves */
  /* for its workers; constant once it is known to others: */
  cc_parcel *name, *surroundings, *call;
  cc_parcel *initializer;  /* and its arguments; NULL: none */
  _Atomic(cc_slot *) steward; /* who is to be woken when workers are wanted; constant; as above */
  _Atomic uint32_t state;  /* cc_crew_state, counts up; under the guard, as all that follows */
  uint32_t requested;      /* workers that are to be started */
  uint32_t numbers;        /* given to members so far */
  cc_member *members;      /* blocks */
  uint32_t present;        /* members whose threads have not ended */
  uint32_t working;        /* those that come or are busy, and not blocked */
  uint32_t coming, busy;
  cc_work *first, *last;   /* the line */
  uint32_t futures;        /* in it */
  cc_waitlist room;        /* who waits for room in it */
  cc_future *over;         /* ends when no worker is left and none will come; constant */
  uint32_t over_held;      /* 1: that is a parcel's reference */
  cc_item error;           /* of BROKEN, as the next three */
  cc_parcel *traceback;
  uint32_t failure;        /* cc_failure: BY_ERROR, the item tells; else as in a future */
  int32_t code;
  uint32_t stillborn;      /* workers that ended before they were ready, since the last that was not */
  uint32_t jobs;           /* in line */
  uint32_t maps;           /* jobs that there are */
  _Atomic uint64_t done, failed, called_off; /* tasks */
} cc_crew;

typedef struct cc_pool {
  cc_object object;
  cc_crew *crew;           /* constant */
  uint32_t held;           /* 1: that is a parcel's reference */
} cc_pool;

extern const cc_ops cc_crew_ops, cc_pool_ops;

/* The crew and the member that the calling thread is; NULL: it is no pool's worker. */
extern _Thread_local cc_crew *cc_crew_own;
extern _Thread_local cc_member *cc_member_own;

cc_crew *cc_crew_new(void); /* NULL: out of shared memory, as for the next */
cc_pool *cc_pool_new(cc_crew *crew);

static inline cc_crew_state cc_crew_now(const cc_crew *c) {
  return (cc_crew_state)atomic_load_explicit(&c->state, memory_order_acquire);
}

/* {== bringing work */

/* Puts a future into line; waits for room unless the caller is a worker of the crew. CC_OK,
** CC_CLOSED (see its state), CC_TIMEOUT, or as every wait. */
cc_outcome cc_crew_submit(cc_self *me, cc_crew *c, cc_future *f, int64_t deadline);

/* The job has cells that nobody was given: puts it into line if it is not there, and sees to it
** that workers come. If the crew does no more work, the job is stopped. */
void cc_crew_notify(cc_self *me, cc_crew *c, cc_job *j);

/* Before and after the caller, if it is a worker of the crew, waits for work of it. */
void cc_crew_block(cc_self *me, cc_crew *c);
void cc_crew_unblock(cc_self *me, cc_crew *c);

/* The task is over in which it waited, in whatever way. */
void cc_crew_unblock_all(cc_self *me);

/* Has the task that the worker does stopped, from outside; called under the crew's guard.
** False: only the worker's process can do that. */
typedef bool cc_stopper(cc_self *me, cc_object *thread);

/* Calls a future off. False: it had ended. A running one: it is asked to stop. */
bool cc_crew_cancel(cc_self *me, cc_crew *c, cc_future *f, cc_stopper *stop);

/* Calls a job off; `running`: what is being done for it is asked to stop, too. */
void cc_crew_cancel_job(cc_self *me, cc_crew *c, cc_job *j, cc_stopper *stop);

/* A process has ended: see resume in kind.h. */
void cc_crew_mend_work(cc_self *me, cc_work *w);

/* ==} {== the end */

void cc_crew_close(cc_self *me, cc_crew *c);

/* Ends all work that has not ended. State: CC_CREW_ENDED or CC_CREW_LOST, or CC_CREW_BROKEN with an error and
** its traceback, which go over; stop (NULL: not at all) is called for what is being done. */
void cc_crew_end(cc_self *me, cc_crew *c, cc_crew_state state, const cc_item *error,
                 cc_parcel *traceback, cc_stopper *stop);

/* Waits until it is closed and all its workers have ended: CC_OK, or as every wait. */
cc_outcome cc_crew_join(cc_self *me, cc_crew *c, int64_t deadline);

/* Whether it will never have workers again: it is closed, none is left, and no map that was begun before. */
bool cc_crew_over(cc_self *me, cc_crew *c);

/* A map begins with a job that nobody else knows, and its job is gone. */
void cc_crew_begin_map(cc_self *me, cc_crew *c, cc_job *j);
void cc_crew_end_map(cc_self *me, cc_crew *c, cc_job *j);

/* ==} {== the steward, which starts workers */

/* Takes on one worker that is to be started with that thread object, and lists it. NULL: none is wanted, or
** there is no memory. */
cc_member *cc_crew_enlist(cc_self *me, cc_crew *c, cc_object *thread);

bool cc_crew_wants(cc_self *me, cc_crew *c);

/* It could not be started; drop: nor will it be tried again, so that what waits for it alone fails. */
void cc_crew_unlist(cc_self *me, cc_crew *c, cc_member *m);
void cc_crew_give_up(cc_self *me, cc_crew *c, int error);

/* A worker's thread or process has ended, and how: an exit code, a signal negated. */
void cc_crew_gone(cc_self *me, cc_crew *c, cc_object *thread, int code);

/* The threads whose tasks are to be stopped by this process: calls `stop` under the guard. */
void cc_crew_stop_marked(cc_self *me, cc_crew *c, cc_stopper *stop);

/* Calls it for all workers, under the guard. */
void cc_crew_visit(cc_self *me, cc_crew *c, cc_stopper *visit);

/* ==} {== workers */

/* The member that was listed with that thread object. */
cc_member *cc_crew_find(cc_self *me, cc_crew *c, const cc_object *thread);

/* Lets go of what was done and waits for more until the deadline: CC_OK, and it is in m->work;
** CC_TIMEOUT; CC_CLOSED: the worker is to leave, and counts no more; CC_INTERRUPTED: what was done was
** asked to stop, nobody will ask for that any more, and it is to be forgotten before the next call. */
cc_outcome cc_crew_take(cc_self *me, cc_crew *c, cc_member *m, bool leave, int64_t deadline);

/* ==} */

#endif
