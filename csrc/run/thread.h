/*
** Thread: a Lua function that runs in its own state on a kernel thread. The
** object lives in the arena; who runs it is private to its process.
*/
#ifndef RUN_THREAD_H
#define RUN_THREAD_H

#include <lua.h>

#include "core/parcel.h"
#include "core/park.h"

typedef enum run_status { RUN_NEW, RUN_STARTING, RUN_RUNNING, RUN_DONE, RUN_FAILED, RUN_CANCELLED } run_status;

typedef struct run_thread {
  cc_object object;           /* its waiters: those who join */
  _Atomic uint32_t status;    /* run_status; past RUN_RUNNING it stays */
  _Atomic uint32_t daemon;    /* changed before the start only */
  _Atomic uint32_t process;   /* entry of the process that runs it; changed at the start of a process */
  _Atomic uint32_t cancel;    /* requests to stop; under the object's guard with slot */
  _Atomic uint64_t ident;     /* 0 before the start */
  _Atomic int64_t native_id;  /* 0 until a kernel thread has it */
  _Atomic uint32_t starved;   /* its state was out of memory */
  _Atomic uint32_t lost;      /* its process ended before it did */
  _Atomic uint32_t watched;   /* somebody waits for native_id, on status */
  cc_object *crew;            /* of a pool's worker: who is told of its end; NULL; constant once started */
  uint32_t crew_held;         /* 1: that is a parcel's reference */
  uint32_t stops;             /* requests to stop its task; under the object's guard */
  _Atomic uint64_t root;      /* the main state that waits for it; 0: none */
  void *live;                 /* private to the process that runs it, as the next two */
  _Atomic(void *) running;    /* the lua_State it is in; NULL: out of reach. Set by the thread */
  struct run_state *state;    /* whose memory that is; under the object's guard */
  /* under the object's guard: */
  cc_slot *slot;              /* while it runs, else NULL */
  cc_parcel *name;            /* bytes of the name; never NULL */
  cc_parcel *result;          /* values or the error; NULL: out of memory */
  cc_parcel *traceback;       /* bytes; NULL: none */
} run_thread;

typedef struct run_options {
  size_t stack;         /* 0: the default */
  const unsigned *cpus; /* counted from 0; ncpus 0: any */
  size_t ncpus;
} run_options;

/* An unstarted thread; name NULL for the next default one. NULL: out of shared memory. */
run_thread *run_thread_new_kind(cc_kind kind, size_t size, const char *name, size_t length,
                                bool daemon);
void run_thread_destroy(cc_object *o); /* for cc_ops, as the next: the kinds built on this one */
bool run_thread_ready(const cc_self *me, cc_object *o);
void run_thread_mend(cc_self *me, cc_object *o, uint32_t process);
run_thread *run_thread_new(const char *name, size_t length, bool daemon);

/* What a thread gets from the state that starts it; one reference each. */
typedef struct run_message {
  cc_parcel *surroundings; /* a table: path, cpath, preload, excepthook; NULL: all as usual */
  cc_parcel *call;         /* globals (nil or a table), the function, its arguments */
} run_message;

void run_message_drop(run_message *m);

/* The next default name and its length; used up only if `take`. */
#define RUN_NAME 32
size_t run_thread_default_name(char name[RUN_NAME], bool take);

/* Starts it; takes over the message. 0 or an errno value; then it is unstarted
** again. EALREADY: it had been started; ECANCELED: it was cancelled before. */
int run_thread_start(run_thread *t, run_message *m, uint64_t root, const run_options *options);

/* The steps of starting, for kinds that start in their own way: takes an unstarted one
** into the list of running ones, and back. An errno value as above. */
int run_thread_enlist(run_thread *t, uint64_t root);
void run_thread_delist(run_thread *t);

/* CC_OK once it has ended. CC_MISUSE: not started, or the caller itself. */
cc_outcome run_thread_join(cc_self *me, run_thread *t, int64_t deadline);

bool run_thread_alive(run_thread *t);
bool run_thread_waiting(run_thread *t); /* blocked in a concur call */

/* The kernel's id of the thread it runs on; waits for that when it was just started. 0 when
** it was not. */
int64_t run_thread_native_id(run_thread *t);

/* Asks it to stop. False when it had ended. */
bool run_thread_cancel(cc_self *me, run_thread *t);

/* Has the task that it does as a pool's worker stopped; a cc_stopper. False: it is busy, and only
** its process can reach it, by the next. */
bool run_thread_stop_task(cc_self *me, cc_object *o);
bool run_thread_interrupt_task(cc_self *me, cc_object *o);

/* In the worker: that was done, or came too late. */
void run_thread_forget_stop(cc_self *me, run_thread *t);

/* The bytes of its name, one reference. */
cc_parcel *run_thread_name(cc_self *me, run_thread *t);
bool run_thread_set_name(cc_self *me, run_thread *t, const char *name, size_t length);

/* The caller's thread object, without a new reference; NULL: out of memory. */
run_thread *run_thread_current(void);
run_thread *run_thread_main(void);

/* The name of the thread with that ident, one reference, or NULL; of another process: *process is
** that one's name. */
cc_parcel *run_thread_name_of(cc_self *me, uint64_t ident, cc_parcel **process);

/* The main thread and those that run in this process, each with a reference; NULL for
** lack of memory. */
run_thread **run_thread_list(size_t *n);
void run_thread_list_free(run_thread **list);

/* Called by the worker that runs it: at the beginning, with its state (NULL: none), before
** the state closes, and at the end. */
void run_thread_begin(run_thread *t, struct run_state *s);
void run_thread_unreach(run_thread *t);
void run_thread_end(run_thread *t, run_status status, cc_parcel *result, cc_parcel *traceback);

/* The end of a process: what came of it is known, its joiners hear of it. */
void run_thread_conclude(run_thread *t, run_status status);

/* The end of one that no kernel thread runs, and the end of one run of several. */
void run_thread_finish(run_thread *t, run_status status, cc_parcel *result, cc_parcel *traceback);
void run_thread_pause(run_thread *t);

/* Waits for the non-daemon threads of a root, then stops its daemons. */
void run_thread_end_root(uint64_t root);

/* Makes this kernel thread the main one, if there is none yet in the process. */
bool run_thread_open(void);

/* In a child: the calling thread, which is the only one, becomes its main one, with a thread
** object of its own. */
bool run_thread_renew(void);

#endif
