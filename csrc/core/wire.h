/*
** Wire: the socket of a connection to a manager's server, in memory private to the process: the
** handshake, frames out and in. Who calls what when is link.c's business.
*/
#ifndef CC_WIRE_H
#define CC_WIRE_H

#include "core/cipher.h"
#include "core/park.h"

typedef enum cc_stage {
  CC_STAGE_CONNECT, /* to the address `tried` */
  CC_STAGE_HELLO,
  CC_STAGE_ANSWER,
  CC_STAGE_VERDICT,
  CC_STAGE_PROOF,
  CC_STAGE_OPEN
} cc_stage;

/* Types of frames; see doc/manager.md for what follows them. */
enum {
  CC_FRAME_PING,
  CC_FRAME_CALL,
  CC_FRAME_WITHDRAW,
  CC_FRAME_RELEASE,
  CC_FRAME_THREAD_ENDED,
  CC_FRAME_RESULT = 1 /* from the server */
};

typedef struct cc_wire {
  const cc_cipher *cipher; /* constant */
  cc_session *session;
  int fd;
  cc_stage stage;
  bool lost;
  int64_t heartbeat;      /* ns; constant */
  int64_t sent, received; /* when something last was */

  uint8_t *out; /* frames that the socket has not taken: from out_at to out_size of out_room */
  size_t out_at, out_size, out_room;

  cc_addresses addresses; /* until it is open */
  size_t tried;
  uint8_t part[CC_ANSWER]; /* of the handshake: what came, or what is to be sent */
  size_t part_at;
} cc_wire;

/* False for lack of memory; cc_wire_close is due in any case. The addresses are the caller's to set. */
bool cc_wire_open(cc_wire *w, const cc_cipher *cipher, const void *key, size_t size,
                  size_t max_message, int64_t heartbeat);
void cc_wire_close(cc_wire *w); /* wipes the keys; twice is fine */

/* Connects and shakes hands: CC_OK, CC_CLOSED and *why (static storage), or what cc_wait_ready
** gives; may be called again then. Blocks. */
cc_outcome cc_wire_dial(cc_self *me, cc_wire *w, int64_t deadline, const char **why);

/* {== once it is open: none of these blocks; *lost* is set when the connection is over */

/* Sends the two parts as one frame, or puts it behind what waits to be sent. False for lack of memory. */
bool cc_wire_put(cc_wire *w, const void *head, size_t nhead, const void *body, size_t nbody);

/* Sends what waits. */
void cc_wire_flush(cc_wire *w);

static inline bool cc_wire_waits(const cc_wire *w) { return w->out_at < w->out_size; }

/* Takes in what has come and calls f for each frame; f returns false for one that cannot be. */
void cc_wire_drain(cc_wire *w, bool (*f)(void *arg, const uint8_t *frame, size_t size), void *arg);

/* ==} */

static inline void cc_put32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static inline void cc_put64(uint8_t *p, uint64_t v) {
  for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t cc_get64(const uint8_t *p) {
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

#endif
