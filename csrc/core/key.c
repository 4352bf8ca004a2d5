/*
** A number becomes the float next to it and what is missing to it: floats as
** whole numbers whose order is theirs, and at most 2^10 more or less for an
** integer beyond 2^53. So integers and floats have one exact order.
*/
#include "core/key.h"

#define SIGN (UINT64_C(1) << 63)

static void write_number(unsigned char *to, double d, int64_t rest) {
  uint64_t bits;
  int16_t missing = (int16_t)rest;
  if (d == 0) d = 0; /* -0.0 is 0.0 */
  memcpy(&bits, &d, sizeof bits);
  bits = bits & SIGN ? ~bits : bits | SIGN;
  to[0] = CC_KEY_NUMBER;
  memcpy(to + 1, &bits, sizeof bits);
  memcpy(to + 1 + sizeof bits, &missing, sizeof missing);
}

void cc_key_integer(unsigned char to[CC_KEY_NUMBER_SIZE], int64_t n) {
  double d = (double)n;
  uint64_t whole = d < 0 ? (uint64_t)(int64_t)d : (uint64_t)d; /* 2^63 is in reach */
  write_number(to, d, (int64_t)((uint64_t)n - whole));
}

void cc_key_float(unsigned char to[CC_KEY_NUMBER_SIZE], double n) { write_number(to, n, 0); }

static int compare_numbers(const unsigned char *a, const unsigned char *b) {
  uint64_t x, y;
  int16_t i, j;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  if (x != y) return x < y ? -1 : 1;
  memcpy(&i, a + sizeof x, sizeof i);
  memcpy(&j, b + sizeof y, sizeof j);
  return (i > j) - (i < j);
}

/* Sets *length to that of both contents when they are equal. */
static int compare_strings(const unsigned char *a, const unsigned char *b, size_t *length) {
  uint32_t m, n;
  memcpy(&m, a, sizeof m);
  memcpy(&n, b, sizeof n);
  int order = memcmp(a + sizeof m, b + sizeof n, m < n ? m : n);
  *length = sizeof m + m;
  return order != 0 ? order : (m > n) - (m < n);
}

int cc_key_compare(const unsigned char *a, const unsigned char *b, bool *ordered) {
  for (size_t depth = 0;;) {
    unsigned char tag = *a++, other = *b++;
    size_t length = 0;
    int order = 0;
    if (tag == CC_KEY_OTHER || other == CC_KEY_OTHER || tag != other) {
      *ordered = *ordered && tag != other && (tag == CC_KEY_STOP || other == CC_KEY_STOP);
      return (tag > other) - (tag < other);
    }
    switch (tag) {
      case CC_KEY_STOP: depth--; break;
      case CC_KEY_ARRAY: depth++; break;
      case CC_KEY_NUMBER:
        order = compare_numbers(a, b);
        length = CC_KEY_NUMBER_SIZE - 1;
        break;
      default: order = compare_strings(a, b, &length);
    }
    if (order != 0) return order;
    if (depth == 0) return 0;
    a += length;
    b += length;
  }
}
