/*
** Signal: a descriptor that can be made readable and unreadable. Linux has the
** eventfd; elsewhere (or with CC_NO_EVENTFD) a pipe stands in.
*/
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/os.h"

#if defined(__linux__) && !defined(CC_NO_EVENTFD)

#include <sys/eventfd.h>

int cc_signal_open(cc_signal *s) {
  s->read = s->write = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return s->read < 0 ? errno : 0;
}

#else

static int prepare(int fd) {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return errno;
  return fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ? errno : 0;
}

int cc_signal_open(cc_signal *s) {
  int fd[2];
  if (pipe(fd) != 0) return errno;
  s->read = fd[0];
  s->write = fd[1];
  int error = prepare(fd[0]);
  if (error == 0) error = prepare(fd[1]);
  if (error != 0) cc_signal_close(s);
  return error;
}

#endif

int cc_signal_descriptor(const cc_signal *s) { return s->read; }

/* Eight bytes are what an eventfd wants, and no burden for a pipe. */
void cc_signal_raise(cc_signal *s) {
  uint64_t one = 1;
  int before = errno;
  while (write(s->write, &one, sizeof one) < 0 && errno == EINTR) continue;
  errno = before;
}

void cc_signal_lower(cc_signal *s) {
  uint64_t count;
  int before = errno;
  while (read(s->read, &count, sizeof count) < 0 && errno == EINTR) continue;
  errno = before;
}

void cc_signal_close(cc_signal *s) {
  if (s->write != s->read) close(s->write);
  close(s->read);
}
