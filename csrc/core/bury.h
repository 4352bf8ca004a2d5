/*
** Bury: what a process leaves behind when it has ended, in whatever way, is taken back
** by another: its slots, its references, what it counted for.
*/
#ifndef CC_BURY_H
#define CC_BURY_H

#include "os/os.h"

/* The process of that entry has ended, killed by a signal or not (or was never forked). Called once, by whoever waited
** for it, before anybody hears of the end. The entry is free afterwards. */
void cc_bury(uint32_t process, bool killed);

#endif
