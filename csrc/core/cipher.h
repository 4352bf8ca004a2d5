/*
** Cipher: what the network side of concur needs of cryptography, as a table of functions. They
** are in a module of its own (csrc/sodium), which alone needs libsodium and hands the table over
** as a light userdata; so the core builds and runs without.
*/
#ifndef CC_CIPHER_H
#define CC_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CC_CIPHER_VERSION 1u

/* Bytes of the messages of the handshake. */
#define CC_HELLO 40   /* client: greeting and nonce */
#define CC_ANSWER 72  /* server: greeting, nonce, share */
#define CC_PROOF 64   /* client: share, proof of the key */
#define CC_VERDICT 33 /* server: 1, proof of the key; or one byte that is not 1 */

#define CC_FRAME_EXTRA 20   /* bytes that a frame has more than its plaintext */
#define CC_MESSAGE_EXTRA 1024 /* bytes that a plaintext may have more than max_message */

/* One side of one connection: keys, counters, what has come. Not for two threads at a time. */
typedef struct cc_session cc_session;

typedef struct cc_cipher {
  uint32_t version; /* CC_CIPHER_VERSION */

  /* The client's side; NULL for lack of memory. The key is not kept. */
  cc_session *(*client)(const void *key, size_t size, size_t max_message);

  /* The handshake. False: the other side is none of ours, or knows another key; over then. */
  bool (*hello)(cc_session *s, uint8_t to[CC_HELLO]);
  bool (*answer)(cc_session *s, const uint8_t from[CC_ANSWER], uint8_t to[CC_PROOF]);
  bool (*confirm)(cc_session *s, const uint8_t from[CC_VERDICT]);

  /* Whether a plaintext of that size is small enough to be sealed. */
  bool (*fits)(const cc_session *s, size_t size);

  /* Seals `size` bytes that stand at frame + 4: the frame has size + CC_FRAME_EXTRA bytes then. */
  bool (*seal)(cc_session *s, uint8_t *frame, size_t size);

  /* Where to put what comes, at least one byte and at most *room; NULL for lack of memory.
  ** Then how many bytes were put there. The room grows with what has come. */
  uint8_t *(*room)(cc_session *s, size_t *room);
  void (*came)(cc_session *s, size_t size);

  /* The next whole frame that has come: 1, and its plaintext, valid until the next call; 0 when
  ** there is none yet; -1: what came is no frame of the other side's, the connection is over. */
  int (*next)(cc_session *s, const uint8_t **plaintext, size_t *size);

  void (*end)(cc_session *s); /* wipes and frees it; s may be NULL */
} cc_cipher;

#endif
