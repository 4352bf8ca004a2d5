/*
** Link: the client's side of a connection to a manager's server, shared by all threads of the
** process that made it; and proxies, which stand for objects behind it. Handles to both travel
** like all others, but only that process can use them.
**
** A call is sent and then waited for. One of those who wait leads: it polls the socket and hands
** to the others what is theirs, so that a single caller needs no other thread. A kernel thread
** per process looks after links now and then: it says that we are there, and notices when the
** server is not.
*/
#ifndef CC_LINK_H
#define CC_LINK_H

#include "core/cipher.h"
#include "core/kind.h"
#include "core/park.h"

#define CC_LINK_NAME 128 /* bytes of an address as text, cut */
#define CC_CALL_NAME 255 /* bytes of a method's name */
#define CC_REPLY_INLINE 256

struct cc_link_private;

typedef struct cc_link {
  cc_object object;
  uint64_t owner;                /* the process's number, which no other has; constant */
  struct cc_link_private *own;   /* in its memory; constant */
  int64_t max_depth;             /* of tables that are received; constant */
  char name[CC_LINK_NAME];       /* constant */
} cc_link;

typedef struct cc_proxy {
  cc_object object;
  cc_link *link;        /* a parcel's reference; constant */
  uint32_t held;        /* how many references that are: 1 or, in the end, 0 */
  uint32_t kind;        /* cc_kind of the object behind it, 0: unknown here; constant */
  uint64_t remote;      /* its id at the server; constant */
} cc_proxy;

typedef struct cc_link_options {
  const cc_cipher *cipher;
  const void *key;
  size_t key_size, max_message;
  int64_t heartbeat; /* ns */
  int64_t max_depth;
  const char *address;
} cc_link_options;

/* Not connected yet; NULL for lack of memory. The address has been found. */
cc_link *cc_link_new(const cc_link_options *o, const cc_addresses *addresses);

/* Connects: CC_OK, CC_CLOSED and *why, CC_NO_MEMORY, CC_TIMEOUT, or CC_CANCELLED and
** CC_INTERRUPTED, after which it may be called again. */
cc_outcome cc_link_dial(cc_self *me, cc_link *k, int64_t deadline, const char **why);

/* Whether this process made it. */
bool cc_link_ours(const cc_link *k);

typedef struct cc_reply { /* what follows the call's id: a status byte and a body */
  uint8_t *bytes;         /* in `inlined`, or a block that cc_reply_drop frees */
  size_t size;
  uint8_t inlined[CC_REPLY_INLINE];
} cc_reply;

void cc_reply_drop(cc_reply *r);

/* Calls the method of the object with that id (0: a function of the server) and waits: CC_OK and
** a reply that is to be dropped; CC_CLOSED: the connection is lost; CC_MISUSE: the message is too
** large; CC_NO_MEMORY; or CC_CANCELLED and CC_INTERRUPTED: the server has withdrawn it, without
** effect. The link is ours. */
cc_outcome cc_link_call(cc_self *me, cc_link *k, uint64_t remote, const char *name, size_t nname,
                        const void *arguments, size_t size, cc_reply *reply);

/* A reference to the proxy of an object that the server has handed out once more; NULL for lack
** of memory. The link is ours. */
cc_proxy *cc_link_proxy(cc_self *me, cc_link *k, uint64_t remote, cc_kind kind);

/* In a child: closes the parent's connections, which came along. */
void cc_link_forget(void);

extern const cc_ops cc_link_ops, cc_proxy_ops;

#endif
