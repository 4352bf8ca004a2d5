/* Sessions: handshake and frames. */
#include "sodium/session.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define MAGIC "concur\0\1"
#define MAGIC_SIZE 8
#define NONCE 32
#define POINT crypto_core_ristretto255_BYTES
#define SCALAR crypto_core_ristretto255_SCALARBYTES
#define TAG crypto_aead_chacha20poly1305_ietf_ABYTES
#define LEAST 1024      /* bytes of room for what comes */
#define KEPT (64 << 10) /* room that is kept when nothing is in it */

typedef enum stage {
  STAGE_FRESH,
  STAGE_GREETED, /* the nonces (client: its own) are known */
  STAGE_PROVED,  /* client: it waits for the verdict */
  STAGE_OPEN,
  STAGE_OVER
} stage;

struct cc_session {
  crypto_generichash_state password; /* of what comes before the nonces; until they are known */
  stage stage;
  bool server;
  size_t most; /* bytes of a plaintext */
  struct {     /* what both have seen, in this order; no padding: bytes only */
    uint8_t client_magic[MAGIC_SIZE], client_nonce[NONCE];
    uint8_t server_magic[MAGIC_SIZE], server_nonce[NONCE];
    uint8_t server_share[POINT], client_share[POINT];
  } transcript;
  uint8_t generator[POINT];
  uint8_t secret[SCALAR];          /* server: between its answer and the proof */
  uint8_t server_mac[SESSION_MAC]; /* client: what the verdict must hold */
  uint8_t send_key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];
  uint8_t receive_key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];
  uint64_t sent, received; /* frames: the counters */
  uint8_t *buffer;         /* what has come: bytes from `at` to `size` of `room` */
  size_t at, size, room;
};

bool session_open(void) { return sodium_init() >= 0; }

/* {== little helpers */

static void put32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void hash_in(crypto_generichash_state *h, const void *bytes, size_t size) {
  crypto_generichash_update(h, bytes, size);
}

static bool over(cc_session *s) {
  s->stage = STAGE_OVER;
  sodium_memzero(s->secret, sizeof s->secret);
  sodium_memzero(s->send_key, sizeof s->send_key);
  sodium_memzero(s->receive_key, sizeof s->receive_key);
  sodium_memzero(&s->password, sizeof s->password);
  return false;
}

/* The step that has this stage before it, on this side. */
static bool due(const cc_session *s, bool server, stage before) {
  return s->server == server && s->stage == before;
}

/* ==} {== making and ending */

static cc_session *new(const void *key, size_t size, size_t max_message, bool server) {
  static const char label[] = "concur manager 1";
  uint8_t length[4];
  /* the hash state wants this alignment, of which the size is a multiple */
  cc_session *s = aligned_alloc(_Alignof(cc_session), sizeof *s);
  if (s == NULL) return NULL;
  memset(s, 0, sizeof *s);
  s->server = server;
  s->most = max_message + CC_MESSAGE_EXTRA;
  memcpy(s->transcript.client_magic, MAGIC, MAGIC_SIZE);
  memcpy(s->transcript.server_magic, MAGIC, MAGIC_SIZE);
  put32(length, (uint32_t)size);
  crypto_generichash_init(&s->password, NULL, 0, crypto_core_ristretto255_HASHBYTES);
  hash_in(&s->password, label, sizeof label - 1);
  hash_in(&s->password, length, sizeof length);
  hash_in(&s->password, key, size);
  return s;
}

cc_session *session_client(const void *key, size_t size, size_t max_message) {
  return new(key, size, max_message, false);
}

cc_session *session_server(const void *key, size_t size, size_t max_message) {
  return new(key, size, max_message, true);
}

void session_end(cc_session *s) {
  if (s == NULL) return;
  if (s->buffer != NULL) sodium_memzero(s->buffer, s->room);
  free(s->buffer);
  sodium_memzero(s, sizeof *s);
  free(s);
}

/* ==} {== the handshake */

