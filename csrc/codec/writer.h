/*
** Writer: the bytes of one message while it is encoded, the objects that it
** refers to, and the numbers of the values seen so far. Nothing here raises or
** calls Lua. Each kernel thread keeps its writers for reuse, so that small
** messages allocate nothing.
*/
#ifndef CODEC_WRITER_H
#define CODEC_WRITER_H

#include "codec/codec.h"
#include "codec/format.h"

struct codec_names;

typedef struct writer_identity {
  const void *key;
  uint32_t number;
  uint32_t epoch; /* the entry is free unless it has the writer's */
} writer_identity;

struct codec_writer {
  unsigned char *start, *at, *end; /* within scratch or parcel->bytes */
  unsigned char *scratch;
  size_t scratch_size;
  cc_parcel *parcel; /* holds the bytes once they outgrow the scratch */
  cc_object **objects;
  uint32_t nobjects, objects_size;
  writer_identity *seen; /* open addressing; linear probing */
  uint32_t seen_bits, seen_count, epoch;
  uint32_t numbers; /* given so far */
  unsigned flags;   /* FORMAT_… */
  codec_mode mode;
  bool careful; /* under lua_pcall: may call what raises */
  bool refused; /* the error raised is ours and lacks a position */
  bool exhausted;
  bool shared;  /* it was shared memory that was used up */
  const struct codec_names *names; /* of the state; NULL before it is asked */
  bool names_known;
  /* while careful: */
  const void *globals;
  const void *no_transfer;    /* a metatable without __transfer */
  int pending, anchors;       /* stack indices of tables, or of nil */
  lua_Integer noted;          /* values in pending */
  lua_Integer nanchors;
  int arguments, nameless;    /* for paths */
  struct codec_writer *next;  /* in the list of free writers */
};

#define NUMBER_OPEN UINT32_MAX /* a __transfer object being encoded */

/* A writer for a new message, or NULL for lack of memory. */
codec_writer *writer_take(codec_mode mode);

/* Forgets what was written. */
void writer_restart(codec_writer *w);

/* Makes room for n more bytes; false for lack of memory (w->exhausted). */
bool writer_grow(codec_writer *w, size_t n);

static inline bool writer_room(codec_writer *w, size_t n) {
  return cc_likely((size_t)(w->end - w->at) >= n) || writer_grow(w, n);
}

/* Appends n bytes. */
bool writer_put(codec_writer *w, const void *bytes, size_t n);

/* The entry of key, or the free one where it belongs; w->seen has room. */
static inline writer_identity *writer_entry(const codec_writer *w, const void *key) {
  uint64_t hash = (uint64_t)((uintptr_t)key >> 3) * 0x9E3779B97F4A7C15u;
  uint32_t mask = ((uint32_t)1 << w->seen_bits) - 1;
  uint32_t i = (uint32_t)(hash >> (64 - w->seen_bits));
  while (w->seen[i].epoch == w->epoch && w->seen[i].key != key) i = (i + 1) & mask;
  return &w->seen[i];
}

static inline bool writer_knows(const codec_writer *w, const writer_identity *e) {
  return e->epoch == w->epoch;
}

/* Fills a free entry. It stays valid until the next writer_add; false for lack
** of memory. */
bool writer_add(codec_writer *w, writer_identity *e, const void *key, uint32_t number);

/* The index of an object among those of the message; false for lack of memory. */
bool writer_object(codec_writer *w, cc_object *o, uint32_t *index);

#endif
