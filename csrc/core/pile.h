/*
** Pile: the storage of a queue that does not give items in order of arrival: a
** stack, or a list sorted by key. The list is a skip list (W. Pugh, "Skip Lists: A
** Probabilistic Alternative to Balanced Trees", CACM 1990): its first level is the
** truth, those above are shortcuts. Each item is a node that its putter makes
** outside any guard, so that putting it in needs no memory.
*/
#ifndef CC_PILE_H
#define CC_PILE_H

#include "core/guard.h"
#include "core/slot.h"

#define CC_PILE_LEVELS 16 /* with a quarter going up each: enough for 2^32 nodes */

typedef struct cc_node cc_node;

typedef struct cc_pile {
  cc_guard guard;                 /* the rest; taken under a guard of the queue, and kept until
                                  ** its section is done */
  cc_node *first[CC_PILE_LEVELS]; /* of each level */
} cc_pile;

cc_pile *cc_pile_new(void); /* NULL when shared memory is used up */

/* A node in the caller's hand with a copy of the item (its parcel's reference stays where it is)
** and of the key, NULL for a stack. NULL when shared memory is used up. */
cc_node *cc_node_new(const cc_item *item, const unsigned char *key, size_t size);

/* Copies the item out of the node. */
void cc_node_item(const cc_node *n, cc_item *item);

cc_node **cc_node_next(cc_node *n); /* for a chain of nodes that are in no pile */
void cc_node_free(cc_node *n);      /* the node alone */

/* Puts a node in, behind those of equal key; false when its key has no order with
** the key of a node that is in there. Under the guard, in a section. */
bool cc_pile_put(cc_self *me, cc_pile *p, cc_node *n);

/* The same before those of equal key: a node that was taken out goes back. */
void cc_pile_put_back(cc_self *me, cc_pile *p, cc_node *n);

/* Whether a node could be put in now. */
bool cc_pile_fits(cc_self *me, cc_pile *p, const cc_node *n);

/* Takes the first node out; NULL when there is none. Under the guard, in a section. */
cc_node *cc_pile_take(cc_self *me, cc_pile *p);

#endif
