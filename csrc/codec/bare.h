/*
** Bare: messages made and looked into without a Lua state, for the C code of hosts: one value, or a
** table of scalars, strings and objects.
*/
#ifndef CODEC_BARE_H
#define CODEC_BARE_H

#include "codec/codec.h"
#include "core/item.h"

typedef enum bare_kind {
  BARE_NIL,
  BARE_BOOLEAN,
  BARE_INTEGER,
  BARE_NUMBER,
  BARE_STRING,
  BARE_OBJECT,
  BARE_OTHER /* of no simple kind; when writing: not allowed */
} bare_kind;

typedef struct bare_value {
  bare_kind kind;
  union {
    bool boolean;
    int64_t integer;
    double number;
    struct {
      const char *bytes;
      size_t size;
    } string;
    cc_object *object;
  } u;
} bare_value;

/* The first value of a message that the family made; nil for a message of none. Bytes and objects
** are those of the message. */
void bare_first(const unsigned char *bytes, size_t size, cc_object *const *objects, uint32_t nobjects,
                bare_value *v);

/* Whether it is a message of one value. */
bool bare_alone(const unsigned char *bytes, size_t size);

/* Begin a message of one value: that one; an array of n values, a table of n pairs. What follows are
** values, for a table each behind its key, until bare_end. NULL: no memory. */
codec_writer *bare_begin(void);
bool bare_array(codec_writer *w, size_t n);
bool bare_table(codec_writer *w, size_t n);

/* False: no memory, or not to be written. */
bool bare_put(codec_writer *w, const bare_value *v);

/* Ends the message, which becomes an item; a parcel is in the caller's hand. False: no shared memory. */
bool bare_end(codec_writer *w, bool table, cc_item *item);

#endif
