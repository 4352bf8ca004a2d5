/* Event: a flag that threads wait for. */
#ifndef CC_EVENT_H
#define CC_EVENT_H

#include "core/kind.h"
#include "core/park.h"

typedef struct cc_event {
  cc_object object;
  _Atomic uint32_t flag; /* changed under the object's guard, read without */
} cc_event;

extern const cc_ops cc_event_ops;

cc_event *cc_event_new(void);

/* Raises the flag and frees all who wait now, also if it falls at once. */
void cc_event_set(cc_self *me, cc_event *e);
void cc_event_clear(cc_self *me, cc_event *e);
bool cc_event_is_set(const cc_event *e);
cc_outcome cc_event_wait(cc_self *me, cc_event *e, int64_t deadline);

#endif
