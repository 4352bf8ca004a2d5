/*
** Two keys without an order differ in the kind of an element after a common
** beginning. All nodes with that beginning stand side by side and are of one kind
** there (or end), so it is enough to compare a new key with its two neighbours.
*/
#include "core/pile.h"

#include "core/arena.h"
#include "core/key.h"

struct cc_node {
  cc_node *next; /* on the first level */
  uint32_t size, kind; /* the item's */
  uint64_t word;       /* its value, unless sized */
  const unsigned char *key; /* in here; NULL in a stack */
  uint32_t height;
  uint32_t bytes; /* where the item's bytes begin */
  cc_node *up[];  /* height - 1 of them; then the key, then the bytes */
};

/* A random height: one level more with a chance of a quarter (G. Marsaglia, "Xorshift
** RNGs", J. Stat. Softw. 2003). */
static uint32_t random_height(void) {
  static _Thread_local uint64_t x;
  if (x == 0) x = (uint64_t)cc_clock() * 2654435761u | 1;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  uint32_t height = 1;
  for (uint64_t bits = x >> 16; (bits & 3) == 0 && height < CC_PILE_LEVELS; bits >>= 2) height++;
  return height;
}

cc_pile *cc_pile_new(void) {
  cc_pile *p = cc_arena_new(sizeof *p);
  if (p != NULL) memset(p, 0, sizeof *p);
  return p;
}

cc_node *cc_node_new(const cc_item *item, const unsigned char *key, size_t size) {
  uint32_t height = key == NULL ? 1 : random_height();
  size_t at = sizeof(cc_node) + (height - 1) * sizeof(cc_node *);
  size_t length = cc_item_sized(item->kind) ? item->size : 0;
  if (size > UINT32_MAX / 2) return NULL;
  cc_node *n = cc_arena_take(at + size + length);
  if (n == NULL) return NULL;
  n->next = NULL;
  n->size = item->size;
  n->kind = item->kind;
  n->word = cc_item_sized(item->kind) ? 0 : item->u.word;
  n->height = height;
  n->key = key == NULL ? NULL : (unsigned char *)n + at;
  n->bytes = (uint32_t)(at + size);
  if (key != NULL) memcpy((char *)n + at, key, size);
  if (length > 0) memcpy((char *)n + n->bytes, item->u.bytes, length);
  return n;
}

void cc_node_item(const cc_node *n, cc_item *item) {
  item->size = n->size;
  item->kind = n->kind;
  if (cc_item_sized(n->kind))
    memcpy(item->u.bytes, (const char *)n + n->bytes, n->size);
  else
    item->u.word = n->word;
}

cc_node **cc_node_next(cc_node *n) { return &n->next; }

void cc_node_free(cc_node *n) { cc_arena_free(n); }

/* The link to the next node at a level, behind a node or (NULL) at the front. */
static cc_node **link_at(cc_pile *p, cc_node *n, uint32_t level) {
  if (n == NULL) return &p->first[level];
  return level == 0 ? &n->next : &n->up[level - 1];
}

/* The last nodes on each level that stand before a new one of that key: all smaller
** ones, the equal ones too unless `front`. NULL: none. */
static void find(cc_pile *p, const unsigned char *key, bool front, cc_node *before[CC_PILE_LEVELS]) {
  cc_node *at = NULL;
  bool ordered = true;
  for (uint32_t level = CC_PILE_LEVELS; level-- > 0;) {
    for (cc_node *next; (next = *link_at(p, at, level)) != NULL; at = next) {
      int order = cc_key_compare(next->key, key, &ordered);
      if (order > 0 || (front && order == 0)) break;
    }
    before[level] = at;
  }
}

static bool fits(cc_pile *p, const unsigned char *key, cc_node *before) {
  bool ordered = true;
  cc_node *after = *link_at(p, before, 0);
  if (before != NULL) cc_key_compare(before->key, key, &ordered);
  if (after != NULL) cc_key_compare(key, after->key, &ordered);
  return ordered;
}

static bool put(cc_self *me, cc_pile *p, cc_node *n, bool front) {
  cc_node *before[CC_PILE_LEVELS] = {NULL};
  if (n->key != NULL) {
    find(p, n->key, front, before);
    if (!front && !fits(p, n->key, before[0])) return false;
  }
  for (uint32_t level = 0; level < n->height; level++) {
    cc_node **link = link_at(p, before[level], level);
    *link_at(p, n, level) = *link;
    cc_note(me, *link);
    *link = n;
  }
  return true;
}

bool cc_pile_put(cc_self *me, cc_pile *p, cc_node *n) { return put(me, p, n, false); }

void cc_pile_put_back(cc_self *me, cc_pile *p, cc_node *n) { put(me, p, n, true); }

bool cc_pile_fits(cc_self *me, cc_pile *p, const cc_node *n) {
  cc_node *before[CC_PILE_LEVELS];
  cc_guard_lock(&p->guard, me->word);
  find(p, n->key, false, before);
  bool ok = fits(p, n->key, before[0]);
  cc_guard_unlock(&p->guard);
  return ok;
}

cc_node *cc_pile_take(cc_self *me, cc_pile *p) {
  cc_node *n = p->first[0];
  for (uint32_t level = 0; n != NULL && level < n->height; level++) {
    cc_note(me, p->first[level]);
    p->first[level] = *link_at(p, n, level);
  }
  return n;
}
