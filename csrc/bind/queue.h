/* Queue: what queues and connections have in common in Lua. */
#ifndef BIND_QUEUE_H
#define BIND_QUEUE_H

#include "bind/bind.h"
#include "codec/item.h"
#include "core/queue.h"

/* The queue of any order whose handle is at idx. */
cc_queue *bind_queue(lua_State *L, int idx);

/* Fills the item from the value at idx, as codec_item, ready to be put into q, whose handle
** is at stack index `handle`: for a pile a node with the value's key. */
void bind_queue_item(lua_State *L, cc_queue *q, int handle, int idx, cc_item *item);

/* Puts the value at idx and pushes what the method returns; gets likewise. */
int bind_queue_put(lua_State *L, cc_queue *q, int handle, int idx, int64_t deadline);
int bind_queue_get(lua_State *L, cc_queue *q, int64_t deadline);

/* The blocking call; everything but success, timeout and a closed queue raises. */
cc_outcome bind_queue_wait_item(lua_State *L, cc_queue *q, cc_item *item, int64_t deadline);

/* Raises what a failed put means unless it is an expected failure. */
void bind_queue_raise(lua_State *L, cc_outcome outcome);

const char *bind_queue_reason(cc_outcome outcome, const char *otherwise);

/* The methods put_many and get_many. */
int bind_queue_put_many(lua_State *L);
int bind_queue_get_many(lua_State *L);

/* Fills the item with a node for q, a pile. */
void bind_queue_node(lua_State *L, cc_queue *q, int handle, int idx, cc_item *item);

/* concur.priority_queue */
int bind_new_priority_queue(lua_State *L);

/* Makes what a queue's constructor returns. */
int bind_queue_made(lua_State *L, cc_kind kind, lua_Integer maxsize);

#endif
