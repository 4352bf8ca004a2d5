/*
** The operating system as the rest of concur sees it: clock, futex, memory
** maps, kernel threads, process facts. Only csrc/os/ includes the system's
** headers; everything above includes this file. No function here raises or
** knows Lua.
*/
#ifndef CC_OS_H
#define CC_OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Checked in debug builds. */
#if defined(CC_DEBUG)
#include <assert.h>
#define cc_assert(x) assert(x)
#else
#define cc_assert(x) ((void)0)
#endif

#define CC_FOREVER INT64_MAX /* a deadline that never comes */

#if defined(__GNUC__)
#define cc_likely(x) __builtin_expect(!!(x), 1)
#define cc_unlikely(x) __builtin_expect(!!(x), 0)
#else
#define cc_likely(x) (x)
#define cc_unlikely(x) (x)
#endif

/* Tells the processor that this is a spin loop. */
static inline void cc_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

/* {== clock */

/* Nanoseconds on the monotonic clock. */
int64_t cc_clock(void);
int64_t cc_clock_calendar(void); /* ns since 1970; it may be set, and jump */

/* ==} {== futex: a word that several processes may share */

/* Sleeps while *word == expected, until woken or the deadline (cc_clock's
** scale; CC_FOREVER for none). Returns 0 (woken, perhaps for nothing),
** EAGAIN (the word differs), ETIMEDOUT or EINTR. */
int cc_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline);

/* Wakes up to n sleepers on word. */
void cc_futex_wake(_Atomic uint32_t *word, int n);

/* ==} {== memory */

/* A zeroed mapping that children of fork share; no memory is used until
** touched. NULL when the system refuses. */
void *cc_map_shared(size_t size);

/* The same, private to this process. */
void *cc_map_private(size_t size);

void cc_unmap(void *p, size_t size);

/* Makes a private mapping read as zeros again. */
void cc_map_forget(void *p, size_t size);

/* Gives the pages of a shared mapping back; they read as zeros afterwards.
** p and size are multiples of the page size. */
void cc_map_discard(void *p, size_t size);

/* Bytes of [p, p + size) of a mapping that occupy memory now. */
size_t cc_map_resident(const void *p, size_t size);

/* ==} {== kernel threads */

typedef struct cc_thread_options {
  size_t stack;         /* bytes; 0 for the default */
  const unsigned *cpus; /* processors it may run on, counted from 0 */
  size_t ncpus;         /* 0: any */
} cc_thread_options;

extern bool cc_thread_nudges; /* kernel threads do not block the nudge of a child process */

/* Starts a detached kernel thread with all signals blocked. Returns 0 or an
** errno value. */
int cc_thread_start(void (*fn)(void *), void *arg, const cc_thread_options *o);

/* Has `fn(p)` called when the calling kernel thread ends. One per thread. */
void cc_thread_at_exit(void (*fn)(void *), void *p);

/* Binds the caller to these processors, counted from 0; n 0: to the main thread's. Returns 0 or an errno value. */
int cc_thread_bind(const unsigned *cpus, size_t n);

size_t cc_thread_stack_minimum(void);
size_t cc_thread_stack_default(void);
void cc_thread_set_name(const char *name); /* of the caller; cut to 15 bytes */
void cc_thread_rename(int64_t native_id, const char *name); /* another of this process */
int64_t cc_thread_native_id(void);         /* of the caller */
/* Makes every running thread of this process pass a full memory barrier. False when
** the system cannot. */
bool cc_thread_barrier(void);
void cc_thread_yield(void);
unsigned cc_cpu_count(void);  /* processors this process may use, at least 1 */
/* Whether the standard error stream is a terminal. */
bool cc_stderr_is_terminal(void);

unsigned cc_cpu_limit(void);  /* processors the system knows */

/* ==} {== signal: a descriptor that others can poll, readable while it is raised */

typedef struct cc_signal {
  int read, write;
} cc_signal;

int cc_signal_open(cc_signal *s); /* lowered; 0 or an errno value */
int cc_signal_descriptor(const cc_signal *s);
void cc_signal_raise(cc_signal *s); /* only when it is lowered */
void cc_signal_lower(cc_signal *s); /* only when it is raised */
void cc_signal_close(cc_signal *s);

/* ==} {== child processes */

/* The calling thread is the main one: children begin with its signal mask as it is now. */
void cc_child_note_signals(void);

/* As fork: the child's id in the parent, 0 in the child; a negated errno value. */
int64_t cc_child_fork(void);

/* In the child: nothing that the parent's streams hold is written here, its handlers are
** gone, SIGINT and the nudge have the given ones. */
void cc_child_settle(void (*on_interrupt)(int), void (*on_nudge)(int));

/* In the child: it is terminated when the thread that forked it ends. */
void cc_child_die_with(int64_t parent);

/* Flushes the streams and ends the process, without anything else that exit does. */
_Noreturn void cc_child_exit(int code);

/* A descriptor that is readable once the child has ended; -1 where there is none. */
int cc_child_watch(int64_t pid);
void cc_child_unwatch(int fd);

/* Whether the child has ended, and how: its exit code, the signal negated, or
** CC_CHILD_UNKNOWN. It is to be reaped then. */
bool cc_child_ended(int64_t pid, int *code);
#define CC_CHILD_UNKNOWN 1000
void cc_child_reap(int64_t pid);

