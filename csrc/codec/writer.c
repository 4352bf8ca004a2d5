/*
** Writer: growth, identity and life of a message being encoded. Bytes collect
** in a scratch buffer of the kernel thread; those of a large message for the
** family move, once, into a parcel that then grows in the arena, so that they
** are not copied again at the end.
*/
#include "codec/writer.h"

#include <stdlib.h>
#include <string.h>

enum {
  SCRATCH_SIZE = 1024,       /* at first */
  SCRATCH_TO_PARCEL = 4096,  /* larger messages are written in the arena */
  SCRATCH_KEEP = 64 * 1024,  /* more is given back */
  SEEN_BITS = 6,
  SEEN_BITS_KEEP = 12,
  OBJECTS_KEEP = 256
};

/* Those not in use. Taken and given back without a call to Lua in between that
** could raise, or under lua_pcall; so none is lost to an error. */
static _Thread_local codec_writer *spare;

/* {== memory */

static void writer_free(codec_writer *w) {
  cc_parcel_release(w->parcel);
  free(w->scratch);
  free(w->objects);
  free(w->seen);
  free(w);
}

static bool seen_resize(codec_writer *w, uint32_t bits) {
  writer_identity *old = w->seen;
  size_t i, size = w->seen == NULL ? 0 : (size_t)1 << w->seen_bits;
  writer_identity *fresh = calloc((size_t)1 << bits, sizeof *fresh);
  if (fresh == NULL) return false;
  w->seen = fresh;
  w->seen_bits = bits;
  for (i = 0; i < size; i++)
    if (old[i].epoch == w->epoch) *writer_entry(w, old[i].key) = old[i];
  free(old);
  return true;
}

static codec_writer *writer_new(void) {
  codec_writer *w = calloc(1, sizeof *w);
  if (w == NULL) return NULL;
  w->epoch = 1;
  w->scratch = malloc(SCRATCH_SIZE);
  w->scratch_size = SCRATCH_SIZE;
  if (w->scratch == NULL || !seen_resize(w, SEEN_BITS)) {
    writer_free(w);
    return NULL;
  }
  return w;
}

void writer_restart(codec_writer *w) {
  if (w->parcel != NULL) {
    w->start = w->parcel->bytes;
    w->end = w->start + w->parcel->size;
  } else {
    w->start = w->scratch;
    w->end = w->start + w->scratch_size;
  }
  w->at = w->start;
  w->nobjects = w->seen_count = w->numbers = 0;
  w->flags = 0;
  if (++w->epoch == 0) { /* entries of 2^32 messages ago would count again */
    memset(w->seen, 0, sizeof *w->seen << w->seen_bits);
    w->epoch = 1;
  }
}

codec_writer *writer_take(codec_mode mode) {
  codec_writer *w = spare;
  if (w != NULL)
    spare = w->next;
  else if ((w = writer_new()) == NULL)
    return NULL;
  w->mode = mode;
  w->careful = w->refused = w->exhausted = w->shared = w->names_known = false;
  w->names = NULL;
  writer_restart(w);
  return w;
}

static void writer_give_back(codec_writer *w) {
  cc_parcel_release(w->parcel);
  w->parcel = NULL;
  if (cc_unlikely(w->scratch_size > SCRATCH_KEEP)) {
    unsigned char *small = realloc(w->scratch, SCRATCH_SIZE);
    if (small != NULL) {
      w->scratch = small;
      w->scratch_size = SCRATCH_SIZE;
    }
  }
  if (cc_unlikely(w->seen_bits > SEEN_BITS_KEEP)) {
    w->epoch++; /* nothing to carry over */
    if (w->epoch == 0) w->epoch = 1;
    (void)seen_resize(w, SEEN_BITS);
  }
  if (cc_unlikely(w->objects_size > OBJECTS_KEEP)) {
    free(w->objects);
    w->objects = NULL;
    w->objects_size = 0;
  }
  w->next = spare;
  spare = w;
}

