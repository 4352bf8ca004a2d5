/* The library as a whole: version, preparation, what statuses mean. */
#include "host/host.h"

#include <lauxlib.h>

#include "bind/bind.h"
#include "core/family.h"
#include "run/context.h"
#include "run/state.h"
#include "run/thread.h"

int concur_version(void) { return CONCUR_VERSION_NUMBER; }

const char *concur_status_text(int status) {
  switch (status) {
    case CONCUR_OK: return "ok";
    case CONCUR_TIMEOUT: return "timeout";
    case CONCUR_CLOSED: return "closed";
    case CONCUR_FAILED: return "failed";
    case CONCUR_CANCELLED: return "cancelled";
    case CONCUR_DEADLOCK: return "deadlock";
    case CONCUR_MISUSE: return "not possible in this state of the object";
    case CONCUR_TYPE: return "an item of another type is needed";
    case CONCUR_NO_MEMORY: return "out of memory";
    case CONCUR_SYSTEM: return "refused by the operating system";
    default: return "unknown status";
  }
}

bool host_ready(void) { return cc_likely(run_thread_main() != NULL) || bind_open_process() == NULL; }

int concur_init(void) { return host_ready() ? CONCUR_OK : CONCUR_NO_MEMORY; }

int concur_set_prepare(lua_CFunction prepare, void *arg) {
  return run_state_set_hook(prepare, arg) ? CONCUR_OK : CONCUR_NO_MEMORY;
}

void concur_prepare(lua_State *L) { run_state_prepare(L); }

int concur_set_allocator(const concur_allocator *a) {
  const run_allocator r = {a->alloc, a->open, a->close, a->arg};
  return run_state_set_allocator(&r) ? CONCUR_OK : CONCUR_NO_MEMORY;
}

/* {== outcomes */

int host_status(cc_outcome outcome) {
  switch (outcome) {
    case CC_OK: return CONCUR_OK;
    case CC_TIMEOUT: return CONCUR_TIMEOUT;
    case CC_CLOSED: return CONCUR_CLOSED;
    case CC_CANCELLED: return CONCUR_CANCELLED;
    case CC_DEADLOCK: return CONCUR_DEADLOCK;
    case CC_NO_MEMORY: return CONCUR_NO_MEMORY;
    default: return CONCUR_MISUSE;
  }
}

#define LONGEST 9.2e9 /* seconds that fit into nanoseconds */

int64_t host_deadline(double timeout) {
  if (timeout < 0 || timeout >= LONGEST) return CC_FOREVER;
  int64_t ns = timeout > 0 ? (int64_t)(timeout * 1e9) : 0; /* NaN does not wait */
  if (ns == 0) return CC_NOW;
  int64_t now = cc_clock();
  return ns < CC_FOREVER - now ? now + ns : CC_FOREVER;
}

int concur_raise(lua_State *L, int status) {
  switch (status) {
    case CONCUR_CANCELLED: return run_cancelled(L);
    case CONCUR_DEADLOCK: bind_raise(L, CC_DEADLOCK); break;
    case CONCUR_NO_MEMORY: bind_raise(L, CC_NO_MEMORY); break;
    default: break;
  }
  return luaL_error(L, "%s", concur_status_text(status));
}

/* ==} */
