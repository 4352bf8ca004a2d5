/*
** Worker: a kernel thread with a Lua state that runs one thread object after
** another. Idle workers stay for a while, state and all.
*/
#ifndef RUN_WORKER_H
#define RUN_WORKER_H

#include "run/thread.h"

/* Has some worker run t with that message. 0 or an errno value. Takes over the
** message and a reference to t when it succeeds. */
int run_worker_launch(run_thread *t, const run_message *m, const run_options *options);

/* In a child: there are no workers yet. */
void run_worker_forget(void);

/* Set while the calling thread closes a state whose thread has ended. */
extern _Thread_local bool run_worker_closing;

/* Runs the message in L, which belongs to that root: decodes, calls, encodes the results.
** Takes over the message; each of its parts is given up at one go, once it is decoded or not
** to be decoded any more. In body.c. */
run_status run_body(lua_State *L, run_thread *t, uint64_t root, run_message *m,
                    cc_parcel **result, cc_parcel **traceback);

#endif
