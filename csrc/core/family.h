/*
** Family: a process and what it started, and the memory that they share. The
** first page of the arena is its root: tables of objects, thread slots and
** processes, and the allocator's state. Everything in it is found at the same
** address in every process of the family.
*/
#ifndef CC_FAMILY_H
#define CC_FAMILY_H

#include "core/arena.h"
#include "core/log.h"
#include "core/object.h"
#include "core/slot.h"
#include "core/trace.h"

#define CC_REFERENCE_SHARDS 64

typedef struct cc_process {
  _Atomic int64_t pid;          /* 0: the entry is free; CC_UNBORN: about to be forked */
  _Atomic uint32_t pending;     /* its share of the family's */
  _Atomic uint32_t listens;     /* it has descriptors that show objects */
  _Atomic uint32_t bell;        /* counts changes for it */
  _Atomic(cc_object *) object;  /* its process object, which outlives the entry's use; NULL: none */
} cc_process;

#define CC_UNBORN (-1)
#define CC_NO_PROCESS UINT32_MAX

typedef struct cc_family {
  size_t size;                          /* of the whole reservation; constant */
  _Atomic uint64_t next_id;             /* for objects and threads */
  _Atomic uint64_t unnamed;             /* default names given to processes */
  _Atomic uint64_t live[CC_KINDS];      /* objects by kind */
  cc_process processes[CC_PROCESS_LIMIT];

  struct {
    _Alignas(64) cc_guard guard;
  } references[CC_REFERENCE_SHARDS];    /* the reference guard of object i: i % shards */

  cc_guard object_guard;                /* the next four */
  uint32_t object_free;                 /* list of free entries, index + 1 */
  uint32_t object_top;                  /* entries used so far */
  uint32_t object_limit;                /* constant */
  _Atomic(cc_object *) *objects;        /* the table; a free entry holds the next index */

  cc_guard bury_guard;                  /* one undoes at a time */
  cc_guard trace_guard;                 /* start and stop, one at a time */
  cc_trace trace;

  cc_guard deadlock_guard;              /* one report at a time */
  _Atomic uint32_t active;              /* threads that could signal */
  _Atomic uint32_t blocked;             /* those of them that sleep without deadline */
  _Atomic uint32_t pending;             /* what will run or signal by itself */

  _Atomic uint32_t slot_seen;           /* slot_top, for readers without the guard */
  cc_guard slot_guard;                  /* the next three */
  uint32_t slot_free;                   /* list of free slots, index + 1 */
  uint32_t slot_top;
  uint32_t slot_limit;                  /* constant */
  cc_slot *slots;

  cc_guard output_guard;                /* one writes to a standard stream at a time: output.h */
  cc_log log;
  cc_arena arena;
} cc_family;

/* The family, after cc_family_open has succeeded in this process. */
extern cc_family *cc_family_root;


/* Takes an entry for a process that is about to be forked, with one thing pending;
** CC_NO_PROCESS when all are in use. To give it up again: cc_bury in bury.h. */
uint32_t cc_family_reserve(cc_object *process);

/* In a child, whose only thread calls it: makes the reserved entry its own, and the thread and
** all that is private to a process new. */
void cc_family_enter(uint32_t entry);

/* True in a child that a host has forked: it has no entry of its own in the family, so it
** must leave everything in there alone. */
extern bool cc_family_forked;

/* Makes the arena at the first call. False when the system grants not even a
** small one. Any thread may call it, as often as it likes. */
bool cc_family_open(void);

#endif
