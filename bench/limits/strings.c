/* Strings between two threads: the sender copies, hands the pointer over, and the
** receiver makes a Lua string of it. */
#include "limits.h"

#include <stdlib.h>
#include <string.h>

typedef struct stream {
  long count;
  size_t size;
} stream;

static char *bytes(size_t size) {
  char *p = malloc(size);
  if (p == NULL) die("no memory");
  return p;
}

static void *producer(void *arg) {
  const stream *s = arg;
  char *source = bytes(s->size);
  memset(source, 'x', s->size);
  for (long i = 0; i < s->count; i++) {
    char *copy = bytes(s->size);
    memcpy(copy, source, s->size);
    ring_put((uint64_t)(uintptr_t)copy);
  }
  free(source);
  return NULL;
}

/* megabytes a second */
static double transfer(double n, size_t size) {
  pthread_t t;
  stream s = {times(n), size};
  lua_State *L = state_new();
  size_t got = 0;
  double start = now();
  thread_start(&t, producer, &s);
  for (long i = 0; i < s.count; i++) {
    char *p = (char *)(uintptr_t)ring_take();
    lua_pushlstring(L, p, size);
    got += lua_rawlen(L, -1);
    lua_pop(L, 1);
    free(p);
  }
  pthread_join(t, NULL);
  double took = now() - start;
  lua_close(L);
  if (got != (size_t)s.count * size) die("bytes were lost");
  return (double)got / took / 1e6;
}

static double lua_str1k(void) { return transfer(3e5, 1024); }

static double lua_str1m(void) {
  ring_limit(16); /* so as not to hold a gigabyte */
  return transfer(2e3, 1 << 20);
}

static double memcpy1m(void) {
  size_t size = 1 << 20;
  char *a = bytes(size), *b = bytes(size);
  long n = times(2e4);
  memset(a, 1, size);
  memset(b, 2, size);
  double start = now();
  for (long i = 0; i < n; i++) {
    memcpy(b, a, size);
    __asm__ volatile("" ::: "memory");
  }
  double took = now() - start;
  free(a);
  free(b);
  return (double)n * (double)size / took / 1e6;
}

/* Into a new block each time, as a string has to be. */
static double memcpy64m(void) {
  size_t size = (size_t)64 << 20;
  char *a = bytes(size);
  long n = times(20);
  memset(a, 1, size);
  double start = now();
  for (long i = 0; i < n; i++) {
    char *b = bytes(size);
    memcpy(b, a, size);
    __asm__ volatile("" ::: "memory");
    free(b);
  }
  double took = now() - start;
  free(a);
  return (double)n * (double)size / took / 1e6;
}

const limit string_limits[] = {
    {"lua_str1k", "MB/s", lua_str1k},
    {"lua_str1m", "MB/s", lua_str1m},
    {"memcpy1m", "MB/s", memcpy1m},
    {"memcpy64m", "MB/s", memcpy64m},
    {NULL, NULL, NULL},
};
