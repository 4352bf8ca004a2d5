/*
** Heap: the memory of one Lua state. Blocks come from a fixed piece of memory while it
** lasts, then from malloc. The piece, this struct included, can be saved
** and restored as plain bytes.
*/
#ifndef RUN_HEAP_H
#define RUN_HEAP_H

#include <lua.h>

#include <stdbool.h>
#include <stddef.h>

typedef struct run_heap run_heap;

run_heap *run_heap_new(void);
void run_heap_free(run_heap *h);

/* One whose memory comes from a host's allocator; `ud` is what it is called with. */
run_heap *run_heap_of_host(lua_Alloc alloc, void *ud);
void *run_heap_host(const run_heap *h); /* that ud */

/* A lua_Alloc; ud is the heap. */
void *run_heap_alloc(void *ud, void *p, size_t old, size_t size);

/* Between the two, from another thread, the heap's own thread waits as soon as it
** allocates or frees: what is in use stays in use. */
bool run_heap_freeze(run_heap *h); /* false, and nothing done, where the system cannot */
void run_heap_thaw(run_heap *h);

/* The process ends soon: what is freed from now on need not be, and is not. */
void run_heap_end(run_heap *h);

/* A copy of what is in use, in malloc's memory, or NULL; and back. Between the two no
** block from malloc may be left in use. */
void *run_heap_save(const run_heap *h);
void run_heap_restore(run_heap *h, const void *image);

/* Whether all of it still lies in the piece. */
int run_heap_is_plain(const run_heap *h);

/* It did not: heaps made from now on are larger than h. */
void run_heap_enlarge(const run_heap *h);

#endif
