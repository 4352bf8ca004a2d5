/*
** concur.h: the C interface of concur, for programs that embed Lua and for C modules.
**
** Objects (queues, events, locks, semaphores, values, futures, threads) live outside all Lua
** states. A C thread uses them without a Lua state, and a Lua script by handles. The functions here
** may be called from any thread of the process, at any time, unless they take a lua_State: these
** are for the thread that uses that state. Nothing in here prints, exits, or handles signals, and
** only functions that take a lua_State can raise Lua errors, those of which that is said.
**
** Functions that can fail return a concur_status. Timeouts are in seconds: 0 does not wait, a
** negative one (CONCUR_FOREVER) waits as long as it takes. What waits for ever is part of the
** detection of deadlocks only while the program's C code owns no reference to any object, since
** what C threads will do is not known.
**
** References: what a `new` function, concur_retain or concur_thread_start gives is the caller's, and
** concur_release gives it back. Pointers from concur_to_… are borrowed from the handle on the Lua stack,
** those in items from the item: concur_retain keeps them longer. A process that was forked has no references:
** whatever it uses comes to it by Lua code.
*/
#ifndef CONCUR_H
#define CONCUR_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#if defined(__GNUC__)
#define CONCUR_API __attribute__((visibility("default")))
#else
#define CONCUR_API
#endif

