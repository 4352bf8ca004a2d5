/* Queues. */
#include "core/queue.h"

#include <stdlib.h>
#include <string.h>

#include "core/key.h"
#include "host/host.h"

static cc_queue *core(concur_queue *q) { return (cc_queue *)(void *)q; }
static const cc_queue *look(const concur_queue *q) { return (const cc_queue *)(const void *)q; }

concur_queue *concur_queue_new(size_t maxsize) {
  return host_ready() ? host_own(cc_queue_new(CC_QUEUE, maxsize, NULL)) : NULL;
}

/* {== queues of another order: the item becomes a node */

/* What a number or a string is ordered by. NULL: nothing, or no memory. */
static unsigned char *make_key(const concur_item *from, size_t *size, int *status) {
  uint32_t length = (uint32_t)from->as.string.size;
  bool string = from->type == CONCUR_STRING, number = from->type == CONCUR_NUMBER;
  *status = CONCUR_TYPE;
  if (!string && !number && from->type != CONCUR_INTEGER) return NULL;
  if (string && from->as.string.size > INT32_MAX) return NULL;
  if (number && from->as.number != from->as.number) return NULL;
  *size = string ? 1 + sizeof length + length : CC_KEY_NUMBER_SIZE;
  *status = CONCUR_NO_MEMORY;
  unsigned char *key = malloc(*size);
  if (key == NULL) return NULL;
  if (string) {
    key[0] = CC_KEY_STRING;
    memcpy(key + 1, &length, sizeof length);
    if (length > 0) memcpy(key + 1 + sizeof length, from->as.string.bytes, length);
  } else if (number) {
    cc_key_float(key, from->as.number);
  } else {
    cc_key_integer(key, from->as.integer);
  }
  *status = CONCUR_OK;
  return key;
}

static int make_node(const cc_queue *q, const concur_item *from, cc_item *item) {
  unsigned char *key = NULL;
  size_t size = 0;
  int status = CONCUR_OK;
  if (q->key != NULL) status = CONCUR_TYPE; /* which only Lua code could find */
  else if (q->object.kind == CC_PRIORITY_QUEUE) key = make_key(from, &size, &status);
  cc_node *n = NULL;
  if (status == CONCUR_OK && (n = cc_node_new(item, key, size)) == NULL) status = CONCUR_NO_MEMORY;
  free(key);
  if (status != CONCUR_OK) {
    cc_item_drop(item);
    return status;
  }
  item->kind = CC_ITEM_NODE;
  item->u.node = n;
  return CONCUR_OK;
}

/* ==} {== put */

int concur_queue_put(concur_queue *q, const concur_item *item, double timeout) {
  cc_item sent;
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  int status = host_send(item, &sent);
  if (status == CONCUR_OK && look(q)->pile != NULL) status = make_node(look(q), item, &sent);
  if (status != CONCUR_OK) return status;
  host_await(outcome, cc_queue_put(cc_self_get(), core(q), &sent, deadline));
  if (outcome != CC_OK) cc_item_drop(&sent);
  return outcome == CC_MISUSE ? CONCUR_TYPE : host_status(outcome);
}

int concur_queue_put_nil(concur_queue *q, double timeout) {
  concur_item item;
  item.type = CONCUR_NIL;
  return concur_queue_put(q, &item, timeout);
}

int concur_queue_put_boolean(concur_queue *q, int b, double timeout) {
  concur_item item;
  item.type = CONCUR_BOOLEAN;
  item.as.boolean = b;
  return concur_queue_put(q, &item, timeout);
}

int concur_queue_put_integer(concur_queue *q, int64_t n, double timeout) {
  concur_item item;
  item.type = CONCUR_INTEGER;
  item.as.integer = n;
  return concur_queue_put(q, &item, timeout);
}

int concur_queue_put_number(concur_queue *q, double n, double timeout) {
  concur_item item;
  item.type = CONCUR_NUMBER;
  item.as.number = n;
  return concur_queue_put(q, &item, timeout);
}

int concur_queue_put_string(concur_queue *q, const char *bytes, size_t size, double timeout) {
  concur_item item;
  item.type = CONCUR_STRING;
  item.as.string.bytes = bytes;
  item.as.string.size = size;
  return concur_queue_put(q, &item, timeout);
}

int concur_queue_put_object(concur_queue *q, void *object, double timeout) {
  concur_item item;
  item.type = CONCUR_OBJECT;
  item.as.object = object;
  return concur_queue_put(q, &item, timeout);
}

/* ==} {== get and the rest */

int concur_queue_get(concur_queue *q, concur_item *item, double timeout) {
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  host_await(outcome, cc_queue_get(cc_self_get(), core(q), host_stored(item), deadline));
  if (outcome == CC_OK)
    host_receive(item, NULL);
  else
    host_receive_nothing(item);
  return host_status(outcome);
}

void concur_queue_close(concur_queue *q) { cc_queue_close(cc_self_get(), core(q), false); }

int concur_queue_closed(const concur_queue *q) { return cc_queue_closed(look(q)); }

size_t concur_queue_size(const concur_queue *q) { return (size_t)cc_queue_size(look(q)); }

int concur_queue_task_done(concur_queue *q) {
  return cc_queue_task_done(cc_self_get(), core(q)) ? CONCUR_OK : CONCUR_MISUSE;
}

int concur_queue_join(concur_queue *q, double timeout) {
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  host_await(outcome, cc_queue_join(cc_self_get(), core(q), deadline));
  return host_status(outcome);
}

/* ==} */
