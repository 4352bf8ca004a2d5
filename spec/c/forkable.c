/*
** Stands in front of AddressSanitizer's allocator, to be preloaded with it. That allocator does
** nothing about fork (gcc's until 14, clang's until 17): when another thread is inside it just then,
** the child finds it locked for ever. Here a fork waits until nobody is.
*/
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#define FREE PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP /* a fork must not wait for ever */

static pthread_rwlock_t inside = FREE;

static struct {
  void *(*malloc)(size_t);
  void *(*calloc)(size_t, size_t);
  void *(*realloc)(void *, size_t);
  void (*free)(void *);
} next;

static void enter(void) { pthread_rwlock_rdlock(&inside); }
static void leave(void) { pthread_rwlock_unlock(&inside); }
static void before_fork(void) { pthread_rwlock_wrlock(&inside); }

/* The child's one thread is the one that has it, whatever its number is now. */
static void in_child(void) { inside = (pthread_rwlock_t)FREE; }

/* The first caller comes before there are threads. */
static void find(void) {
  if (next.malloc != NULL) return;
  *(void **)&next.free = dlsym(RTLD_NEXT, "free");
  *(void **)&next.calloc = dlsym(RTLD_NEXT, "calloc");
  *(void **)&next.realloc = dlsym(RTLD_NEXT, "realloc");
  *(void **)&next.malloc = dlsym(RTLD_NEXT, "malloc");
  pthread_atfork(before_fork, leave, in_child);
}

void *malloc(size_t size) {
  find();
  enter();
  void *p = next.malloc(size);
  leave();
  return p;
}

void *calloc(size_t n, size_t size) {
  find();
  enter();
  void *p = next.calloc(n, size);
  leave();
  return p;
}

void *realloc(void *p, size_t size) {
  find();
  enter();
  void *moved = next.realloc(p, size);
  leave();
  return moved;
}

void free(void *p) {
  find();
  enter();
  next.free(p);
  leave();
}
