/*
** Process: a thread object whose function runs in a child process. The object lies in
** the arena, so that any process of the family may join it, cancel it, and look at it; the
** process that started it hears of its end and concludes it.
*/
#ifndef RUN_PROCESS_H
#define RUN_PROCESS_H

#include "core/kind.h"
#include "run/thread.h"

extern const cc_ops run_process_ops;

/* An unstarted one; name NULL for the next default one. NULL: out of shared memory. */
run_thread *run_process_new(const char *name, size_t length, bool daemon);

/* As run_thread_start. EAGAIN also when the family has too many processes. */
int run_process_start(run_thread *t, run_message *m, uint64_t root, const run_options *o);

/* The calling process, without a new reference; NULL: out of memory. */
run_thread *run_process_current(void);

/* The same, but NULL as long as nobody asked for the main process. */
run_thread *run_process_myself(void);

/* The one that started it; NULL: it is the main one. */
run_thread *run_process_parent(void);

/* Whether the calling process is a daemon. */
bool run_process_daemon(void);

int64_t run_process_id(const run_thread *t); /* 0 before the start */

/* How it ended: its exit code, or a signal negated. False: not yet. */
bool run_process_exitcode(const run_thread *t, int *code);

/* An errno value, ESRCH when it has ended. */
int run_process_signal(run_thread *t, int sig);
int run_process_terminate(run_thread *t);
int run_process_kill(run_thread *t);

/* Has a busy thread of another process of the family look whether it was cancelled. */
void run_process_nudge(const run_thread *t);

/* The next default name and its length; used up only if `take`. */
size_t run_process_default_name(char name[RUN_NAME], bool take);

/* Replaces os.exit in a thread's state: in a child it flushes the streams and leaves by _exit. */
void run_process_open(lua_State *L);

/* Gives it the name of what it replaces; after codec_names_open. */
void run_process_learn(lua_State *L);

#endif
