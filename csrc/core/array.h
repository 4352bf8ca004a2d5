/*
** Array: numbers of one type in shared memory, side by side. Elements are read and
** written as C does, in one piece; a view is an array on a part of another's memory,
** which it keeps alive.
*/
#ifndef CC_ARRAY_H
#define CC_ARRAY_H

#include "core/kind.h"
#include "core/object.h"

typedef enum cc_element {
  CC_I8,
  CC_U8,
  CC_I16,
  CC_U16,
  CC_I32,
  CC_U32,
  CC_I64,
  CC_F32,
  CC_F64,
  CC_ELEMENTS
} cc_element;

typedef struct cc_array {
  cc_object object;
  uint32_t type;          /* all constant */
  uint32_t width;         /* bytes of an element */
  size_t n;
  unsigned char *bytes;   /* of the first element */
  struct cc_array *owner; /* of a view: whose memory it is, a parcel's reference; NULL: its own */
  uint32_t held;          /* 1: that reference */
} cc_array;

uint32_t cc_element_width(cc_element type);

/* n elements, all 0. NULL when shared memory is used up. */
extern const cc_ops cc_array_ops;

cc_array *cc_array_new(cc_element type, size_t n);

/* A view of n elements of a from position i (from 0), which are there. */
cc_array *cc_array_view(cc_array *a, size_t i, size_t n);

#endif