#if defined(__cplusplus)
extern "C" {
#endif

#define CONCUR_VERSION_MAJOR 0
#define CONCUR_VERSION_MINOR 1
#define CONCUR_VERSION_PATCH 0
#define CONCUR_VERSION_NUMBER \
  (CONCUR_VERSION_MAJOR * 10000 + CONCUR_VERSION_MINOR * 100 + CONCUR_VERSION_PATCH)
#define CONCUR_VERSION "0.1.0"

#define CONCUR_FOREVER (-1.0) /* a timeout */

typedef enum concur_status {
  CONCUR_OK = 0,
  CONCUR_TIMEOUT,   /* not in that time; at once: full, empty, taken, not set, not ended */
  CONCUR_CLOSED,    /* the queue is closed (and, for a get, empty) */
  CONCUR_FAILED,    /* the thread or the future ended with an error, or the code does not load */
  CONCUR_CANCELLED, /* the thread or the future was cancelled; or the calling thread was, while it waited */
  CONCUR_DEADLOCK,  /* nobody is left who could end the wait */
  CONCUR_MISUSE,    /* the object is in no state for that: see the function */
  CONCUR_TYPE,      /* an item of another type is needed */
  CONCUR_NO_MEMORY, /* shared memory or that of the process is used up */
  CONCUR_SYSTEM     /* the operating system refuses */
} concur_status;

/* What a status means, in English. Static storage. */
CONCUR_API const char *concur_status_text(int status);

/* {== the library */

/* Opens the module "concur": for luaL_requiref, or package.preload. */
CONCUR_API int luaopen_concur(lua_State *L);

/* The version of the library that runs, as CONCUR_VERSION_NUMBER. */
CONCUR_API int concur_version(void);

/* Prepares the process. The calling thread becomes what Lua code sees as the main thread, if none is yet;
** calling it again does nothing. luaopen_concur, the `new` functions and concur_thread_start do the same if
** nobody has. CONCUR_OK, CONCUR_NO_MEMORY (the system grants no shared memory). */
CONCUR_API int concur_init(void);

/* Has `prepare` called in each Lua state that threads, processes, timers and pools get from now on,
** before their function runs: with the standard libraries and concur opened, and with `arg` as a
** light userdata as its only argument. It may register modules or globals; what it raises is the error
** of the thread. A state is prepared once; states of pools' workers serve many tasks. NULL: none. CONCUR_OK,
** CONCUR_NO_MEMORY. */
CONCUR_API int concur_set_prepare(lua_CFunction prepare, void *arg);

/* Calls it in a state of the host's own, where concur is opened, so that what it registers can be used by
** functions that go to threads from there: they find modules by name. Raises what it raises. */
CONCUR_API void concur_prepare(lua_State *L);

/* Where the memory of these states comes from. open makes what `alloc` is given as its first
** argument (NULL means there is no memory), one per state, and close is called when the state is
** gone; both may be NULL: then arg itself is given to it, by many threads at one time. alloc NULL:
** concur's own allocator. To be called before the first thread starts. Child processes call it after a
** fork: locks of its own need pthread_atfork. It must not call concur. CONCUR_OK, CONCUR_NO_MEMORY. */
typedef struct concur_allocator {
  lua_Alloc alloc;
  void *(*open)(void *arg);
  void (*close)(void *ud, void *arg);
  void *arg;
} concur_allocator;
CONCUR_API int concur_set_allocator(const concur_allocator *a);

/* ==} {== objects */

typedef struct concur_queue concur_queue; /* queue, lifo or priority_queue */
typedef struct concur_event concur_event;
typedef struct concur_lock concur_lock; /* lock or rlock */
typedef struct concur_semaphore concur_semaphore;
typedef struct concur_value concur_value;
typedef struct concur_future concur_future;
typedef struct concur_thread concur_thread; /* thread, timer or process */

/* One reference more, one less; of an object of any of these types. Release accepts NULL. */
CONCUR_API void *concur_retain(void *object);
CONCUR_API void concur_release(void *object);

/* The name of its type as concur.type gives it. Static storage. */
CONCUR_API const char *concur_type_name(const void *object);

/* Pushes a handle to it. Raises only for lack of memory, and where concur is not opened in L. */
CONCUR_API void concur_push(lua_State *L, void *object);

/* The object of the handle at that index, borrowed: valid while the handle is. NULL when the value is
** not such a handle, or a closed one. Never raise. */
CONCUR_API void *concur_to_object(lua_State *L, int index); /* of whatever type */
CONCUR_API concur_queue *concur_to_queue(lua_State *L, int index);
CONCUR_API concur_event *concur_to_event(lua_State *L, int index);
CONCUR_API concur_lock *concur_to_lock(lua_State *L, int index);
CONCUR_API concur_semaphore *concur_to_semaphore(lua_State *L, int index);
CONCUR_API concur_value *concur_to_value(lua_State *L, int index);
CONCUR_API concur_future *concur_to_future(lua_State *L, int index);
CONCUR_API concur_thread *concur_to_thread(lua_State *L, int index);

/* The same object by its type; NULL if it is of another. */
CONCUR_API concur_queue *concur_as_queue(void *object);
CONCUR_API concur_event *concur_as_event(void *object);
CONCUR_API concur_lock *concur_as_lock(void *object);
CONCUR_API concur_semaphore *concur_as_semaphore(void *object);
CONCUR_API concur_value *concur_as_value(void *object);
CONCUR_API concur_future *concur_as_future(void *object);
CONCUR_API concur_thread *concur_as_thread(void *object);

/* Raises in L what a status other than CONCUR_OK means, the cancellation of a thread included: for
** C functions that Lua code calls. Does not return. */
CONCUR_API int concur_raise(lua_State *L, int status);

/* ==} {== items: Lua values outside of Lua states */

typedef enum concur_type {
  CONCUR_NIL,
  CONCUR_BOOLEAN,
  CONCUR_INTEGER,
  CONCUR_NUMBER, /* a float */
  CONCUR_STRING,
  CONCUR_OBJECT,
  CONCUR_OTHER   /* a table or function, packed: to be put elsewhere, or pushed on a Lua stack; the first of several
                 ** results only to be pushed (else CONCUR_TYPE) */
} concur_type;

/* One that a function filled keeps what it refers to until concur_item_clear; it must not be copied
** by assignment. One of your own, {.type = …, .as = …}, refers to your memory and needs no clearing. */
typedef struct concur_item {
  concur_type type;
  int owned; /* concur's */
  union {
    int boolean;
    int64_t integer;
    double number;
    struct {
      const char *bytes; /* not ended by a zero */
      size_t size;
    } string;
    void *object; /* borrowed */
  } as;
  void *owner, *keeper; /* concur's */
  uint64_t storage[32]; /* concur's */
} concur_item;

/* Gives up what it holds and makes it nil. */
CONCUR_API void concur_item_clear(concur_item *item);

/* Fills *item with a table: of n values in order; of n values by keys. Values may be scalars, strings and
** objects, not CONCUR_OTHER (CONCUR_TYPE); CONCUR_NO_MEMORY. */
CONCUR_API int concur_item_array(concur_item *item, const concur_item *values, size_t n);
CONCUR_API int concur_item_record(concur_item *item, const char *const *keys, const concur_item *values,
                                  size_t n);

/* Fills *item with the value at that index of the stack. Raises what cannot be transferred. */
CONCUR_API void concur_item_from(lua_State *L, int index, concur_item *item);

/* Pushes its value. Raises for lack of memory, and what decoding raises (a module that is missing). */
CONCUR_API void concur_item_push(lua_State *L, const concur_item *item);

/* ==} {== queues */

/* maxsize 0: unbounded. NULL: no memory. */
CONCUR_API concur_queue *concur_queue_new(size_t maxsize);

/* CONCUR_OK, CONCUR_TIMEOUT (full), CONCUR_CLOSED, CONCUR_NO_MEMORY, CONCUR_TYPE (of a priority queue,
** which must be without `key`: items are numbers or strings, of one kind). The item stays yours. */
CONCUR_API int concur_queue_put(concur_queue *q, const concur_item *item, double timeout);
CONCUR_API int concur_queue_put_nil(concur_queue *q, double timeout);
CONCUR_API int concur_queue_put_boolean(concur_queue *q, int b, double timeout);
CONCUR_API int concur_queue_put_integer(concur_queue *q, int64_t n, double timeout);
CONCUR_API int concur_queue_put_number(concur_queue *q, double n, double timeout);
CONCUR_API int concur_queue_put_string(concur_queue *q, const char *bytes, size_t size, double timeout);
CONCUR_API int concur_queue_put_object(concur_queue *q, void *object, double timeout);

/* Fills *item, which is nil when it is not CONCUR_OK: CONCUR_TIMEOUT (empty), CONCUR_CLOSED. */
CONCUR_API int concur_queue_get(concur_queue *q, concur_item *item, double timeout);

CONCUR_API void concur_queue_close(concur_queue *q);
CONCUR_API int concur_queue_closed(const concur_queue *q);
CONCUR_API size_t concur_queue_size(const concur_queue *q);

/* CONCUR_MISUSE: called more often than items were put. */
CONCUR_API int concur_queue_task_done(concur_queue *q);
CONCUR_API int concur_queue_join(concur_queue *q, double timeout);

/* ==} {== events, locks, semaphores */

CONCUR_API concur_event *concur_event_new(void);
CONCUR_API void concur_event_set(concur_event *e);
CONCUR_API void concur_event_clear(concur_event *e);
CONCUR_API int concur_event_is_set(const concur_event *e);
CONCUR_API int concur_event_wait(concur_event *e, double timeout);

CONCUR_API concur_lock *concur_lock_new(void);
CONCUR_API concur_lock *concur_rlock_new(void);

/* *abandoned, if it is not NULL, tells whether its last holder ended without a release. */
CONCUR_API int concur_lock_acquire(concur_lock *k, double timeout, int *abandoned);

/* CONCUR_MISUSE: it was not held; an rlock: not by the calling thread. */
CONCUR_API int concur_lock_release(concur_lock *k);
CONCUR_API int concur_lock_locked(const concur_lock *k);

/* n units at first. NULL: no memory, or n < 0. */
CONCUR_API concur_semaphore *concur_semaphore_new(int64_t n);
CONCUR_API int concur_semaphore_acquire(concur_semaphore *s, double timeout);

/* CONCUR_MISUSE: n < 1, or a bounded one would get more than it began with. */
CONCUR_API int concur_semaphore_release(concur_semaphore *s, int64_t n);
CONCUR_API int64_t concur_semaphore_value(const concur_semaphore *s);

/* ==} {== values */

/* item NULL: nil. NULL: no memory, or CONCUR_OTHER that cannot be kept. */
CONCUR_API concur_value *concur_value_new(const concur_item *item);

/* Fills *item with what it holds. */
CONCUR_API int concur_value_get(concur_value *v, concur_item *item);

/* These wait while a Lua thread is in v:update(): CONCUR_CANCELLED, CONCUR_DEADLOCK. */
CONCUR_API int concur_value_set(concur_value *v, const concur_item *item);

/* Adds an integer; *result, if it is not NULL, gets the sum. CONCUR_TYPE: it holds no integer. */
CONCUR_API int concur_value_add(concur_value *v, int64_t n, int64_t *result);

/* Sets it to `item` if it holds `expected`, of which *swapped tells. */
CONCUR_API int concur_value_compare_swap(concur_value *v, const concur_item *expected,
                                         const concur_item *item, int *swapped);

/* ==} {== futures */

CONCUR_API concur_future *concur_future_new(void);
CONCUR_API int concur_future_done(const concur_future *f);

/* CONCUR_MISUSE: it has ended already, or belongs to a pool. The error may be any value. */
CONCUR_API int concur_future_set_result(concur_future *f, const concur_item *item);
CONCUR_API int concur_future_set_error(concur_future *f, const concur_item *error);

/* False: it has ended, or cannot be cancelled. */
CONCUR_API int concur_future_cancel(concur_future *f);

/* Waits for its end: CONCUR_OK, and *item is its first result; CONCUR_FAILED, and *item is the error;
** CONCUR_CANCELLED; CONCUR_TIMEOUT. item may be NULL. */
CONCUR_API int concur_future_result(concur_future *f, concur_item *item, double timeout);

/* ==} {== threads that run Lua code */

typedef struct concur_start {
  const char *file;        /* a Lua file; or else */
  const char *code;        /* Lua code, source or binary */
  size_t size;             /* of it; 0: it ends with a zero */
  const char *chunkname;   /* for messages, as in luaL_loadbuffer; NULL: the code itself */
  const concur_item *args; /* what the code gets as `...` */
  size_t nargs;
  const char *name;        /* of the thread; NULL: a default one */
  int process;             /* in a child process instead */
  int daemon;
  size_t stack;            /* bytes of the thread's C stack; 0: the default */
} concur_start;

/* Runs Lua code in a new thread with a state of its own. CONCUR_OK, and *thread is a reference.
** CONCUR_FAILED (the code does not load), CONCUR_SYSTEM, CONCUR_NO_MEMORY; then `message`, if it is not
** NULL, gets at most `size` bytes of text, zero included. */
CONCUR_API int concur_thread_start(const concur_start *s, concur_thread **thread, char *message, size_t size);

/* Starts the function below nargs arguments on top of the stack in a new thread, as concur.spawn
** does; these are replaced by the thread's handle. Raises what concur.spawn raises. */
CONCUR_API void concur_thread_spawn(lua_State *L, int nargs);

/* Waits for its end: CONCUR_OK, and *item is its first result; CONCUR_FAILED, and *item is the error;
** CONCUR_CANCELLED; CONCUR_TIMEOUT; CONCUR_MISUSE: it is not started, or the caller itself. item may be NULL. */
CONCUR_API int concur_thread_join(concur_thread *t, concur_item *item, double timeout);
CONCUR_API int concur_thread_alive(concur_thread *t);

/* Asks it to stop. False: it had ended. */
CONCUR_API int concur_thread_cancel(concur_thread *t);

/* ==} */

#if defined(__cplusplus)
}
#endif

#endif
