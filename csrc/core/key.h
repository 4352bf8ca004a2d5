/*
** Key: what items of a priority queue are ordered by, as bytes, so that the order
** needs no Lua: numbers by value, strings by bytes, arrays element by element.
** A key is a row of elements, each a tag and its contents.
*/
#ifndef CC_KEY_H
#define CC_KEY_H

#include <string.h>

#include "os/os.h"

/* The order of the tags is that of a shorter array before a longer one. */
enum {
  CC_KEY_STOP,   /* ends an array, and the key */
  CC_KEY_NUMBER, /* 10 bytes */
  CC_KEY_STRING, /* 4 bytes of length, and the bytes */
  CC_KEY_ARRAY,  /* elements, STOP */
  CC_KEY_OTHER   /* something without an order; the key ends here */
};

#define CC_KEY_NUMBER_SIZE 11

/* Write a number with its tag; a float must not be NaN. */
void cc_key_integer(unsigned char to[CC_KEY_NUMBER_SIZE], int64_t n);
void cc_key_float(unsigned char to[CC_KEY_NUMBER_SIZE], double n);

/* Less than, equal to, greater than 0 as a comes before, with, after b. *ordered
** becomes false when they have no order; the result is then still the same for each
** pair of kinds. */
int cc_key_compare(const unsigned char *a, const unsigned char *b, bool *ordered);

#endif
