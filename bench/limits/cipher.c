/* A round trip over TCP on this machine between two threads, small messages sealed and opened on
** both sides in both directions: what calls over the network can come to. Needs libsodium. */
#include "limits.h"

#if defined(WITH_SODIUM)

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE 32 /* bytes of a message */
#define SEALED (SIZE + crypto_aead_chacha20poly1305_ietf_ABYTES)

static long rounds;
static uint8_t key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];

static void make_nonce(uint8_t nonce[12], uint64_t counter, uint8_t direction) {
  memset(nonce, 0, 12);
  nonce[0] = direction;
  memcpy(nonce + 4, &counter, sizeof counter);
}

static void send_sealed(int fd, uint64_t counter, uint8_t direction, const uint8_t *message) {
  uint8_t frame[4 + SEALED] = {SEALED, 0, 0, 0}, nonce[12];
  make_nonce(nonce, counter, direction);
  crypto_aead_chacha20poly1305_ietf_encrypt(frame + 4, NULL, message, SIZE, frame, 4, NULL, nonce, key);
  if (send(fd, frame, sizeof frame, 0) != (ssize_t)sizeof frame) die("send");
}

static void receive_sealed(int fd, uint64_t counter, uint8_t direction, uint8_t *message) {
  uint8_t frame[4 + SEALED], nonce[12];
  if (recv(fd, frame, sizeof frame, MSG_WAITALL) != (ssize_t)sizeof frame) die("recv");
  make_nonce(nonce, counter, direction);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(message, NULL, NULL, frame + 4, SEALED, frame, 4, nonce,
                                                key) != 0)
    die("open");
}

static void *echo(void *arg) {
  uint8_t message[SIZE];
  int fd = *(int *)arg;
  for (long i = 0; i < rounds; i++) {
    receive_sealed(fd, (uint64_t)i, 0, message);
    send_sealed(fd, (uint64_t)i, 1, message);
  }
  return NULL;
}

/* Two connected ends over the loopback interface. */
static void connect_ends(int ends[2]) {
  struct sockaddr_in a;
  socklen_t size = sizeof a;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, (struct sockaddr *)&a, &size) != 0)
    die("listen");
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&a, sizeof a) != 0) die("connect");
  ends[1] = accept(listener, NULL, NULL);
  if (ends[1] < 0) die("accept");
  for (int i = 0; i < 2; i++) setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  close(listener);
}

static double tcp_echo_cipher(void) {
  uint8_t message[SIZE] = {0};
  int ends[2];
  pthread_t t;
  if (sodium_init() < 0) die("sodium_init");
  randombytes_buf(key, sizeof key);
  connect_ends(ends);
  rounds = times(2e4);
  thread_start(&t, echo, &ends[1]);
  double start = now();
  for (long i = 0; i < rounds; i++) {
    send_sealed(ends[0], (uint64_t)i, 0, message);
    receive_sealed(ends[0], (uint64_t)i, 1, message);
  }
  double took = now() - start;
  pthread_join(t, NULL);
  close(ends[0]);
  close(ends[1]);
  return took / (double)rounds * 1e6;
}

const limit cipher_limits[] = {{"tcp_echo_cipher", "us", tcp_echo_cipher}, {NULL, NULL, NULL}};

#else

const limit cipher_limits[] = {{NULL, NULL, NULL}};

#endif