/* Waits until the signal is raised or one of n descriptors is readable, at most `timeout` ns. */
void cc_child_wait(cc_signal *s, const int *fds, size_t n, int64_t timeout);

/* 0 or an errno value. */
int cc_process_signal(int64_t pid, int sig);
#define CC_SIGNAL_KILL 9       /* as POSIX has them for kill */
#define CC_SIGNAL_TERMINATE 15
void cc_process_nudge(int64_t pid, int64_t thread); /* has that kernel thread of it call on_nudge */
bool cc_signal_valid(int sig);
void cc_signal_name(int sig, char *text, size_t size); /* "SIGKILL" */

/* ==} {== other programs, and the descriptors by which one talks with them */

/* 0 or an errno value. The descriptors are above 2 and closed in other programs. */
int cc_pipe_open(int ends[2]);
int cc_null_open(bool write, int *fd);
void cc_descriptor_shut(int *fd); /* and sets it to -1, which it may be already */
void cc_descriptor_unblock(int fd);
int cc_stream_lift(void *file); /* a copy above 2 of the descriptor of a FILE, or a negated errno value */

/* Bytes moved, 0 at the end of what is read, or a negated errno value. Writing to a pipe that
** nobody reads raises no signal. */
int64_t cc_descriptor_read(int fd, void *to, size_t size);
int64_t cc_descriptor_write(int fd, const void *from, size_t size);

/* Holds back in the calling thread the signal that writing to a closed connection raises, and says whether it
** was not held back before; then it is to be released again, with what came of it. */
bool cc_broken_pipes_hold(void);
void cc_broken_pipes_release(void);

typedef struct cc_polled {
  int fd;
  bool writes; /* wanted; else to read */
  bool ready;  /* or at its end */
} cc_polled;

/* At most four. 0 or an errno value. */
int cc_descriptors_poll(cc_polled *list, size_t n, int64_t timeout);

typedef struct cc_program {
  char *const *arguments;   /* the program first; ended by NULL */
  char *const *environment; /* NULL: the caller's */
  const char *directory;    /* NULL: the caller's */
  int fds[3];               /* what it has as standard ones, -1: the caller's */
} cc_program;

/* Starts it in a process group of its own. 0 or an errno value, *directory telling whether that
** is about the directory. */
int cc_program_start(const cc_program *p, int64_t *pid, bool *directory);

/* Whether it has ended: reaps it then, once. *code as cc_child_ended tells it. */
bool cc_program_ended(int64_t pid, int *code);
void cc_program_signal(int64_t pid, int sig); /* to its group */

/* ==} {== files that several write to */

/* Adds bytes in one piece at the end of a file, which is made when it is not there and open for the time of the
** call. 0 or an errno value. */
int cc_file_append(const char *path, const void *from, size_t size);

/* Writes all to a descriptor, in one call if the system takes it. Quiet: writing to a pipe that nobody reads raises
** no signal. 0 or an errno value. */
int cc_standard_write(int fd, const void *from, size_t size, bool quiet);

bool cc_directory(char *to, size_t size); /* the working one; false: it has no name, or a longer one */

/* ==} {== sockets, as the side that connects */

#define CC_ADDRESS_LIMIT 8

typedef struct cc_address {
  uint32_t size;
  unsigned char bytes[128];
} cc_address;

typedef struct cc_addresses {
  cc_address at[CC_ADDRESS_LIMIT];
  size_t n;
  const char *why; /* there is none; static storage */
} cc_addresses;

/* What "host:port", "[host]:port" or "unix:path" means. 0; EINVAL: none of these; ENOENT: not
** found. A host that is a name is looked up, and the system may take its time. */
int cc_addresses_find(const char *text, cc_addresses *list);

/* Begins to connect a new socket, which does not block and is closed in other programs. 0: it is
** connected; EINPROGRESS: once it can be written to cc_socket_error tells; or another errno value.
** *fd is to be shut in any case. */
int cc_socket_connect(const cc_address *a, int *fd);
int cc_socket_error(int fd); /* 0 or an errno value */

/* Whether the file of a Unix socket is there at which nobody listens any more. */
bool cc_socket_left(const char *path);

/* As cc_descriptor_read and cc_descriptor_write, for sockets. */
int64_t cc_socket_read(int fd, void *to, size_t size);
int64_t cc_socket_write(int fd, const void *from, size_t size);

/* Which socket it is, of all on this machine now; 0 when it is none. */
uint64_t cc_socket_identity(int fd);

void cc_socket_cut(int fd); /* ends the connection; whoever polls it sees that */

/* ==} {== process */

/* Has a library that is loaded stay so to the end of the process. False: it is not loaded from there. */
bool cc_library_keep(const char *path);

/* In builds for a sanitizer: children do not get its runtime preloaded. */
void cc_process_sanitize(void);

/* Has fn called in a child of fork. */
void cc_process_at_fork(void (*fn)(void));

int64_t cc_process_id(void);
int64_t cc_process_parent(void);
bool cc_process_alive(int64_t pid);
bool cc_process_running(int64_t pid); /* false also when it waits to be reaped */
void cc_random(void *buffer, size_t size);
const char *cc_error_text(int error); /* never NULL; static storage */

/* ==} */

#endif
