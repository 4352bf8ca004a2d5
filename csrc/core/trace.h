/*
** Trace: what the threads of the family do and when, for a timeline. Off: a look at a word of the
** thread's slot. On: each thread writes events into blocks of its own, which belong to its slot for ever
** and are used again by the next trace, so that nobody who comes late writes into another's; whoever reads
** takes those of blocks that have the trace's number. A thread of its own looks at queues now and then.
*/
#ifndef CC_TRACE_H
#define CC_TRACE_H

#include "core/slot.h"

typedef enum cc_trace_kind {
  CC_TRACE_THREAD, /* a thread begins, or was there when the trace began; text: its name */
  CC_TRACE_PROCESS, /* the same for a process */
  CC_TRACE_END,    /* the thread ends */
  CC_TRACE_WAIT,   /* it was blocked on the object, or slept (of 0) */
  CC_TRACE_HOLD,   /* a lock was held */
  CC_TRACE_TASK,   /* it did a task of that pool, or went on with one of an event loop */
  CC_TRACE_DEPTH   /* number: items in a queue */
} cc_trace_kind;

typedef struct cc_trace_event {
  int64_t time;  /* when it began, on cc_clock's scale */
  uint64_t ident; /* of the thread */
  uint32_t pid;
  uint16_t kind; /* cc_trace_kind */
  uint16_t of;   /* cc_kind of the object; 0: none */
  union {
    struct {
      int64_t span;    /* ns */
      uint64_t object; /* id */
      int64_t number;
    } s;
    char text[24]; /* cut, ended by a zero */
  } u;
} cc_trace_event;

typedef struct cc_trace_block {
  _Atomic(struct cc_trace_block *) next; /* of the same slot; written once, before it is used */
  _Atomic uint32_t number;      /* of the trace whose events it has; by its thread, as the next two */
  _Atomic uint32_t n;
  _Atomic uint32_t room;        /* events that the trace lets it have */
  cc_trace_event events[];
} cc_trace_block;

#define CC_TRACE_PATH 1024

/* In the family's root. */
typedef struct cc_trace {
  _Atomic uint32_t on;      /* number of the trace that goes on; 0: none */
  _Atomic uint32_t last;    /* number of the last one */
  _Atomic uint32_t wake;    /* the sampler sleeps on it */
  _Atomic int64_t start, end;
  _Atomic int64_t room;     /* events that blocks may still be taken for */
  _Atomic uint64_t dropped; /* events for which there was none */
  _Atomic uint32_t reader;  /* entry of the process that reads the last one, + 1; 0: none */
  char path[CC_TRACE_PATH]; /* where its file is to be written; under the trace guard */
} cc_trace;

/* Begins a trace of at most `limit` events (of more, the first). 0; EALREADY: one goes on, or is still read; an
** errno value. */
int cc_trace_start(cc_self *me, int64_t limit, const char *path);

/* Ends it and copies its path. False: none goes on. Its events can be read until the caller says that it
** has done so; until then none begins. */
bool cc_trace_stop(cc_self *me, char path[CC_TRACE_PATH]);
void cc_trace_done(void);

/* A process has ended, perhaps in the middle of reading. */
void cc_trace_bury(uint32_t process);

/* Where a reader is; all zero at first. */
typedef struct cc_trace_reader {
  const cc_trace_block *block;
  uint32_t slot, at;
} cc_trace_reader;

/* The next event of the last trace, thread after thread, each one's in order of their ends; NULL: no more. */
const cc_trace_event *cc_trace_next(cc_trace_reader *r);

static inline bool cc_traced(const cc_self *me) {
  return cc_unlikely(atomic_load_explicit(&me->slot->traced, memory_order_relaxed) != 0);
}

/* When something begins that is to be noted at its end; 0: it is not. */
static inline int64_t cc_trace_begin(const cc_self *me) { return cc_traced(me) ? cc_clock() : 0; }

/* Notes what began then and ends now; ident 0: of the caller. Under no guard, in no section. */
void cc_trace_span(cc_self *me, cc_trace_kind kind, uint64_t ident, uint32_t of, uint64_t object, int64_t since);

static inline void cc_trace_end(cc_self *me, cc_trace_kind kind, uint32_t of, uint64_t object, int64_t since) {
  if (cc_unlikely(since != 0)) cc_trace_span(me, kind, 0, of, object, since);
}

/* Notes a name; ident: of the thread; pid 0: of the caller's process. */
void cc_trace_name(cc_self *me, cc_trace_kind kind, uint64_t ident, uint32_t pid, const char *name);

/* A slot is taken. */
void cc_trace_attach(cc_slot *s);

#endif
