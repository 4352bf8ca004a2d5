/*
** Starting other programs, without a shell: posix_spawn, which is safe in a process with
** threads. All descriptors made here are above 2, whatever the caller has closed, and
** are closed in programs that others start at the same time.
*/
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

extern char **environ;

#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define CLOSES_FROM 1
#endif
#if __GLIBC_PREREQ(2, 29)
#define CHANGES_DIRECTORY 1
#endif
#endif

/* {== descriptors */

/* Moves it above the standard ones. */
static int lift(int fd) {
  if (fd < 0 || fd > 2) return fd;
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  int error = errno;
  close(fd);
  errno = error;
  return moved;
}

int cc_pipe_open(int ends[2]) {
#if defined(__linux__)
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
#else
  if (pipe(ends) != 0) return errno;
  for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
#endif
  for (int i = 0; i < 2; i++) ends[i] = lift(ends[i]);
  if (ends[0] >= 0 && ends[1] >= 0) return 0;
  int error = errno;
  cc_descriptor_shut(&ends[0]);
  cc_descriptor_shut(&ends[1]);
  return error;
}

int cc_null_open(bool write, int *fd) {
  *fd = lift(open("/dev/null", (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
  return *fd < 0 ? errno : 0;
}

void cc_descriptor_shut(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

int cc_stream_lift(void *file) {
  int fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3);
  return fd < 0 ? -errno : fd;
}

void cc_descriptor_unblock(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

int64_t cc_descriptor_read(int fd, void *to, size_t size) {
  ssize_t n;
  do n = read(fd, to, size);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -(int64_t)errno : n;
}

/* A broken pipe raises SIGPIPE in the thread that writes: it is held back there, and taken. */
int64_t cc_descriptor_write(int fd, const void *from, size_t size) {
  sigset_t only, before, pending;
  ssize_t n;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  sigpending(&pending);
  bool was = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &only, &before);
  do n = write(fd, from, size);
  while (n < 0 && errno == EINTR);
  int error = n < 0 ? errno : 0;
  if (error == EPIPE && !was) {
    const struct timespec now = {0, 0};
    while (sigtimedwait(&only, NULL, &now) < 0 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return n < 0 ? -(int64_t)error : n;
}

bool cc_broken_pipes_hold(void) {
  sigset_t only, before;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &only, &before);
  return sigismember(&before, SIGPIPE) == 0;
}

void cc_broken_pipes_release(void) {
  const struct timespec now = {0, 0};
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, SIGPIPE);
  while (sigtimedwait(&only, NULL, &now) < 0 && errno == EINTR) continue;
  pthread_sigmask(SIG_UNBLOCK, &only, NULL);
}

int cc_descriptors_poll(cc_polled *list, size_t n, int64_t timeout) {
  struct pollfd fds[4];
  for (size_t i = 0; i < n; i++)
    fds[i] = (struct pollfd){.fd = list[i].fd, .events = list[i].writes ? POLLOUT : POLLIN};
  int result = poll(fds, (nfds_t)n, (int)((timeout + 999999) / 1000000));
  for (size_t i = 0; i < n; i++) list[i].ready = result > 0 && fds[i].revents != 0;
  return result < 0 ? errno : 0;
}

/* ==} {== the program */

static int check_directory(const char *path) {
  struct stat s;
  if (stat(path, &s) != 0) return errno;
  if (!S_ISDIR(s.st_mode)) return ENOTDIR;
  return access(path, X_OK) == 0 ? 0 : errno;
}

static int set_actions(posix_spawn_file_actions_t *a, const cc_program *p) {
  int error = 0;
  for (int i = 0; i < 3 && error == 0; i++)
    if (p->fds[i] >= 0) error = posix_spawn_file_actions_adddup2(a, p->fds[i], i);
#if defined(CLOSES_FROM)
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(a, 3);
#endif
#if defined(CHANGES_DIRECTORY)
  if (error == 0 && p->directory != NULL) error = posix_spawn_file_actions_addchdir_np(a, p->directory);
#else
  if (error == 0 && p->directory != NULL) error = ENOSYS;
#endif
  return error;
}

/* A group of its own, no signal blocked, and none ignored that would usually end it. */
static int set_attributes(posix_spawnattr_t *a) {
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  sigaddset(&usual, SIGINT);
  sigaddset(&usual, SIGURG);
  int error = posix_spawnattr_setflags(
      a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (error == 0) error = posix_spawnattr_setpgroup(a, 0);
  if (error == 0) error = posix_spawnattr_setsigmask(a, &none);
  if (error == 0) error = posix_spawnattr_setsigdefault(a, &usual);
  return error;
}

int cc_program_start(const cc_program *p, int64_t *pid, bool *directory) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  pid_t child = 0;
  *directory = p->directory != NULL;
  int error = *directory ? check_directory(p->directory) : 0;
  if (error != 0) return error;
  *directory = false;
  error = posix_spawn_file_actions_init(&actions);
  if (error != 0) return error;
  error = posix_spawnattr_init(&attributes);
  if (error == 0) {
    error = set_actions(&actions, p);
    if (error == 0) error = set_attributes(&attributes);
    if (error == 0)
      error = posix_spawnp(&child, p->arguments[0], &actions, &attributes, p->arguments,
                           p->environment != NULL ? p->environment : environ);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  *pid = child;
  return error;
}

bool cc_program_ended(int64_t pid, int *code) {
  int status;
  pid_t result;
  do result = waitpid((pid_t)pid, &status, WNOHANG);
  while (result < 0 && errno == EINTR);
  if (result == 0) return false;
  if (result < 0)
    *code = CC_CHILD_UNKNOWN;
  else
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

void cc_program_signal(int64_t pid, int sig) {
  if (kill(-(pid_t)pid, sig) != 0) kill((pid_t)pid, sig);
}

/* ==} */
