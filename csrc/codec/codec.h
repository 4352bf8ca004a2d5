/*
** Codec: Lua values <-> bytes. Encoding walks the values once and appends to a
** writer; decoding reads through a bounded reader and trusts nothing. What
** crosses how is said in doc/transfer.md.
*/
#ifndef CODEC_H
#define CODEC_H

#include <lua.h>

#include "core/parcel.h"

typedef enum codec_mode {
  CODEC_FAMILY, /* everything that can cross, handles included */
  CODEC_CODE,   /* the same without handles: pack_code */
  CODEC_PLAIN,  /* nil, booleans, numbers, strings, tables without metatable */
  CODEC_NETWORK /* the same, but metatables are left out instead of refused; decodes as CODEC_PLAIN */
} codec_mode;

static inline bool codec_is_plain(codec_mode mode) { return mode >= CODEC_PLAIN; }

/* {== encoding */

typedef struct codec_writer codec_writer;

/* Encodes the n values from stack index `first` on (n may be 0) and returns the
** writer that holds the message until codec_finish or codec_cancel. Raises
** `cannot transfer a <type> (at <path>)` or for lack of memory, with nothing
** left behind. The stack is as before. `nameless`: how many of the first values
** the path does not count as arguments (a thread's function). */
codec_writer *codec_encode(lua_State *L, int first, int n, codec_mode mode, int nameless);

/* The same for plain values in CODEC_FAMILY mode, and never raises: NULL for those that need
** more than that, or for lack of memory, with nothing left behind. */
codec_writer *codec_encode_plain(lua_State *L, int first, int n);

const unsigned char *codec_bytes(const codec_writer *w, size_t *size);

/* How many objects the message refers to. */
uint32_t codec_nobjects(const codec_writer *w);

/* Makes the message a parcel (one reference, the caller's) and ends the
** writer. NULL when shared memory is used up; the writer has ended then, too.
** Never raises. */
cc_parcel *codec_finish(codec_writer *w);

/* Ends the writer without a parcel. Never raises. */
void codec_cancel(codec_writer *w);

/* Frees what this module keeps for the calling kernel thread. */
void codec_thread_end(void);

/* ==} {== decoding */

/* Pushes the values of a message, returns how many. Raises `malformed data` for
** bytes that codec_encode did not write, what a rebuild function raises, and
** for a module or name that this state lacks. `objects` are those of the parcel
** (NULL, 0 for none). The caller keeps bytes alive and unchanged meanwhile. */
int codec_decode(lua_State *L, const unsigned char *bytes, size_t size,
                 cc_object *const *objects, uint32_t nobjects, codec_mode mode);

#define CODEC_MAX_DEPTH 200 /* of what strangers send, unless they are told otherwise */

/* The same for plain data of strangers: also raises for tables nested more than max_depth deep. */
int codec_decode_within(lua_State *L, const unsigned char *bytes, size_t size, int64_t max_depth);

/* Decodes a parcel in CODEC_FAMILY mode and releases the caller's reference,
** also when decoding raises. */
int codec_decode_parcel(lua_State *L, cc_parcel *p);

/* ==} {== modules by name */

/* Prepares a state: learns the names of the standard libraries and of the
** modules loaded so far, and wraps `require` so that it learns those of later
** modules when they return. Once per state. */
void codec_names_open(lua_State *L);

/* Learns the value on top (a module) under `name`; leaves it. */
void codec_names_learn(lua_State *L, const char *name);

/* Learns the value on top, which has taken the place of a module's field; leaves it. */
void codec_names_learn_field(lua_State *L, const char *module, const char *field);

/* ==} */

#endif
