/*
** Slot: what the family knows of one kernel thread that uses concur: where it
** sleeps, whether it shall stop, what it waits for. Slots lie in the arena so
** that every process can wake every thread. `cc_self` is the thread's private
** view of its own slot.
*/
#ifndef CC_SLOT_H
#define CC_SLOT_H

#include <string.h>

#include "core/object.h"

#define CC_INLINE 240 /* bytes of the longest message that travels without a parcel */

/* One value on its way into or out of an object. Scalars and short strings need no
** codec and no memory; whatever is longer or made of parts is a parcel. */
typedef struct cc_item {
  uint32_t size; /* of bytes, for the sized kinds */
  uint32_t kind;
  union {
    uint64_t word;            /* integer, float (its bits), boolean (0, 1), nil */
    struct cc_parcel *parcel; /* one reference */
    unsigned char bytes[CC_INLINE];
  } u;
} cc_item;

enum {
  CC_ITEM_BYTES,  /* sized: a message of the codec */
  CC_ITEM_STRING, /* sized: the bytes of a string */
  CC_ITEM_INTEGER,
  CC_ITEM_NUMBER,
  CC_ITEM_BOOLEAN,
  CC_ITEM_NIL,
  CC_ITEM_PARCEL, /* a message of the codec */
  CC_ITEM_TEXT    /* a parcel whose payload is the bytes of a string */
};

static inline bool cc_item_sized(uint32_t kind) { return kind <= CC_ITEM_STRING; }
static inline bool cc_item_has_parcel(uint32_t kind) { return kind >= CC_ITEM_PARCEL; }

static inline void cc_item_copy(cc_item *to, const cc_item *from) {
  to->size = from->size;
  to->kind = from->kind;
  if (cc_item_sized(from->kind))
    memcpy(to->u.bytes, from->u.bytes, from->size);
  else
    to->u.word = from->u.word;
}

typedef struct cc_slot {
  _Alignas(64) _Atomic uint32_t token; /* 0 none, 1 a wake-up, 2 its thread sleeps */
  _Atomic uint32_t cancel;             /* a request to stop, by anyone */
  _Atomic uint32_t parked;             /* 1 while its thread is blocked; by its thread */
  uint32_t process;                    /* entry of its process; constant while in use */
  uint64_t ident;                      /* unique; constant while in use */
  _Atomic(cc_object *) waiting_for;    /* by its thread; to be printed only */
  _Atomic(cc_object *) thread;         /* its thread object; by its thread */
  uint32_t next_free;                  /* under the slot guard */
  cc_waiter waiter;                    /* under the guard of what it waits for */
  cc_item item;                        /* handed over with a grant */
} cc_slot;

typedef struct cc_self {
  cc_slot *slot;
  uint32_t word;     /* slot index + 1: the mark in guards and locks */
  uint32_t shield;   /* while not 0, cancellation is held back */
  int64_t spin;      /* nanoseconds worth spinning before a sleep */
  uint32_t misses;   /* full spins in vain since the last success */
  uint32_t rest;     /* waits until spinning is tried again */
  bool no_signals;   /* a thread of ours: all signals are blocked */
  bool (*interrupted)(void *); /* asked when a signal may have come; NULL: never */
  void *interrupted_arg;
  void (*on_detach)(void); /* called when the thread gives its slot back; NULL: nothing */
} cc_self;

extern _Thread_local cc_self cc_self_storage;

void cc_self_attach(void);
void cc_self_detach(void); /* gives the slot back; safe when there is none */

/* The calling thread's view; takes a slot at the first call. */
static inline cc_self *cc_self_get(void) {
  if (cc_unlikely(cc_self_storage.slot == NULL)) cc_self_attach();
  return &cc_self_storage;
}

static inline uint32_t cc_self_word(void) { return cc_self_get()->word; }

#endif
