/* Facts about processes, and randomness. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

#include "os/os.h"

void cc_process_sanitize(void) {
#if defined(CC_SANITIZE)
  unsetenv("LD_PRELOAD"); /* shells do not survive it */
#endif
}

void cc_process_at_fork(void (*fn)(void)) { pthread_atfork(NULL, NULL, fn); }

int64_t cc_process_id(void) { return (int64_t)getpid(); }

bool cc_process_alive(int64_t pid) { return kill((pid_t)pid, 0) == 0 || errno == EPERM; }

void cc_random(void *buffer, size_t size) {
  char *at = buffer;
#if defined(__linux__)
  while (size > 0) {
    ssize_t n = getrandom(at, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    at += n;
    size -= (size_t)n;
  }
#endif
  /* no source of randomness: the clock is all there is */
  for (uint64_t x = (uint64_t)cc_clock() | 1; size > 0; size--) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *at++ = (char)x;
  }
}

const char *cc_error_text(int error) {
#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 32)
  const char *text = strerrordesc_np(error);
  return text != NULL ? text : "unknown error";
#else
  return strerror(error);
#endif
#else
  return strerror(error);
#endif
}