/* Both nonces are known: the generator that only who knows the key can tell, and this side's
** share, a random multiple of it. */
static void make_share(cc_session *s, uint8_t *share) {
  uint8_t h[crypto_core_ristretto255_HASHBYTES];
  hash_in(&s->password, s->transcript.client_nonce, NONCE);
  hash_in(&s->password, s->transcript.server_nonce, NONCE);
  crypto_generichash_final(&s->password, h, sizeof h);
  crypto_core_ristretto255_from_hash(s->generator, h);
  /* fails for the scalar zero and the generator zero only */
  do crypto_core_ristretto255_scalar_random(s->secret);
  while (crypto_scalarmult_ristretto255(share, s->secret, s->generator) != 0);
  sodium_memzero(h, sizeof h);
  sodium_memzero(&s->password, sizeof s->password);
  sodium_memzero(s->generator, sizeof s->generator);
}

static void derive(uint8_t *to, const uint8_t master[64], const char *label) {
  crypto_generichash(to, 32, (const uint8_t *)label, strlen(label), master, 64);
}

/* The transcript is whole: keys and proofs from it and the other's share. */
static bool make_keys(cc_session *s, const uint8_t *share, uint8_t client_mac[SESSION_MAC],
                      uint8_t server_mac[SESSION_MAC]) {
  static const char label[] = "concur manager keys";
  uint8_t k[POINT], master[64], mac_key[32];
  crypto_generichash_state h;
  bool ok = crypto_scalarmult_ristretto255(k, s->secret, share) == 0;
  if (ok) {
    crypto_generichash_init(&h, NULL, 0, sizeof master);
    hash_in(&h, label, sizeof label - 1);
    hash_in(&h, k, sizeof k);
    hash_in(&h, &s->transcript, sizeof s->transcript);
    crypto_generichash_final(&h, master, sizeof master);
    derive(s->server ? s->receive_key : s->send_key, master, "c2s");
    derive(s->server ? s->send_key : s->receive_key, master, "s2c");
    derive(mac_key, master, "mc");
    crypto_generichash(client_mac, SESSION_MAC, (const uint8_t *)&s->transcript,
                       sizeof s->transcript, mac_key, sizeof mac_key);
    derive(mac_key, master, "ms");
    crypto_generichash(server_mac, SESSION_MAC, (const uint8_t *)&s->transcript,
                       sizeof s->transcript, mac_key, sizeof mac_key);
    sodium_memzero(&h, sizeof h);
  }
  sodium_memzero(k, sizeof k);
  sodium_memzero(master, sizeof master);
  sodium_memzero(mac_key, sizeof mac_key);
  sodium_memzero(s->secret, sizeof s->secret);
  return ok;
}

bool session_hello(cc_session *s, uint8_t to[CC_HELLO]) {
  if (!due(s, false, STAGE_FRESH)) return over(s);
  randombytes_buf(s->transcript.client_nonce, NONCE);
  memcpy(to, MAGIC, MAGIC_SIZE);
  memcpy(to + MAGIC_SIZE, s->transcript.client_nonce, NONCE);
  s->stage = STAGE_GREETED;
  return true;
}

bool session_greet(cc_session *s, const uint8_t from[CC_HELLO], uint8_t to[CC_ANSWER]) {
  if (!due(s, true, STAGE_FRESH) || memcmp(from, MAGIC, MAGIC_SIZE) != 0) return over(s);
  memcpy(s->transcript.client_nonce, from + MAGIC_SIZE, NONCE);
  randombytes_buf(s->transcript.server_nonce, NONCE);
  make_share(s, s->transcript.server_share);
  memcpy(to, MAGIC, MAGIC_SIZE);
  memcpy(to + MAGIC_SIZE, s->transcript.server_nonce, NONCE);
  memcpy(to + MAGIC_SIZE + NONCE, s->transcript.server_share, POINT);
  s->stage = STAGE_GREETED;
  return true;
}

bool session_answer(cc_session *s, const uint8_t from[CC_ANSWER], uint8_t to[CC_PROOF]) {
  if (!due(s, false, STAGE_GREETED) || memcmp(from, MAGIC, MAGIC_SIZE) != 0) return over(s);
  memcpy(s->transcript.server_nonce, from + MAGIC_SIZE, NONCE);
  memcpy(s->transcript.server_share, from + MAGIC_SIZE + NONCE, POINT);
  make_share(s, s->transcript.client_share);
  memcpy(to, s->transcript.client_share, POINT);
  if (!make_keys(s, s->transcript.server_share, to + POINT, s->server_mac)) return over(s);
  s->stage = STAGE_PROVED;
  return true;
}

