/*
** Fifo: the storage of a queue that gives items in order of arrival: a chain of
** segments, each a row of records (head and payload) ended by an END mark.
** Putters write behind the last record under the putters' guard, getters read the
** first under the getters' guard; who may read is decided by the queue's counts.
*/
#ifndef CC_FIFO_H
#define CC_FIFO_H

#include "core/queue.h"

/* In front of each item in a segment. */
typedef struct cc_head {
  uint32_t size; /* of bytes; of an END mark: where to go on in the next segment */
  uint32_t kind; /* of cc_item, or CC_END */
} cc_head;

enum { CC_END = 255 };

struct cc_segment {
  cc_segment *next; /* set before the END mark of this one is published */
  uint32_t size;    /* of bytes; constant */
  _Alignas(8) unsigned char bytes[];
};

static inline uint32_t cc_payload(uint32_t kind, uint32_t size) {
  return cc_item_sized(kind) ? (size + 7u) & ~7u : 8u;
}

/* Writes a record at `to`, returns its length. */
static inline uint32_t cc_record_write(unsigned char *to, const cc_item *item) {
  cc_head h = {item->size, item->kind};
  memcpy(to, &h, sizeof h);
  if (cc_item_sized(h.kind))
    memcpy(to + sizeof h, item->u.bytes, h.size);
  else
    memcpy(to + sizeof h, &item->u.word, 8);
  return (uint32_t)sizeof h + cc_payload(h.kind, h.size);
}

/* Reads the record at `from`, returns its length. */
static inline uint32_t cc_record_read(const unsigned char *from, cc_item *item) {
  cc_head h;
  memcpy(&h, from, sizeof h);
  item->size = h.size;
  item->kind = h.kind;
  if (cc_item_sized(h.kind))
    memcpy(item->u.bytes, from + sizeof h, h.size);
  else
    memcpy(&item->u.word, from + sizeof h, 8);
  return (uint32_t)sizeof h + cc_payload(h.kind, h.size);
}

/* Copies the record at `from`, returns its length. */
static inline uint32_t cc_record_copy(unsigned char *to, const unsigned char *from) {
  cc_head h;
  memcpy(&h, from, sizeof h);
  if (cc_likely(!cc_item_sized(h.kind))) {
    memcpy(to, from, sizeof h + 8); /* of constant length: no call */
    return (uint32_t)sizeof h + 8;
  }
  uint32_t length = (uint32_t)sizeof h + cc_payload(h.kind, h.size);
  memcpy(to, from, length);
  return length;
}

static inline uint32_t cc_record_length(const unsigned char *from) {
  cc_head h;
  memcpy(&h, from, sizeof h);
  return (uint32_t)sizeof h + cc_payload(h.kind, h.size);
}

/* {== the putters' end; under the putters' guard */

/* A segment with room for a record of `need` bytes and the END mark: a section of its own, with
** nothing unpublished before it. */
bool cc_fifo_extend(cc_self *me, cc_queue *q, uint32_t need);

static inline bool cc_fifo_has_room(const cc_queue *q, uint32_t need) {
  return cc_likely(q->put.segment != NULL &&
                   q->put.at + need + sizeof(cc_head) <= q->put.segment->size);
}

/* Writes the item behind the last, unpublished, in a section that notes q->put.at; false when
** shared memory is used up. */
static inline bool cc_fifo_append(cc_self *me, cc_queue *q, const cc_item *item) {
  uint32_t need = (uint32_t)sizeof(cc_head) + cc_payload(item->kind, item->size);
  if (!cc_fifo_has_room(q, need) && !cc_fifo_extend(me, q, need)) return false;
  cc_note(me, q->put.at);
  q->put.at += cc_record_write(q->put.segment->bytes + q->put.at, item);
  return true;
}

/* ==} {== the getters' end; under the getters' guard */

/* Goes on in the next segment and frees the one that is used up: a section of its own, with
** nothing taken that is not counted. */
const unsigned char *cc_fifo_advance(cc_self *me, cc_queue *q);

/* The record of the next item, which is published; NULL: cc_fifo_advance gives it. */
static inline const unsigned char *cc_fifo_first(const cc_queue *q) {
  if (cc_unlikely(q->get.segment == NULL)) return NULL;
  const unsigned char *from = q->get.segment->bytes + q->get.at;
  return cc_likely(((const cc_head *)(const void *)from)->kind != CC_END) ? from : NULL;
}

/* In a section. */
static inline void cc_fifo_take(cc_self *me, cc_queue *q, cc_item *item) {
  const unsigned char *from = cc_fifo_first(q);
  if (cc_unlikely(from == NULL)) from = cc_fifo_advance(me, q);
  cc_note(me, q->get.at);
  q->get.at += cc_record_read(from, item);
}

/* Puts the records of a segment from `at` on before all others; it has room for an END mark at
** `end`. It becomes the queue's, out of the caller's hand. In a section. */
void cc_fifo_give_back(cc_self *me, cc_queue *q, cc_segment *s, uint32_t at, uint32_t end);

/* ==} */

/* A segment that is in no queue but in the caller's hand, of the usual size; NULL when shared memory is used up. */
cc_segment *cc_fifo_segment(void);

void cc_fifo_free(cc_queue *q);

#endif