void codec_thread_end(void) {
  while (spare != NULL) {
    codec_writer *w = spare;
    spare = w->next;
    writer_free(w);
  }
}

/* ==} {== bytes */

static bool grow_in_parcel(codec_writer *w, size_t used, size_t size) {
  if (w->parcel != NULL) {
    w->shared = !cc_parcel_resize(&w->parcel, size);
  } else {
    w->parcel = cc_parcel_new(size, NULL, 0);
    w->shared = w->parcel == NULL;
    if (!w->shared) memcpy(w->parcel->bytes, w->start, used);
  }
  if (!w->shared) w->start = w->parcel->bytes;
  return !w->shared;
}

static bool grow_in_scratch(codec_writer *w, size_t size) {
  unsigned char *larger = realloc(w->scratch, size);
  if (larger == NULL) return false;
  w->start = w->scratch = larger;
  w->scratch_size = size;
  return true;
}

bool writer_grow(codec_writer *w, size_t n) {
  size_t used = (size_t)(w->at - w->start);
  size_t size = (size_t)(w->end - w->start);
  bool grown;
  if (n > SIZE_MAX / 4 || used > SIZE_MAX / 4) {
    w->exhausted = true;
    return false;
  }
  size = size * 2 > used + n + 64 ? size * 2 : used + n + 64;
  if (w->mode == CODEC_FAMILY && size > SCRATCH_TO_PARCEL)
    grown = grow_in_parcel(w, used, size);
  else
    grown = grow_in_scratch(w, size);
  if (!grown) {
    w->exhausted = true;
    return false;
  }
  w->at = w->start + used;
  w->end = w->start + size;
  return true;
}

bool writer_put(codec_writer *w, const void *bytes, size_t n) {
  if (!writer_room(w, n)) return false;
  if (n > 0) memcpy(w->at, bytes, n);
  w->at += n;
  return true;
}

/* ==} {== identity */

bool writer_add(codec_writer *w, writer_identity *e, const void *key, uint32_t number) {
  e->key = key;
  e->number = number;
  e->epoch = w->epoch;
  if (cc_likely(++w->seen_count * 2 <= (uint32_t)1 << w->seen_bits)) return true;
  if (w->seen_bits < 31 && seen_resize(w, w->seen_bits + 1)) return true;
  w->exhausted = true;
  return false;
}

bool writer_object(codec_writer *w, cc_object *o, uint32_t *index) {
  /* an odd address, which no Lua value has */
  const void *key = (const char *)o + 1;
  writer_identity *e = writer_entry(w, key);
  if (writer_knows(w, e)) {
    *index = e->number;
    return true;
  }
  if (w->nobjects == w->objects_size) {
    uint32_t size = w->objects_size == 0 ? 16 : w->objects_size * 2;
    cc_object **larger = realloc(w->objects, size * sizeof *larger);
    if (larger == NULL) {
      w->exhausted = true;
      return false;
    }
    w->objects = larger;
    w->objects_size = size;
  }
  *index = w->nobjects;
  w->objects[w->nobjects++] = o;
  return writer_add(w, e, key, *index);
}

/* ==} {== the end of a message */

const unsigned char *codec_bytes(const codec_writer *w, size_t *size) {
  *size = (size_t)(w->at - w->start);
  return w->start;
}

uint32_t codec_nobjects(const codec_writer *w) {
  return w->nobjects;
}

cc_parcel *codec_finish(codec_writer *w) {
  size_t size = (size_t)(w->at - w->start);
  cc_parcel *p = NULL;
  if (w->parcel == NULL) {
    p = cc_parcel_new(size, w->objects, w->nobjects);
    if (p != NULL) memcpy(p->bytes, w->start, size);
  } else if (cc_parcel_seal(&w->parcel, size, w->objects, w->nobjects)) {
    p = w->parcel;
    w->parcel = NULL;
  }
  writer_give_back(w);
  return p;
}

void codec_cancel(codec_writer *w) {
  writer_give_back(w);
}

/* ==} */
