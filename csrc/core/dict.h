/*
** Dict: a shared table from scalars to values. It is cut into shards, each with its
** own guard, so that threads at different keys seldom meet. A shard is a hash table
** that grows and shrinks bucket by bucket (P.-A. Larson, "Dynamic Hash Tables",
** CACM 1988), so that no change takes long.
**
** A change of a key waits while somebody else has the key's turn (turn.h), or while a
** copy of the whole dict is made; readers wait for neither. A shard lists the turns that
** somebody has or waits for.
*/
#ifndef CC_DICT_H
#define CC_DICT_H

#include "core/kind.h"
#include "core/records.h"
#include "core/turn.h"

#define CC_DICT_SHARDS 32 /* a power of two */

typedef struct cc_entry cc_entry;

/* The turn of a key; of all with the same hash, to be exact. */
typedef struct cc_key_turn {
  cc_turn turn;
  struct cc_key_turn *next;
  uint64_t hash;
  uint32_t users; /* who has entered, and not left; 0: it is freed */
} cc_key_turn;

typedef struct cc_shard {
  _Alignas(64) cc_guard guard; /* the rest */
  uint32_t buckets;            /* in use; 0: none yet */
  uint32_t room;               /* of the table, in buckets */
  _Atomic uint32_t n;          /* entries; written under the guard */
  cc_entry **table;
  cc_key_turn *turns;
  cc_entry **trash;            /* a table that was taken out at once and is being dropped */
  uint32_t trash_buckets;
} cc_shard;

typedef struct cc_dict {
  cc_object object;
  uint64_t seed;            /* of the hashes; constant */
  cc_guard copy_guard;      /* held while the dict is copied */
  _Atomic uint32_t copying; /* changes wait for the copy guard */
  cc_shard shards[CC_DICT_SHARDS];
} cc_dict;

/* A key, which is not owned: an integer, float (not NaN, and no whole number that is an
** integer), boolean or string. */
typedef struct cc_key {
  uint32_t kind; /* of cc_item: CC_ITEM_STRING for strings of any length */
  uint64_t word; /* of a scalar */
  const void *bytes; /* of a string */
  size_t size;
} cc_key;

extern const cc_ops cc_dict_ops;

cc_dict *cc_dict_new(void); /* NULL when shared memory is used up */

/* The turn of a key, for those who will take it under the guard of the shard, and leave it
** afterwards. NULL when shared memory is used up. */
cc_key_turn *cc_dict_enter(cc_self *me, cc_dict *d, const cc_key *key, cc_shard **s);

/* The same for some turn of the shard that somebody else has; NULL: there is none. */
cc_key_turn *cc_dict_enter_busy(cc_self *me, cc_shard *s);

void cc_dict_leave(cc_self *me, cc_shard *s, cc_key_turn *t);

/* A copy of the value, a parcel being retained; false and nil when there is none. */
bool cc_dict_get(cc_self *me, cc_dict *d, const cc_key *key, cc_item *item);
bool cc_dict_has(cc_self *me, cc_dict *d, const cc_key *key);

/* Stores an item, whose reference goes over, or removes the key for a nil; *old is what was
** there, nil for nothing. CC_OK; CC_TIMEOUT, somebody else has the turn; CC_NO_MEMORY. */
cc_outcome cc_dict_set(cc_self *me, cc_dict *d, const cc_key *key, const cc_item *item,
                       cc_item *old);

/* Stores an item unless there is one; *now is what is there then, retained. CC_OK (the item was
** stored), CC_CLOSED (there was one), CC_TIMEOUT, CC_NO_MEMORY. */
cc_outcome cc_dict_set_default(cc_self *me, cc_dict *d, const cc_key *key, const cc_item *item,
                               cc_item *now);

/* Adds all keys and values of one moment, in turn, to the records. */
typedef enum cc_dict_part { CC_DICT_KEYS = 1, CC_DICT_VALUES = 2, CC_DICT_BOTH = 3 } cc_dict_part;
bool cc_dict_copy(cc_self *me, cc_dict *d, cc_dict_part part, cc_records *r);

/* Removes the keys of a shard; CC_OK or CC_TIMEOUT: somebody else has a turn. */
cc_outcome cc_dict_clear_shard(cc_self *me, cc_dict *d, cc_shard *s);

uint64_t cc_dict_size(const cc_dict *d);

#endif
