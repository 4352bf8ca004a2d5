/*
** Host: what the parts of concur.h have in common. Its objects are those of core; a
** host's reference to one is a reference of the process, and counts as something pending, since
** nobody knows what the host's threads will do with it.
*/
#ifndef HOST_H
#define HOST_H

#include "concur.h"
#include "core/item.h"
#include "core/park.h"

/* {== waits */

int host_status(cc_outcome outcome);
int64_t host_deadline(double timeout);

/* Repeats a call that a signal for Lua code interrupted: there is none here. */
#define host_await(outcome, call) \
  do (outcome) = (call);          \
  while ((outcome) == CC_INTERRUPTED)

/* ==} {== references */

/* Whether the process is prepared, which this does if need be. */
bool host_ready(void);

/* Makes a fresh reference the host's; o may be NULL. Returns o. */
void *host_own(void *o);

/* ==} {== items */

/* Fills a core's item from the host's; a parcel is in the caller's hand. CONCUR_OK, CONCUR_NO_MEMORY,
** CONCUR_TYPE. */
int host_send(const concur_item *from, cc_item *to);

/* Where a core's item is put that host_receive is to make one for the host, with its parcel's reference.
** owner: the object that it came from, if its message may refer to that without counting; NULL. */
cc_item *host_stored(concur_item *item);
void host_receive(concur_item *item, cc_object *owner);

void host_receive_nothing(concur_item *item);
void host_receive_text(concur_item *item, const char *text); /* cut to what needs no memory */

/* ==} */

#endif
