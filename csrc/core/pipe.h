/*
** Pipe: two connections, joined by a queue in each direction (or in one). A
** connection ends when nobody can use it any more: its last reference has gone,
** or every process that has one has closed it and no message carries it. Then the
** other end learns that nothing more will come, and that nobody will receive.
*/
#ifndef CC_PIPE_H
#define CC_PIPE_H

#include "core/kind.h"
#include "core/queue.h"

typedef struct cc_connection {
  cc_object object;
  cc_queue *in, *out; /* NULL: it only sends, only receives; a parcel's reference each; constant */
  uint32_t held;      /* how many of both are retained */
  bool ended;         /* under the reference guard */
  _Atomic uint32_t ender; /* ended: entry of the process that tells the others, + 1; 0: they are told */
  struct cc_connection *next_ended; /* in a thread's line of those that it ends */
  _Atomic uint64_t closed[CC_PROCESS_LIMIT / 64]; /* a bit per process that has closed it */
} cc_connection;

extern const cc_ops cc_connection_ops;

/* The two ends of a new pipe, a reference each; one way: the first receives, the second sends.
** capacity: of each way, 0: unbounded. False when shared memory is used up. */
bool cc_pipe_new(bool duplex, uint64_t capacity, cc_connection *ends[2]);

/* Closes the end for this process. May be repeated. */
void cc_connection_close(cc_connection *c);
bool cc_connection_closed(const cc_connection *c);

#endif
