/*
** Reader: the bytes of one message while it is decoded. Every length is a claim
** that is checked against what is left; every failure raises `malformed data`.
*/
#ifndef CODEC_READER_H
#define CODEC_READER_H

#include "codec/codec.h"
#include "codec/format.h"

typedef struct codec_reader {
  lua_State *L;
  const unsigned char *at, *end;
  size_t budget; /* slots that tables may still be given in advance */
  cc_object *const *objects;
  uint32_t nobjects;
  codec_mode mode;
  int level;        /* of the Lua function that errors are blamed on */
  unsigned flags;   /* FORMAT_… */
  uint32_t numbers; /* given so far */
  int refs, pending, again; /* stack indices of tables, if there are flags */
  lua_Integer noted;        /* values in pending */
  lua_Integer bodies;       /* still to come */
  lua_Integer nagain;
  int64_t base; /* of the body that is being read: how deep it lies, less the depth it is read at */
  int64_t max_depth; /* of tables */
  uint32_t open[FORMAT_DEPTH_HARD + 2]; /* numbers of the tables being filled, by depth */
} codec_reader;

int reader_malformed(codec_reader *r); /* never returns */

static inline size_t reader_left(const codec_reader *r) {
  return (size_t)(r->end - r->at);
}

/* The next n bytes. */
static inline const unsigned char *reader_take(codec_reader *r, size_t n) {
  const unsigned char *p = r->at;
  if (cc_unlikely(reader_left(r) < n)) reader_malformed(r);
  r->at = p + n;
  return p;
}

static inline unsigned reader_byte(codec_reader *r) {
  if (cc_unlikely(r->at == r->end)) reader_malformed(r);
  return *r->at++;
}

static inline uint64_t reader_varint(codec_reader *r) {
  uint64_t v = 0;
  if (cc_likely(r->at < r->end && *r->at < 0x80)) return *r->at++;
  r->at = format_get_varint(r->at, r->end, &v);
  if (r->at == NULL) reader_malformed(r);
  return v;
}

/* A size that the rest of the message has room for. */
static inline size_t reader_size(codec_reader *r) {
  uint64_t v = reader_varint(r);
  if (v > reader_left(r)) reader_malformed(r);
  return (size_t)v;
}

/* Pushes the next value, which begins with `tag` (consumed). Needs 4 stack
** slots. */
void decode_value(codec_reader *r, unsigned tag, int depth);

/* Gives the value on top a number. */
void decode_number(codec_reader *r);

/* Notes that the body of the value on top, which stands that deep, comes later. */
void decode_later(codec_reader *r, int depth);

/* Reads the bodies noted since there were `noted` of them. */
void decode_bodies(codec_reader *r, lua_Integer noted, int depth);

/* Pushes a function, or what a rebuild function returns (decode_code.c). */
void decode_function(codec_reader *r, bool deferred, int depth);
void decode_upvalues(codec_reader *r, int depth); /* of the function on top */
void decode_transfer(codec_reader *r, int depth);

#endif
