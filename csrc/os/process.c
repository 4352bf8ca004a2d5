/* Facts about processes, and randomness. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
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

bool cc_process_running(int64_t pid) {
#if defined(__linux__)
  char path[48], text[512];
  snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cc_process_alive(pid) && errno != ENOENT;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return false;
  text[n] = '\0';
  const char *end = strrchr(text, ')'); /* of the name, which may hold anything */
  return end == NULL || (end[1] == ' ' && end[2] != 'Z' && end[2] != 'X');
#else
  return cc_process_alive(pid);
#endif
}

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

bool cc_stderr_is_terminal(void) { return isatty(STDERR_FILENO) == 1; }

bool cc_library_keep(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
  if (library == NULL) return false;
  dlclose(library); /* the flag stays */
  return true;
}
