/*
** Log: what concur.log is set to, for the whole family: a level, which every message looks at, and a text
** that core does not look into. Both lie in the family's root. Changes count as versions; a new text is
** written beside the one that holds and published, with the level, by one store.
*/
#ifndef CC_LOG_H
#define CC_LOG_H

#include "core/guard.h"

#define CC_LOG_ROOM 12288 /* bytes of the longest text */

typedef struct cc_log_text {
  uint32_t size;
  char bytes[CC_LOG_ROOM];
} cc_log_text;

typedef struct cc_log {
  _Atomic uint64_t word; /* version * 256 + level, as int8_t; zero at first; written under guard */
  cc_guard guard;        /* the texts */
  cc_log_text texts[2];  /* the one that holds: version % 2 */
} cc_log;

static inline int cc_log_level_of(uint64_t word) { return (int8_t)(word & 0xff); }
static inline uint64_t cc_log_version_of(uint64_t word) { return word >> 8; }

/* Copies the text that holds to `to`, which has CC_LOG_ROOM bytes, and gives its size and the word of that
** moment. */
uint64_t cc_log_read(cc_log *log, char *to, size_t *size);

/* Makes another level and text hold if that version still does. size: at most CC_LOG_ROOM; level: as int8_t. */
bool cc_log_write(cc_log *log, uint64_t version, int level, const char *from, size_t size);

#endif
