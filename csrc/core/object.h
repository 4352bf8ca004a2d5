/*
** Object: what a handle refers to. It lives in the arena, outside all Lua
** states, and dies when no process and no parcel refers to it any more.
**
** References are counted twice. Within a process, private counters say how many
** handles (and C references) there are; the object itself keeps one bit per
** process that has any. Setting and clearing a bit can be repeated without harm, so
** what a killed process held is taken back by clearing its bit. Parcels
** (messages on their way) have a counter of their own. Both are changed under a
** guard that lies in the family's root, not in the object, so that nobody
** touches an object after giving up the last reference.
*/
#ifndef CC_OBJECT_H
#define CC_OBJECT_H

#include "core/guard.h"
#include "core/waiter.h"

#define CC_PROCESS_LIMIT 512 /* processes of a family at one time */

typedef enum cc_kind {
  CC_LOCK = 1,
  CC_EVENT,
  CC_QUEUE,
  CC_LIFO,
  CC_PRIORITY_QUEUE,
  CC_PIPE, /* one way of it */
  CC_CONNECTION,
  CC_VALUE,
  CC_THREAD,
  CC_RLOCK,
  CC_CONDITION,
  CC_SEMAPHORE,
  CC_BOUNDED_SEMAPHORE,
  CC_BARRIER,
  CC_RWLOCK,
  CC_LATCH,
  CC_ONCE,
  CC_TLS,
  CC_TIMER,
  CC_PROCESS,
  CC_DICT,
  CC_LIST,
  CC_ARRAY,
  CC_FUTURE,
  CC_POOL,
  CC_CREW, /* the workers of a pool */
  CC_JOB,  /* a map that they work on */
  CC_LOOP, /* of tasks */
  CC_LINK, /* a connection to a manager's server */
  CC_PROXY, /* an object behind it */
  CC_KINDS /* one more than the last */
} cc_kind;

typedef struct cc_object {
  uint32_t kind;              /* cc_kind; constant */
  uint32_t index;             /* in the object table; constant while alive */
  uint64_t id;                /* unique in the family; constant */
  cc_guard guard;             /* the primitive's own words, and `waiters` */
  uint32_t parcels;           /* references from parcels; under its reference guard */
  _Atomic bool dying;         /* nothing refers to it any more; written under its reference guard */
  _Atomic uint16_t undertaker; /* dying: entry of the process that destroys it; as `dying` */
  _Atomic uint8_t described;  /* a descriptor has been made for it, and may be there */
  union {
    cc_waitlist waiters;         /* under guard */
    struct cc_object *next_dead; /* once nothing refers to it */
  };
  _Atomic uint64_t holders[CC_PROCESS_LIMIT / 64]; /* a bit per process; written under the reference guard */
} cc_object;

/* Asks whether it is over, though no reference went. The caller has one. */
void cc_object_reconsider(cc_object *o);

/* A zeroed object of `size` bytes with one reference from this process, or
** NULL when shared memory is used up. */
cc_object *cc_object_new(cc_kind kind, size_t size);

/* One more, one less reference from this process. The caller of retain has a
** reference already, from this process or through a parcel that it holds. */
void cc_object_retain(cc_object *o);
void cc_object_release(cc_object *o);

/* The same for a parcel's references. *n, if there is one, is counted up or down together with
** that, whatever happens to the process. */
void cc_object_parcel_retain(cc_object *o, uint32_t *n);
void cc_object_parcel_release(cc_object *o, uint32_t *n);

/* A reference to the object that had this index and id, or NULL when it has died or is
** just dying: for those who remember an object without a reference. */
cc_object *cc_object_revive(uint32_t index, uint64_t id);

/* Calls f with each object that lives, under a guard: f must not block, and takes no reference. */
void cc_objects_look(void (*f)(cc_object *o, void *arg), void *arg);

/* Whether an object that had this index and id still lives. */
bool cc_object_alive(uint32_t index, uint64_t id);

/* A process has ended: has its guards of all objects taken over, and what it has begun finished
** (mend in kind.h); clean: it held no guard and had begun nothing. Then takes back all its references. Not while it may still run. */
void cc_objects_mend(uint32_t process, bool clean);
void cc_objects_bury(uint32_t process);

/* Name of a kind as concur.type gives it: "lock", "queue", … */
const char *cc_kind_name(cc_kind kind);

/* Objects of a kind that live in the family now. */
uint64_t cc_object_live(cc_kind kind);

#endif
