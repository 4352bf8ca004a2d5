/*
** Session: one side of one connection between a manager's client and its server: the handshake
** by which both prove that they know the same key without telling it, and the sealed frames that
** follow. Pure computation: no socket and no Lua.
**
** The handshake is CPace (M. Abdalla, B. Haase, J. Hesse, "CPace, a balanced composable PAKE")
** over ristretto255: whoever guesses a key learns from one connection about one guess. Frames
** are sealed with ChaCha20-Poly1305, the nonce being a counter per direction that is never
** sent: what is changed, repeated, left out or put in another order does not open.
*/
#ifndef SESSION_H
#define SESSION_H

#include "core/cipher.h"

#define SESSION_LARGEST ((size_t)1 << 31) /* of max_message */
#define SESSION_MAC 32                    /* bytes of a proof */

/* Once, before all others; false when the library cannot work here. */
bool session_open(void);

/* NULL for lack of memory. The key is not kept. max_message is at most SESSION_LARGEST. */
cc_session *session_client(const void *key, size_t size, size_t max_message);
cc_session *session_server(const void *key, size_t size, size_t max_message);

/* Wipes and frees it; s may be NULL. */
void session_end(cc_session *s);

/* {== the handshake: each once and in this order, else false; false also when the other side's
**     message is none that it should have sent. The session is over then. */

bool session_hello(cc_session *s, uint8_t to[CC_HELLO]);                         /* client */
bool session_greet(cc_session *s, const uint8_t from[CC_HELLO], uint8_t to[CC_ANSWER]);
bool session_answer(cc_session *s, const uint8_t from[CC_ANSWER], uint8_t to[CC_PROOF]);
bool session_prove(cc_session *s, const uint8_t from[CC_PROOF], uint8_t to[SESSION_MAC]);
bool session_confirm(cc_session *s, const uint8_t from[CC_VERDICT]);             /* client */

/* ==} {== frames, after the handshake */

bool session_fits(const cc_session *s, size_t size);
bool session_seal(cc_session *s, uint8_t *frame, size_t size);

/* Opens in place the n bytes that follow a length word: a plaintext of n - 16 bytes. */
bool session_unseal(cc_session *s, uint8_t *bytes, size_t n);

uint8_t *session_room(cc_session *s, size_t *room);
void session_came(cc_session *s, size_t size);
int session_next(cc_session *s, const uint8_t **plaintext, size_t *size);

/* ==} */

extern const cc_cipher session_cipher;

#endif
