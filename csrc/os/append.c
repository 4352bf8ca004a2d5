/* Writing to files that others write to as well: what is written in one call of the system stays together. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"

/* A full pipe that does not block, such as event loops make of a standard stream, is waited for. */
static void wait_for_room(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  poll(&p, 1, -1);
}

static bool is_full(int64_t error) { return error == EAGAIN || error == EWOULDBLOCK; }

static int64_t write_plain(int fd, const void *from, size_t size) {
  ssize_t n;
  do n = write(fd, from, size);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -(int64_t)errno : n;
}

static bool is_file(int fd) {
  struct stat s;
  return fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
}

/* One write, unless the system takes a part of it only. Quiet: it raises no signal. */
static int write_all(int fd, const char *at, size_t size, bool quiet) {
  bool plain = !quiet || is_file(fd); /* which needs no look at signals */
  while (size > 0) {
    int64_t n = plain ? write_plain(fd, at, size) : cc_descriptor_write(fd, at, size);
    if (n < 0 && !is_full(-n)) return (int)-n;
    if (n < 0) wait_for_room(fd);
    if (n <= 0) continue;
    at += n;
    size -= (size_t)n;
  }
  return 0;
}

int cc_standard_write(int fd, const void *from, size_t size, bool quiet) { return write_all(fd, from, size, quiet); }

/* A named pipe that nobody reads would block who opens it. */
int cc_file_append(const char *path, const void *from, size_t size) {
  int fd;
  do fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return errno;
  int error = write_all(fd, from, size, true);
  if (close(fd) != 0 && error == 0 && errno != EINTR) error = errno;
  return error;
}

bool cc_directory(char *to, size_t size) { return getcwd(to, size) != NULL; }
