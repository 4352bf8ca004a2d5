/*
** Encode: what the files that walk values share. A walk returns false to give
** up: for lack of memory (w->exhausted), or, before it is careful, because it
** met what may only be done under lua_pcall. A careful walk raises refusals.
*/
#ifndef CODEC_ENCODE_H
#define CODEC_ENCODE_H

#include "codec/writer.h"

typedef enum path_kind {
  PATH_ARGUMENT,  /* index: which of the values */
  PATH_PREFIX,    /* index: stack index of a string */
  PATH_FIELD,     /* index: stack index of the key */
  PATH_KEY,       /* a key itself */
  PATH_METATABLE,
  PATH_UPVALUE,   /* name */
  PATH_TRANSFER   /* index: which of the results of __transfer */
} path_kind;

/* How the walk came to a value; links live on the C stack. */
typedef struct path_link {
  const struct path_link *up;
  path_kind kind;
  int index;
  const char *name;
} path_link;

/* Appends the value at idx. */
bool encode_value(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up);

/* The same for a function, and for a function's upvalues. */
bool encode_function(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up);
bool encode_upvalues(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up);

/* A table or userdata with a __transfer on top of the stack; pops it. */
bool encode_transfer(codec_writer *w, lua_State *L, int idx, int depth, const path_link *up);

/* What stands for a number of pairs. */
unsigned encode_hint(uint64_t pairs);

bool encode_tag(codec_writer *w, unsigned tag);
bool encode_tagged(codec_writer *w, unsigned tag, uint64_t v); /* tag varint(v) */

/* Looks for key among the values seen. Found: appends a TAG_REF and sets *done.
** Otherwise gives it the next number. */
bool encode_seen(codec_writer *w, const void *key, bool *done);

/* Appends the name of the value at idx if it has one and then sets *done.
** Careful only. */
bool encode_name(codec_writer *w, lua_State *L, int idx, const path_link *up, bool *done);

/* Notes that the body of the table or function at idx comes later. Careful only. */
bool encode_later(codec_writer *w, lua_State *L, int idx, const path_link *up);

/* Appends the bodies noted since there were `noted` of them. Careful only. */
bool encode_bodies(codec_writer *w, lua_State *L, lua_Integer noted, int depth);

/* Raise `cannot transfer a <type> (at <path>)`; `what` replaces the type. */
int encode_refuse(codec_writer *w, lua_State *L, int idx, const path_link *up);
int encode_refuse_as(codec_writer *w, lua_State *L, const char *what, const path_link *up);

/* Pushes the beginning of a path, to be continued after `…` (path.c). */
void path_push_prefix(const codec_writer *w, lua_State *L, const path_link *up);

/* Pushes the whole path. */
void path_push(const codec_writer *w, lua_State *L, const path_link *up);

#endif
