/*
** Item: one Lua value on its way into or out of an object, or kept by one. Scalars
** and short strings need no codec and no memory; whatever is longer or made of
** parts is a parcel.
*/
#ifndef CC_ITEM_H
#define CC_ITEM_H

#include <string.h>

#include "os/os.h"

#define CC_INLINE 240 /* bytes of the longest message that travels without a parcel */

typedef struct cc_item {
  uint32_t size; /* of bytes, for the sized kinds */
  uint32_t kind;
  union {
    uint64_t word;            /* integer, float (its bits), boolean (0, 1), nil */
    struct cc_parcel *parcel; /* one reference */
    struct cc_node *node;
    unsigned char bytes[CC_INLINE];
  } u;
} cc_item;

/* What an item of such a kind refers to. That a word which was copied is the pointer is more than clang's
** analyser sees. */
static inline struct cc_parcel *cc_item_parcel(const cc_item *item) {
  return item->u.parcel; /* NOLINT(clang-analyzer-core.uninitialized.UndefReturn) */
}

static inline struct cc_node *cc_item_node(const cc_item *item) {
  return item->u.node; /* NOLINT(clang-analyzer-core.uninitialized.UndefReturn) */
}

enum {
  CC_ITEM_BYTES,  /* sized: a message of the codec */
  CC_ITEM_STRING, /* sized: the bytes of a string */
  CC_ITEM_INTEGER,
  CC_ITEM_NUMBER,
  CC_ITEM_BOOLEAN,
  CC_ITEM_NIL,
  CC_ITEM_NODE,   /* of a pile, on its way in */
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

/* One more reference to what the item refers to, a copy of which is made; not for nodes. */
void cc_item_retain(const cc_item *item);

/* Drops what an item refers to: a parcel's reference, a node with its item. */
void cc_item_drop(const cc_item *item);

/* Raw equality of values that compare by content; a parcel of the codec is a handle alone. */
bool cc_item_same(const cc_item *a, const cc_item *b);

static inline bool cc_item_is_number(const cc_item *item) {
  return item->kind == CC_ITEM_INTEGER || item->kind == CC_ITEM_NUMBER;
}

/* The number in an item as a float. */
double cc_item_number(const cc_item *item);

#endif
