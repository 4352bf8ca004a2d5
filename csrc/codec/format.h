/*
** Format: what the bytes of a message mean. Numbers are little-endian;
** "varint" is LEB128 (7 bits a byte, least significant first).
**
**   message  = MAGIC flags varint(count) value{count} body*
**   table    = TAG_TABLE contents | TAG_OBJECT contents value(metatable)
**   contents = varint(n) hint value{<=n} [TAG_BREAK] ((key value)+ TAG_END)?
**
** `n` is the border of the array; its values come first, in order; TAG_BREAK
** stands where fewer than n of them do. A hint of 0 says that no pairs follow.
** A table or function nested deeper than FORMAT_DEPTH is only announced where it
** stands (TAG_DEFERRED…); its body comes later, in order of announcement: at
** the end of the message, or of the TAG_TRANSFER that it is in. (So a rebuild
** function finds its arguments whole, except for tables first announced outside
** of them whose bodies are still to come.)
** Tables, functions, handles, named and rebuilt values are numbered from 0 in
** order of appearance (a rebuilt one after its arguments); a cell takes two
** numbers. TAG_REF names one of them again.
*/
#ifndef CODEC_FORMAT_H
#define CODEC_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FORMAT_MAGIC 0xC1u /* changes whenever the meaning of the bytes does */

enum { FORMAT_REFS = 1, FORMAT_DEFERRED = 2 }; /* flags: such tags occur */

enum {
  FORMAT_DEPTH = 100,     /* tables and functions nested in place */
  FORMAT_DEPTH_HARD = 190 /* arguments of rebuild functions go deeper */
};

enum {
  TAG_INT = 0x00,    /* to 0x7f: the integers 0..127 */
  TAG_STRING = 0x80, /* to 0xbf: strings of 0..63 bytes */
  TAG_NIL = 0xc0,
  TAG_FALSE,
  TAG_TRUE,
  TAG_INT8, /* signed */
  TAG_INT16,
  TAG_INT32,
  TAG_INT64,
  TAG_FLOAT,    /* the 8 bytes of an IEEE double */
  TAG_STRING8,  /* length in a byte, then the bytes */
  TAG_STRING32,
  TAG_STRING64,
  TAG_TABLE,
  TAG_OBJECT,   /* a table with a metatable */
  TAG_DEFERRED, /* a table; its body is TAG_TABLE … or TAG_OBJECT … */
  TAG_REF,      /* varint: number of an earlier value */
  TAG_END,
  TAG_BREAK,
  TAG_GLOBALS,  /* the table of globals */
  TAG_NAME,     /* varint(size) path: a value to be looked up by name */
  TAG_HANDLE,   /* varint: index into the parcel's objects */
  TAG_FUNCTION, /* u32(size) bytecode upvalues */
  TAG_DEFERRED_FUNCTION, /* u32(size) bytecode; its body is the upvalues */
  TAG_CELL,     /* in upvalues: a variable not seen before, and its value */
  TAG_CELL_REF, /* in upvalues: varint: number of an earlier cell */
  TAG_TRANSFER  /* varint(n) function value{n} body*: call it */
};

/* upvalues = byte(n) (TAG_CELL value | TAG_CELL_REF varint){n}
** path     = (varint(size) bytes)+    a module's name, then field names */

/* hint: a number of pairs up to HINT_EXACT, or HINT_EXACT + log2 of it */
enum { HINT_EXACT = 127 };

#define VARINT_MAX 10 /* bytes of the longest varint */

static inline unsigned char *format_put16(unsigned char *p, uint32_t v) {
  p[0] = (unsigned char)v;
  p[1] = (unsigned char)(v >> 8);
  return p + 2;
}

static inline unsigned char *format_put32(unsigned char *p, uint32_t v) {
  p[0] = (unsigned char)v;
  p[1] = (unsigned char)(v >> 8);
  p[2] = (unsigned char)(v >> 16);
  p[3] = (unsigned char)(v >> 24);
  return p + 4;
}

static inline unsigned char *format_put64(unsigned char *p, uint64_t v) {
  format_put32(p, (uint32_t)v);
  return format_put32(p + 4, (uint32_t)(v >> 32));
}

static inline unsigned char *format_put_varint(unsigned char *p, uint64_t v) {
  while (v >= 0x80) {
    *p++ = (unsigned char)(v | 0x80);
    v >>= 7;
  }
  *p++ = (unsigned char)v;
  return p;
}

static inline uint32_t format_get16(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t format_get32(const unsigned char *p) {
  return format_get16(p) | format_get16(p + 2) << 16;
}

static inline uint64_t format_get64(const unsigned char *p) {
  return (uint64_t)format_get32(p) | (uint64_t)format_get32(p + 4) << 32;
}

/* Reads a varint from [p, end). Returns what follows, or NULL when it is cut
** off or too large. */
static inline const unsigned char *format_get_varint(const unsigned char *p,
                                                     const unsigned char *end, uint64_t *v) {
  uint64_t result = 0;
  unsigned shift;
  for (shift = 0; shift < 64 && p < end; shift += 7) {
    uint64_t byte = *p++;
    if (shift == 63 && byte > 1) return NULL;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      *v = result;
      return p;
    }
  }
  return NULL;
}

#endif
