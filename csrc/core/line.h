/*
** Line: what the files of the crew share: the line of work, the states of members, and bringing
** both together. All under the crew's guard.
*/
#ifndef CC_LINE_H
#define CC_LINE_H

#include "core/crew.h"

/* Puts work into line, which is in none: behind all, or as what the member has submitted. */
void cc_line_push(cc_self *me, cc_crew *c, cc_work *w, cc_member *by);

/* Takes it out, and gives up the line's reference: the caller has another. */
void cc_line_remove(cc_self *me, cc_crew *c, cc_work *w);

/* The same for a future, whose reference becomes the member's: it is what that does. */
void cc_line_give(cc_self *me, cc_crew *c, cc_work *w, cc_member *m);

/* Puts a job behind all others. */
void cc_line_rotate(cc_self *me, cc_crew *c, cc_work *w);

/* For how many workers the job has cells that nobody was given. */
uint64_t cc_line_shares(const cc_job *j);

/* Whether there is anything to be done that nobody was given. */
bool cc_line_any(const cc_crew *c);

/* Calls who waits for room, as many as there is room for. */
void cc_line_call_room(cc_self *me, cc_crew *c);

void cc_member_set(cc_self *me, cc_crew *c, cc_member *m, uint32_t state, uint32_t blocked);

/* Wakes idle members, or asks for new ones, as long as there is work for more. */
void cc_crew_serve(cc_self *me, cc_crew *c);

/* Wakes all idle members, which will see that they are to leave. */
void cc_crew_dismiss(cc_self *me, cc_crew *c);

/* If nobody and nothing is left, tells who waits for that. */
void cc_crew_check_over(cc_self *me, cc_crew *c);

static inline void cc_crew_call_steward(const cc_crew *c) { cc_wake(atomic_load(&c->steward)); }

#endif
