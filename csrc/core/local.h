/*
** Local: how many references this process has to each object. Private memory:
** it dies with the process, and only whether a count is zero shows outside (the
** object's bit for this process).
*/
#ifndef CC_LOCAL_H
#define CC_LOCAL_H

#include "core/object.h"

bool cc_local_open(uint32_t limit);

/* In a child: it has no references yet. */
void cc_local_renew(uint32_t limit);

/* Count up; true when it was zero. Count down; true when it became zero. The
** caller holds cc_local_guard(index), which also covers the object's bit. */
bool cc_local_up(uint32_t index);
bool cc_local_down(uint32_t index);
cc_guard *cc_local_guard(uint32_t index);

#endif
