/*
** Bury: what a process leaves behind when it has ended, in whatever way, is taken back
** by another: its slots, its references, what it counted for.
*/
#ifndef CC_BURY_H
#define CC_BURY_H

#include "core/slot.h"

/* Killed by a signal; ended of itself, with what other threads it had in the middle of anything;
** its main thread has left. */
typedef enum cc_end { CC_KILLED, CC_EXITED, CC_LEFT } cc_end;

/* The process of that entry has ended (or was never forked). Called once, by whoever waited
** for it, before anybody hears of the end. The entry is free afterwards. */
void cc_bury(uint32_t process, cc_end how);

/* Takes a task, which will not go on with its wait, out of the lines in which it stands, and drops what it
** has in its hands. */
void cc_slot_withdraw(cc_self *me, cc_slot *s);

#endif
