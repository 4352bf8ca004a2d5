/* Memory maps: the arena's reservation and private tables. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/os.h"

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

static void *map(size_t size, int flags) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

void *cc_map_shared(size_t size) { return map(size, MAP_SHARED); }

void *cc_map_private(size_t size) { return map(size, MAP_PRIVATE); }

void cc_unmap(void *p, size_t size) { munmap(p, size); }

void cc_map_forget(void *p, size_t size) {
  /* of the systems, Linux alone promises zeros after MADV_DONTNEED */
#if defined(__linux__)
  if (madvise(p, size, MADV_DONTNEED) == 0) return;
#endif
  memset(p, 0, size);
}

void cc_map_discard(void *p, size_t size) {
#ifdef MADV_REMOVE
  /* shared memory has a file below it: only removing a range frees its pages */
  if (madvise(p, size, MADV_REMOVE) == 0) return;
#endif
  madvise(p, size, MADV_DONTNEED);
}

size_t cc_map_resident(const void *p, size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), total = 0;
  unsigned char present[256];
  const size_t step = sizeof present * page;
  char *at = (char *)(uintptr_t)p;
  for (size_t done = 0; done < size; done += step) {
    size_t n = size - done < step ? size - done : step;
    if (mincore(at + done, n, (void *)present) != 0) continue;
    for (size_t i = 0; i < (n + page - 1) / page; i++) total += (present[i] & 1u) * page;
  }
  return total;
}