bool session_prove(cc_session *s, const uint8_t from[CC_PROOF], uint8_t to[SESSION_MAC]) {
  uint8_t expected[SESSION_MAC];
  if (!due(s, true, STAGE_GREETED)) return over(s);
  memcpy(s->transcript.client_share, from, POINT);
  if (!make_keys(s, s->transcript.client_share, expected, to)) return over(s);
  bool right = sodium_memcmp(expected, from + POINT, SESSION_MAC) == 0;
  sodium_memzero(expected, sizeof expected);
  if (!right) {
    sodium_memzero(to, SESSION_MAC); /* a proof for a guess must not get out */
    return over(s);
  }
  s->stage = STAGE_OPEN;
  return true;
}

bool session_confirm(cc_session *s, const uint8_t from[CC_VERDICT]) {
  if (!due(s, false, STAGE_PROVED) || from[0] != 1) return over(s);
  if (sodium_memcmp(s->server_mac, from + 1, SESSION_MAC) != 0) return over(s);
  sodium_memzero(s->server_mac, SESSION_MAC);
  s->stage = STAGE_OPEN;
  return true;
}

/* ==} {== frames */

static void nonce_of(uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], uint64_t counter) {
  memset(nonce, 0, 4);
  put32(nonce + 4, (uint32_t)counter);
  put32(nonce + 8, (uint32_t)(counter >> 32));
}

bool session_fits(const cc_session *s, size_t size) { return size >= 1 && size <= s->most; }

bool session_seal(cc_session *s, uint8_t *frame, size_t size) {
  uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
  if (s->stage != STAGE_OPEN || !session_fits(s, size)) return false;
  put32(frame, (uint32_t)(size + TAG));
  nonce_of(nonce, s->sent++);
  crypto_aead_chacha20poly1305_ietf_encrypt(frame + 4, NULL, frame + 4, size, frame, 4, NULL, nonce,
                                            s->send_key);
  return true;
}

bool session_unseal(cc_session *s, uint8_t *bytes, size_t n) {
  uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], word[4];
  if (s->stage != STAGE_OPEN) return false;
  if (n <= TAG || n - TAG > s->most) return over(s);
  put32(word, (uint32_t)n);
  nonce_of(nonce, s->received++);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(bytes, NULL, NULL, bytes, n, word, sizeof word, nonce,
                                                s->receive_key) != 0)
    return over(s);
  return true;
}

/* ==} {== what comes */

static bool resize(cc_session *s, size_t room) {
  uint8_t *new = realloc(s->buffer, room);
  if (new == NULL) return false;
  s->buffer = new;
  s->room = room;
  return true;
}

uint8_t *session_room(cc_session *s, size_t *room) {
  size_t held = s->size - s->at;
  if (s->at > 0) { /* the frames before have been read */
    memmove(s->buffer, s->buffer + s->at, held);
    s->at = 0;
    s->size = held;
  }
  if (held == 0 && s->room > KEPT) resize(s, KEPT);
  if (s->room - s->size < LEAST && !resize(s, s->room < LEAST ? (size_t)4 * LEAST : 2 * s->room)) return NULL;
  *room = s->room - s->size;
  return s->buffer + s->size;
}

void session_came(cc_session *s, size_t size) { s->size += size; }

int session_next(cc_session *s, const uint8_t **plaintext, size_t *size) {
  size_t held = s->size - s->at;
  if (s->stage != STAGE_OPEN) return -1;
  if (held < 4) return 0;
  size_t n = get32(s->buffer + s->at);
  if (n <= TAG || n - TAG > s->most) return over(s), -1;
  if (held - 4 < n) return 0;
  uint8_t *bytes = s->buffer + s->at + 4;
  if (!session_unseal(s, bytes, n)) return -1;
  s->at += 4 + n;
  *plaintext = bytes;
  *size = n - TAG;
  return 1;
}

/* ==} */

const cc_cipher session_cipher = {.version = CC_CIPHER_VERSION,
                                  .client = session_client,
                                  .hello = session_hello,
                                  .answer = session_answer,
                                  .confirm = session_confirm,
                                  .fits = session_fits,
                                  .seal = session_seal,
                                  .room = session_room,
                                  .came = session_came,
                                  .next = session_next,
                                  .end = session_end};
