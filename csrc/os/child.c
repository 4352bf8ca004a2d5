/*
** Child processes: forking them, what a child must set right before it goes on in
** the memory of its parent, and hearing of their ends.
*/
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
#if defined(__GLIBC__)
#include <stdio_ext.h>
#endif

#include "os/os.h"

#if defined(__GLIBC__)
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own */
extern FILE *_IO_list_all; /* all streams of the process, chained */
#endif

static sigset_t main_mask;
static bool main_mask_known;

void cc_child_note_signals(void) {
  main_mask_known = pthread_sigmask(SIG_SETMASK, NULL, &main_mask) == 0;
}

int64_t cc_child_fork(void) {
  pid_t pid = fork();
  return pid < 0 ? -(int64_t)errno : pid;
}

/* {== in the child */

/* What the parent's streams have in their buffers is the parent's to write. Other threads
** of the parent may have been at work on them: nobody else is here now, and the
** library has made their locks anew. */
static void forget_streams(void) {
#if defined(__GLIBC__)
  for (FILE *f = _IO_list_all; f != NULL; f = f->_chain) __fpurge(f);
#elif defined(__APPLE__) || defined(__FreeBSD__)
  fpurge(stdin), fpurge(stdout), fpurge(stderr);
#endif
}

static bool is_fault(int sig) {
  return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sig == SIGABRT ||
         sig == SIGTRAP;
}

/* Handlers of the parent would act on what is not here. */
static void forget_handlers(void) {
  struct sigaction a;
  for (int sig = 1; sig < 32; sig++) { /* each costs a system call: those of POSIX */
    if (is_fault(sig) || sigaction(sig, NULL, &a) != 0) continue;
    bool handled = (a.sa_flags & SA_SIGINFO) != 0 || (a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN);
    if (handled) (void)signal(sig, SIG_DFL); /* which exists and can be handled, so that succeeds */
  }
}

static void handle(int sig, void (*fn)(int), int flags) {
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_handler = fn;
  a.sa_flags = flags;
  sigemptyset(&a.sa_mask);
  sigaction(sig, &a, NULL);
}

void cc_child_settle(void (*on_interrupt)(int), void (*on_nudge)(int)) {
  struct sigaction a;
  bool ignored = sigaction(SIGINT, NULL, &a) == 0 && a.sa_handler == SIG_IGN;
  forget_streams();
  forget_handlers();
  if (!ignored) handle(SIGINT, on_interrupt, 0);
  handle(SIGURG, on_nudge, SA_RESTART);
  cc_thread_nudges = true;
  if (main_mask_known) {
    sigset_t mask = main_mask;
    sigdelset(&mask, SIGURG);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
  }
}

void cc_child_die_with(int64_t parent) {
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
  if ((int64_t)getppid() != parent) raise(SIGTERM); /* it was faster */
}

int64_t cc_process_parent(void) { return (int64_t)getppid(); }

/* As exit does it: a stream that another thread reads from is left alone. */
static void flush_streams(void) {
#if defined(__GLIBC__)
  for (FILE *f = _IO_list_all; f != NULL; f = f->_chain) {
    if (ftrylockfile(f) != 0) continue;
    fflush(f);
    funlockfile(f);
  }
#else
  fflush(stdout);
  fflush(stderr);
#endif
}

void cc_child_exit(int code) {
  flush_streams();
  _exit(code);
}

/* ==} {== in the parent */

int cc_child_watch(int64_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open) && !defined(CC_NO_PIDFD)
  int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0); /* close-on-exec by itself */
  return fd;
#else
  (void)pid;
  return -1;
#endif
}

void cc_child_unwatch(int fd) {
  if (fd >= 0) close(fd);
}

/* Left to be reaped, so that nobody else gets its number yet. */
bool cc_child_ended(int64_t pid, int *code) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  int result;
  do result = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
  while (result != 0 && errno == EINTR);
  if (result != 0) { /* SIGCHLD is ignored, or the host has waited for it */
    *code = CC_CHILD_UNKNOWN;
    return errno == ECHILD && kill((pid_t)pid, 0) != 0;
  }
  if (info.si_pid == 0) return false;
  *code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  return true;
}

void cc_child_reap(int64_t pid) {
  while (waitpid((pid_t)pid, NULL, WNOHANG) < 0 && errno == EINTR) continue;
}

void cc_child_wait(cc_signal *s, const int *fds, size_t n, int64_t timeout) {
  struct pollfd stack[32], *list = stack;
  if (n + 1 > sizeof stack / sizeof *stack) list = malloc((n + 1) * sizeof *list);
  if (list == NULL) { /* look again soon */
    n = 0;
    list = stack;
    timeout = 10000000;
  }
  list[0] = (struct pollfd){.fd = cc_signal_descriptor(s), .events = POLLIN};
  for (size_t i = 0; i < n; i++) list[i + 1] = (struct pollfd){.fd = fds[i], .events = POLLIN};
  poll(list, (nfds_t)(n + 1), timeout == CC_FOREVER ? -1 : (int)(timeout / 1000000));
  if (list != stack) free(list);
}

int cc_process_signal(int64_t pid, int sig) { return kill((pid_t)pid, sig) == 0 ? 0 : errno; }

void cc_process_nudge(int64_t pid, int64_t thread) {
#if defined(__linux__)
  syscall(SYS_tgkill, (pid_t)pid, (pid_t)thread, SIGURG);
#else
  if (thread == pid) kill((pid_t)pid, SIGURG);
#endif
}

bool cc_signal_valid(int sig) { return sig >= 0 && sig < NSIG; }

void cc_signal_name(int sig, char *text, size_t size) {
  static const struct {
    int sig;
    const char *name;
  } names[] = {{SIGHUP, "HUP"},   {SIGINT, "INT"},   {SIGQUIT, "QUIT"}, {SIGILL, "ILL"},
               {SIGTRAP, "TRAP"}, {SIGABRT, "ABRT"}, {SIGBUS, "BUS"},   {SIGFPE, "FPE"},
               {SIGKILL, "KILL"}, {SIGUSR1, "USR1"}, {SIGSEGV, "SEGV"}, {SIGUSR2, "USR2"},
               {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"}, {SIGTERM, "TERM"}, {SIGCHLD, "CHLD"},
               {SIGCONT, "CONT"}, {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"}, {SIGXCPU, "XCPU"},
               {SIGXFSZ, "XFSZ"}, {SIGSYS, "SYS"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].sig != sig) continue;
    snprintf(text, size, "SIG%s", names[i].name);
    return;
  }
  snprintf(text, size, "signal %d", sig);
}

/* ==} */
