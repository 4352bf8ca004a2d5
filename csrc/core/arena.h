/*
** Arena: the allocator of shared memory. The reservation is cut into chunks of
** 64 KiB. Small blocks come from chunks divided into equal cells, one size class
** each; large ones are runs of chunks. Free runs are kept in bins by length and
** melt with their neighbours; what lies free goes back to the system.
**
** All changes are sections in the sense of undo.h, so that a process killed in here leaves
** no trace. A block that is not part of anything yet is in its thread's hand.
*/
#ifndef CC_ARENA_H
#define CC_ARENA_H

#include "core/guard.h"

#define CC_CHUNK ((size_t)64 << 10)
#define CC_ARENA_CLASSES 24
#define CC_ARENA_BINS 24

typedef struct cc_chunk { /* one entry per chunk */
  union {
    struct {
      _Atomic uint8_t state;  /* free, slab or run: of both ends of a run */
      uint8_t class;          /* of a slab; constant while it is one */
      uint16_t used;          /* cells in use; under the class guard */
      uint16_t fresh;         /* cells never used start here; under the class guard */
      uint16_t free;          /* list of freed cells, index + 1; under the class guard */
    };
    uint64_t head;            /* all of these, to be noted at once */
  };
  uint32_t run;           /* at both ends of a run: its length in chunks */
  uint32_t dirty;         /* of a free run: chunks whose pages may be in memory */
  uint32_t next, previous; /* in a bin or in a class's list; index + 1 */
} cc_chunk;

typedef struct cc_arena {
  char *base;                           /* of chunk 0; constant */
  cc_chunk *chunks;                     /* constant */
  uint32_t limit;                       /* chunks; constant */
  cc_guard guard;                       /* the chunk guard: all but the classes */
  uint32_t top;                         /* chunks from here on were never used */
  uint32_t used;                        /* chunks in use */
  _Atomic uint32_t dirty;               /* free chunks that may be in memory */
  int64_t reused;                       /* when a run was last taken from a bin */
  uint32_t bins[CC_ARENA_BINS];
  struct {
    _Alignas(64) cc_guard guard;
    uint32_t partial;                   /* slabs with room, index + 1 */
    uint32_t slabs;
    uint64_t cells;                     /* in use */
  } classes[CC_ARENA_CLASSES];
} cc_arena;

/* Sets up the allocator over [base, base + limit chunks); the chunk table is
** zeroed memory. */
void cc_arena_open(cc_arena *a, char *base, cc_chunk *table, uint32_t limit);

/* A block of at least `size` bytes, aligned to 16, contents undefined; NULL when
** the arena is used up. */
void *cc_arena_new(size_t size);

/* The same into a hand of the calling thread. It stays there until it is laid down (as part of
** the section that makes it part of something), freed, or moved by a resize. */
void *cc_arena_take(size_t size);
void cc_arena_lay(void *p);           /* lays it down, outside any section */
bool cc_arena_in_hand(const void *p); /* of the calling thread */

/* Makes a block smaller or larger, in place or by moving it; NULL (and the old
** block unchanged) when the arena is used up. */
void *cc_arena_resize(void *p, size_t size);

void cc_arena_free(void *p); /* p may be NULL */

/* Bytes that a block of that request really has. */
size_t cc_arena_usable(const void *p);

/* Gives all free pages back to the system if they are many. Called where a
** thread is about to sleep or an object has died. */
void cc_arena_trim(void);

/* Bytes in blocks, and bytes of memory that the chunks occupy now. */
uint64_t cc_arena_bytes(void);
uint64_t cc_arena_resident(void);

#if defined(CC_DEBUG)
/* From now on the n-th allocation of this process (and all after it) fails; 0: never. */
void cc_arena_fail_at(uint64_t n);
#endif

#endif
