/* Kernel threads. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include "os/os.h"

/* 200 nested C calls (Lua's own limit) of the hungriest library functions need
** about half of this; untouched pages cost nothing. */
#define DEFAULT_STACK ((size_t)1 << 20)
#define SMALLEST_STACK ((size_t)512 << 10)

size_t cc_thread_stack_default(void) { return DEFAULT_STACK; }

size_t cc_thread_stack_minimum(void) {
  size_t system = (size_t)sysconf(_SC_THREAD_STACK_MIN);
  return system > SMALLEST_STACK ? system : SMALLEST_STACK;
}

bool cc_thread_nudges;

struct start {
  void (*fn)(void *);
  void *arg;
};

static void *enter(void *p) {
  struct start s = *(struct start *)p;
  free(p);
  s.fn(s.arg);
  return NULL;
}

#if defined(__linux__)
static _Atomic int some_pinned; /* threads that have processors of their own */

/* These processors; or, for none, those of the main thread. NULL: there is no memory, or no main thread. */
static cpu_set_t *processors(const unsigned *cpus, size_t n, size_t *size) {
  unsigned limit = cc_cpu_limit();
  if (limit < 1024) limit = 1024; /* the kernel refuses a set smaller than its own */
  cpu_set_t *set = CPU_ALLOC(limit);
  if (set == NULL) return NULL;
  *size = CPU_ALLOC_SIZE(limit);
  CPU_ZERO_S(*size, set);
  for (size_t i = 0; i < n; i++) CPU_SET_S(cpus[i], *size, set);
  if (n > 0 || sched_getaffinity(getpid(), *size, set) == 0) return set;
  CPU_FREE(set);
  return NULL;
}

/* The processors of the thread: those it is to have; or, once some thread has its own, the main
** thread's, since what such a thread starts, to be used by others as well, would inherit its. */
static int set_affinity(pthread_attr_t *attributes, const cc_thread_options *o) {
  size_t size;
  if (o->ncpus == 0 && atomic_load(&some_pinned) == 0) return 0;
  if (o->ncpus > 0) atomic_store(&some_pinned, 1);
  cpu_set_t *set = processors(o->cpus, o->ncpus, &size);
  if (set == NULL) return o->ncpus > 0 ? ENOMEM : 0;
  int error = pthread_attr_setaffinity_np(attributes, size, set);
  CPU_FREE(set);
  return error;
}
#endif

int cc_thread_bind(const unsigned *cpus, size_t n) {
#if defined(__linux__)
  size_t size;
  cpu_set_t *set = processors(cpus, n, &size);
  if (set == NULL) return ENOMEM;
  int error = sched_setaffinity(0, size, set) == 0 ? 0 : errno;
  CPU_FREE(set);
  return error;
#else
  (void)cpus;
  (void)n;
  return 0;
#endif
}

static int set_options(pthread_attr_t *attributes, const cc_thread_options *o) {
  int error = pthread_attr_setdetachstate(attributes, PTHREAD_CREATE_DETACHED);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t stack = o->stack != 0 ? o->stack : DEFAULT_STACK;
  if (stack < cc_thread_stack_minimum()) stack = cc_thread_stack_minimum();
  if (stack > SIZE_MAX - page) return EAGAIN;
  stack = (stack + page - 1) / page * page;
  if (error == 0) error = pthread_attr_setstacksize(attributes, stack);
#if defined(__linux__)
  if (error == 0) error = set_affinity(attributes, o);
#endif
  return error;
}

int cc_thread_start(void (*fn)(void *), void *arg, const cc_thread_options *o) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  struct start *s = malloc(sizeof *s);
  int error;
  if (s == NULL) return ENOMEM;
  s->fn = fn;
  s->arg = arg;
  error = pthread_attr_init(&attributes);
  if (error == 0) {
    error = set_options(&attributes, o);
    if (error == 0) {
      /* the new thread inherits the mask: signals are the main thread's */
      sigfillset(&all);
      if (cc_thread_nudges) sigdelset(&all, SIGURG);
      pthread_sigmask(SIG_SETMASK, &all, &before);
      error = pthread_create(&thread, &attributes, enter, s);
      pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    pthread_attr_destroy(&attributes);
  }
  if (error != 0) free(s);
  return error;
}

/* {== at thread exit */

/* In the thread's own storage: a child that is forked has nothing left of other threads. */
static _Thread_local struct at_exit {
  void (*fn)(void *);
  void *p;
} at_exit;

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static bool exit_usable;

static void run_at_exit(void *v) {
  struct at_exit *a = v;
  a->fn(a->p);
}

static void make_key(void) { exit_usable = pthread_key_create(&exit_key, run_at_exit) == 0; }

void cc_thread_at_exit(void (*fn)(void *), void *p) {
  pthread_once(&exit_once, make_key);
  if (!exit_usable) return;
  at_exit = (struct at_exit){fn, p};
  pthread_setspecific(exit_key, &at_exit);
}

/* ==} */

void cc_thread_set_name(const char *name) {
#if defined(__linux__)
  char cut[16];
  strncpy(cut, name, sizeof cut - 1);
  cut[sizeof cut - 1] = '\0';
  prctl(PR_SET_NAME, cut);
#else
  (void)name;
#endif
}

void cc_thread_rename(int64_t native_id, const char *name) {
#if defined(__linux__)
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%lld/comm", (long long)native_id);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return; /* the kernel's name is for tools only */
  size_t n = strlen(name);
  ssize_t written = write(fd, name, n < 15 ? n : 15);
  (void)written;
  close(fd);
#else
  (void)native_id;
  (void)name;
#endif
}

int64_t cc_thread_native_id(void) {
#if defined(__linux__)
  return (int64_t)syscall(SYS_gettid);
#else
  return (int64_t)(intptr_t)pthread_self();
#endif
}

bool cc_thread_barrier(void) {
#if defined(__linux__) && defined(SYS_membarrier)
  /* from linux/membarrier.h, which old systems lack */
  enum { PRIVATE_EXPEDITED = 1 << 3, REGISTER_PRIVATE_EXPEDITED = 1 << 4 };
  if (syscall(SYS_membarrier, PRIVATE_EXPEDITED, 0) == 0) return true;
  return syscall(SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0) == 0 &&
         syscall(SYS_membarrier, PRIVATE_EXPEDITED, 0) == 0;
#else
  return false;
#endif
}

void cc_thread_yield(void) { sched_yield(); }

unsigned cc_cpu_limit(void) {
  long n = sysconf(_SC_NPROCESSORS_CONF);
  return n < 1 ? 1 : (unsigned)n;
}

unsigned cc_cpu_count(void) {
#if defined(__linux__)
  unsigned limit = cc_cpu_limit();
  if (limit < 1024) limit = 1024; /* the kernel refuses a set smaller than its own */
  cpu_set_t *set = CPU_ALLOC(limit);
  if (set != NULL) {
    size_t size = CPU_ALLOC_SIZE(limit);
    int n = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (n > 0) return (unsigned)n;
  }
#endif
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : (unsigned)n;
}
