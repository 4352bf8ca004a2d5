/*
** State: where Lua states for threads are made, closed and kept warm.
**
** A state's first memory comes from a block of its own. When a state has been
** closed and is to be used again, the block is overwritten with the picture taken
** when the state was new, which makes a new state in the time of a copy: the result
** is that very state, bit for bit, except for its random seed.
*/
#ifndef RUN_STATE_H
#define RUN_STATE_H

#include <lua.h>

#include <stdbool.h>

typedef struct run_state run_state;

/* What opens concur in a new state; set once by the floor above. */
void run_state_set_opener(lua_CFunction open);

/* What a host has each state prepared by before its function runs, with arg as a light userdata; NULL:
** nothing. False: no memory. run_state_prepare calls that: it may raise. */
bool run_state_set_hook(lua_CFunction hook, void *arg);
void run_state_prepare(lua_State *L);

/* Where a host has the memory of states come from, before any is made. open may be NULL: arg is what alloc
** is given. A new one replaces the last. False: no memory. */
typedef struct run_allocator {
  lua_Alloc alloc; /* NULL: our own */
  void *(*open)(void *arg);
  void (*close)(void *ud, void *arg);
  void *arg;
} run_allocator;
bool run_state_set_allocator(const run_allocator *a);

/* A new state with the standard libraries and concur, or NULL for lack of memory. */
run_state *run_state_new(void);

/* In a child, whose parent has made the state before: gives it random numbers of its own. */
bool run_state_inherit(run_state *s);

lua_State *run_state_lua(run_state *s);

/* From another thread: keeps the state's memory from being freed meanwhile. */
bool run_state_freeze(run_state *s); /* false where the system cannot */
void run_state_thaw(run_state *s);

/* The same as run_state_close when the process ends right afterwards: no memory is freed, which in
** a child would only copy its parent's pages. */
void run_state_end(run_state *s);

/* Closes the Lua state: finalizers run. Then either renew or free. */
void run_state_close(run_state *s);

/* A new Lua state in the same memory. False: nothing is left but to free it. */
bool run_state_renew(run_state *s);

void run_state_free(run_state *s);

#endif
