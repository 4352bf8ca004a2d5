/* Messages without a Lua state. */
#include "codec/bare.h"

#include <limits.h>

#include "codec/encode.h"
#include "codec/item.h"
#include "codec/scalar.h"

/* {== looking */

static bool a_string(bare_value *v, const unsigned char *p, const unsigned char *end, uint64_t size) {
  if (size > (uint64_t)(end - p)) return false;
  v->kind = BARE_STRING;
  v->u.string.bytes = (const char *)p;
  v->u.string.size = (size_t)size;
  return true;
}

static bool an_integer(bare_value *v, int64_t n) {
  v->kind = BARE_INTEGER;
  v->u.integer = n;
  return true;
}

static bool a_number(bare_value *v, const unsigned char *p) {
  uint64_t bits = format_get64(p);
  v->kind = BARE_NUMBER;
  memcpy(&v->u.number, &bits, sizeof bits);
  return true;
}

static bool a_boolean(bare_value *v, bool b) {
  v->kind = BARE_BOOLEAN;
  v->u.boolean = b;
  return true;
}

/* Bytes that a tag needs behind it, at least. */
static size_t width(unsigned tag) {
  switch (tag) {
    case TAG_INT8:
    case TAG_STRING8:
    case TAG_HANDLE: return 1;
    case TAG_INT16: return 2;
    case TAG_INT32:
    case TAG_STRING32: return 4;
    case TAG_INT64:
    case TAG_FLOAT:
    case TAG_STRING64: return 8;
    default: return 0;
  }
}

static bool an_object(bare_value *v, const unsigned char *p, const unsigned char *end,
                      cc_object *const *objects, uint32_t nobjects) {
  uint64_t index = 0;
  if (format_get_varint(p, end, &index) == NULL || index >= nobjects) return false;
  v->kind = BARE_OBJECT;
  v->u.object = objects[index];
  return true;
}

void bare_first(const unsigned char *bytes, size_t size, cc_object *const *objects, uint32_t nobjects,
                bare_value *v) {
  const unsigned char *end = bytes + size, *p = NULL;
  uint64_t n = 0;
  v->kind = BARE_OTHER;
  if (size > 2 && bytes[0] == FORMAT_MAGIC) p = format_get_varint(bytes + 2, end, &n);
  if (p == NULL) return;
  if (n == 0) v->kind = BARE_NIL;
  if (n == 0 || p == end) return;
  unsigned tag = *p++;
  if ((size_t)(end - p) < width(tag)) return;
  switch (tag) {
    case TAG_NIL: v->kind = BARE_NIL; return;
    case TAG_FALSE:
    case TAG_TRUE: a_boolean(v, tag == TAG_TRUE); return;
    case TAG_INT8: an_integer(v, (int8_t)*p); return;
    case TAG_INT16: an_integer(v, (int16_t)format_get16(p)); return;
    case TAG_INT32: an_integer(v, (int32_t)format_get32(p)); return;
    case TAG_INT64: an_integer(v, (int64_t)format_get64(p)); return;
    case TAG_FLOAT: a_number(v, p); return;
    case TAG_STRING8: a_string(v, p + 1, end, *p); return;
    case TAG_STRING32: a_string(v, p + 4, end, format_get32(p)); return;
    case TAG_STRING64: a_string(v, p + 8, end, format_get64(p)); return;
    case TAG_HANDLE: an_object(v, p, end, objects, nobjects); return;
    default:
      if (tag < TAG_STRING)
        an_integer(v, (int64_t)tag - TAG_INT);
      else if (tag < TAG_NIL)
        a_string(v, p, end, tag - TAG_STRING);
  }
}

bool bare_alone(const unsigned char *bytes, size_t size) {
  uint64_t n = 0;
  return size > 2 && format_get_varint(bytes + 2, bytes + size, &n) != NULL && n == 1;
}

/* ==} {== making */

codec_writer *bare_begin(void) {
  codec_writer *w = writer_take(CODEC_FAMILY);
  if (w == NULL) return NULL;
  if (!writer_room(w, VALUE_ROOM)) {
    codec_cancel(w);
    return NULL;
  }
  w->at[0] = FORMAT_MAGIC;
  w->at[1] = 0; /* no value refers to another */
  w->at[2] = 1;
  w->at += 3;
  return w;
}

bool bare_array(codec_writer *w, size_t n) {
  if (!writer_room(w, VALUE_ROOM)) return false;
  *w->at++ = TAG_TABLE;
  w->at = format_put_varint(w->at, n);
  *w->at++ = 0;
  return true;
}

bool bare_table(codec_writer *w, size_t n) {
  if (n == 0) return bare_array(w, 0);
  if (!writer_room(w, VALUE_ROOM)) return false;
  *w->at++ = TAG_TABLE;
  *w->at++ = 0;
  *w->at++ = (unsigned char)encode_hint(n);
  return true;
}

bool bare_put(codec_writer *w, const bare_value *v) {
  uint64_t bits;
  uint32_t index;
  if (v->kind == BARE_STRING) return scalar_long_string(w, v->u.string.bytes, v->u.string.size);
  if (v->kind == BARE_OBJECT) return writer_object(w, v->u.object, &index) && encode_tagged(w, TAG_HANDLE, index);
  if (!writer_room(w, VALUE_ROOM)) return false;
  switch (v->kind) {
    case BARE_NIL: *w->at++ = TAG_NIL; return true;
    case BARE_BOOLEAN: *w->at++ = v->u.boolean ? TAG_TRUE : TAG_FALSE; return true;
    case BARE_INTEGER: scalar_integer(w, v->u.integer); return true;
    case BARE_NUMBER:
      memcpy(&bits, &v->u.number, sizeof bits);
      *w->at = TAG_FLOAT;
      w->at = format_put64(w->at + 1, bits);
      return true;
    default: return false;
  }
}

bool bare_end(codec_writer *w, bool table, cc_item *item) {
  if (table && !encode_tag(w, TAG_END)) {
    codec_cancel(w);
    return false;
  }
  return codec_finish_item(w, item);
}

/* ==} */
