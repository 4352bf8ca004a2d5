/*
** Task: a coroutine that an event loop runs among others in one thread. While it runs, the thread is the
** task as far as core is concerned: `cc_self_storage` is the task's, with a slot of its own from its first
** use of an object on, so that what it holds and waits for is its own.
*/
#ifndef RUN_TASK_H
#define RUN_TASK_H

#include <lua.h>

#include "core/loop.h"

typedef struct run_task {
  cc_self self;
  cc_loop *loop;      /* lives as long as the task can run */
  lua_State *co;      /* NULL: it has ended */
  uint32_t unwinding; /* of its stack: see context.h */
  uint32_t raised;    /* likewise */
  bool runs;
  lua_State *top;     /* what runs: the coroutine, or one that it has resumed by our functions */
  bool begun;
  bool killed;        /* what it holds at its end counts as held by a killed process */
  bool failed;        /* its function has raised */
  bool waits;         /* it has yielded by run_task_wait */
  bool sleeps;        /* then: for the time alone */
  bool woken;         /* it goes on since what it waited for has come, not only since it was cancelled */
  int64_t deadline;   /* of that */
} run_task;

/* Whether L is the coroutine of the task that the calling thread runs, or one that runs in it, and may yield. */
bool run_task_runs(lua_State *L);

/* A coroutine that the task has resumed has yielded: whether that is a wait of the task. */
bool run_task_suspends(void);

/* L resumes co. Returns what is to be restored afterwards. */
lua_State *run_task_enter(lua_State *L, lua_State *co);
void run_task_leave(lua_State *top);

/* The task that the calling thread runs, or NULL. */
run_task *run_task_current(void);

/* What the running task was suspended in will not be gone on with: it leaves the line, and what it has got
** there goes back. */
void run_task_forget(void);

/* Goes on with the task, which is not running, with n values from L. LUA_OK (it has ended), LUA_YIELD or an
** error; the values are on its coroutine, *nresults of them. */
int run_task_resume(lua_State *L, run_task *t, int n, int *nresults);

/* Ends a task that will not go on: it stands in no line and holds nothing from then on. killed: what it
** held counts as held by a killed process. */
void run_task_end(run_task *t, bool killed);

/* Yields from the calling task until the deadline, or until it is resumed with `woken`; then returns what
** it is resumed with. Raises when the task was cancelled, unless that is held back. To be returned by a
** C function. sleeps: whoever runs the loop is told that it waits for the time alone. */
int run_task_wait(lua_State *L, int64_t deadline, bool sleeps);

#endif
