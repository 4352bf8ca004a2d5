/*
** Scalar: numbers and strings to bytes. Inline, because most values are of these
** kinds and the inner loops of the walk are over them.
*/
#ifndef CODEC_SCALAR_H
#define CODEC_SCALAR_H

#include "codec/writer.h"

enum { VALUE_ROOM = 32 }; /* bytes that any value needs before its contents */

/* Each of them needs VALUE_ROOM; the string functions see to it themselves. */

static inline void scalar_integer(codec_writer *w, lua_Integer v) {
  unsigned char *p = w->at;
  if (cc_likely((lua_Unsigned)v <= 0x7f)) {
    *p++ = (unsigned char)(TAG_INT + v);
  } else if (v >= INT8_MIN && v <= INT8_MAX) {
    *p++ = TAG_INT8;
    *p++ = (unsigned char)v;
  } else if (v >= INT16_MIN && v <= INT16_MAX) {
    *p++ = TAG_INT16;
    p = format_put16(p, (uint32_t)v);
  } else if (v >= INT32_MIN && v <= INT32_MAX) {
    *p++ = TAG_INT32;
    p = format_put32(p, (uint32_t)v);
  } else {
    *p++ = TAG_INT64;
    p = format_put64(p, (uint64_t)v);
  }
  w->at = p;
}

static inline void scalar_number(codec_writer *w, lua_State *L, int idx) {
  if (lua_isinteger(L, idx)) {
    scalar_integer(w, lua_tointegerx(L, idx, NULL));
  } else {
    double v = (double)lua_tonumberx(L, idx, NULL);
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    *w->at = TAG_FLOAT;
    w->at = format_put64(w->at + 1, bits);
  }
}

/* memcpy of 4 to 16 bytes, without the call. */
static inline void scalar_copy(unsigned char *to, const char *from, size_t n) {
  if (n >= 8) {
    memcpy(to, from, 8);
    memcpy(to + n - 8, from + n - 8, 8);
  } else {
    memcpy(to, from, 4);
    memcpy(to + n - 4, from + n - 4, 4);
  }
}

static inline bool scalar_long_string(codec_writer *w, const char *s, size_t n) {
  unsigned char *p;
  if (!writer_room(w, n + VALUE_ROOM)) return false;
  p = w->at;
  if (n < 64) {
    *p++ = (unsigned char)(TAG_STRING + n);
  } else if (n <= UINT8_MAX) {
    *p++ = TAG_STRING8;
    *p++ = (unsigned char)n;
  } else if (n <= UINT32_MAX) {
    *p++ = TAG_STRING32;
    p = format_put32(p, (uint32_t)n);
  } else {
    *p++ = TAG_STRING64;
    p = format_put64(p, n);
  }
  memcpy(p, s, n);
  w->at = p + n;
  return true;
}

static inline bool scalar_string(codec_writer *w, lua_State *L, int idx) {
  size_t n, i;
  const char *s = lua_tolstring(L, idx, &n);
  if (n > 16 || !writer_room(w, VALUE_ROOM)) return scalar_long_string(w, s, n);
  *w->at++ = (unsigned char)(TAG_STRING + n);
  if (n >= 4)
    scalar_copy(w->at, s, n);
  else
    for (i = 0; i < n; i++) w->at[i] = (unsigned char)s[i];
  w->at += n;
  return true;
}

#endif
