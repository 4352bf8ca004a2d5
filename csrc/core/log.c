/*
** Settings of the log. Who is killed while it writes leaves a text that does not hold, and a guard that is taken
** over with the family's others (bury.c).
*/
#include "core/log.h"

#include <string.h>

#include "core/slot.h"
#include "core/undo.h"

uint64_t cc_log_read(cc_log *log, char *to, size_t *size) {
  cc_guard_lock(&log->guard, cc_self_word());
  uint64_t word = atomic_load(&log->word);
  const cc_log_text *text = &log->texts[cc_log_version_of(word) % 2];
  *size = text->size;
  memcpy(to, text->bytes, text->size);
  cc_guard_unlock(&log->guard);
  return word;
}

bool cc_log_write(cc_log *log, uint64_t version, int level, const char *from, size_t size) {
  cc_guard_lock(&log->guard, cc_self_word());
  bool same = cc_log_version_of(atomic_load(&log->word)) == version;
  if (same) {
    uint64_t next = version + 1;
    cc_log_text *text = &log->texts[next % 2];
    cc_crash_point();
    text->size = (uint32_t)size;
    cc_crash_point();
    memcpy(text->bytes, from, size);
    cc_crash_point();
    atomic_store(&log->word, next << 8 | (uint8_t)level);
    cc_crash_point();
  }
  cc_guard_unlock(&log->guard);
  return same;
}
