/*
** Runs: stretches of free chunks of the arena. Used by arena.c alone.
*/
#ifndef CC_RUNS_H
#define CC_RUNS_H

#include "core/arena.h"

#define CC_NO_RUN UINT32_MAX

/* The first of n adjoining chunks, or CC_NO_RUN. */
uint32_t cc_runs_take(cc_arena *a, uint32_t n);

/* Makes a run of `have` chunks one of `want` in place, if what follows is free. */
bool cc_runs_extend(cc_arena *a, uint32_t i, uint32_t have, uint32_t want);

void cc_runs_give(cc_arena *a, uint32_t i, uint32_t n);
void cc_runs_trim(cc_arena *a);

#endif
