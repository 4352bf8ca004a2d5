/*
** Work: what stands in the line of a pool for its workers: a future (one call) or a job (a map).
** Each begins with a cc_work.
*/
#ifndef CC_WORK_H
#define CC_WORK_H

#include "core/kind.h"

struct cc_crew;
struct cc_member;

typedef struct cc_work {
  cc_object object;
  struct cc_crew *crew; /* NULL: nobody's, a bare future; constant */
  uint32_t held;        /* 1: crew is a parcel's reference */
  /* under the crew's guard: */
  uint32_t lined;       /* 1: a parcel's reference for the line */
  uint32_t queued;      /* it stands in line */
  uint32_t nested;      /* number of the worker whose task has brought it; 0: none */
  struct cc_work *next, *previous; /* in line */
} cc_work;

#endif
