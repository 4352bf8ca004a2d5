/*
** Runs: stretches of free chunks of the arena. Used by arena.c alone.
*/
#ifndef CC_RUNS_H
#define CC_RUNS_H

#include "core/arena.h"

#define CC_NO_RUN UINT32_MAX

enum { CHUNK_FREE, CHUNK_SLAB, CHUNK_RUN }; /* states */

/* The first of n adjoining chunks, which are a block in the calling thread's hand now, or
** CC_NO_RUN. */
uint32_t cc_runs_take(cc_arena *a, uint32_t n);

/* Changes the length of a run in place; false when what follows is not free. */
bool cc_runs_resize(cc_arena *a, uint32_t i, uint32_t n);

/* Gives a run back, out of the hand if it is in one. */
void cc_runs_give(cc_arena *a, uint32_t i);

void cc_runs_trim(cc_arena *a);

#endif
