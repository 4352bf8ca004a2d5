/* Futures. */
#include "core/future.h"

#include "core/crew.h"
#include "host/host.h"
#include "run/thread.h"

static cc_future *core(concur_future *f) { return (cc_future *)(void *)f; }

concur_future *concur_future_new(void) { return host_ready() ? host_own(cc_future_new(NULL)) : NULL; }

int concur_future_done(const concur_future *f) { return cc_future_ended((const cc_future *)(const void *)f); }

static int set(cc_future *f, cc_future_state state, const concur_item *item) {
  cc_item sent;
  if (f->work.crew != NULL || cc_future_ended(f)) return CONCUR_MISUSE;
  int status = host_send(item, &sent);
  if (status != CONCUR_OK) return status;
  if (cc_future_end(cc_self_get(), f, state, &sent, NULL)) return CONCUR_OK;
  cc_item_drop(&sent);
  return CONCUR_MISUSE;
}

int concur_future_set_result(concur_future *f, const concur_item *item) {
  return set(core(f), CC_SUCCEEDED, item);
}

int concur_future_set_error(concur_future *f, const concur_item *error) {
  return set(core(f), CC_FAILED, error);
}

int concur_future_cancel(concur_future *f) {
  cc_self *me = cc_self_get();
  cc_crew *crew = core(f)->work.crew;
  if (crew != NULL) return cc_crew_cancel(me, crew, core(f), run_thread_stop_task);
  return cc_future_end(me, core(f), CC_CALLED_OFF, NULL, NULL);
}

/* What an ended one came to; its item does not change any more. */
static void receive(cc_future *f, concur_item *item) {
  const cc_item *from = &f->item;
  cc_failure why = (cc_failure)f->failure;
  int code = f->code;
  char text[200];
  bool failed = cc_future_now(f) == CC_FAILED && why != CC_BY_ERROR;
  if (failed && why == CC_BY_CREW) {
    const cc_crew *c = f->work.crew;
    from = &c->error;
    failed = c->error.kind == CC_ITEM_NIL && c->traceback == NULL;
    why = (cc_failure)c->failure;
    code = c->code;
  }
  if (failed) {
    cc_failure_text(why, code, text, sizeof text);
    host_receive_text(item, text);
    return;
  }
  cc_item_copy(host_stored(item), from);
  cc_item_retain(host_stored(item));
  host_receive(item, &f->work.object);
}

int concur_future_result(concur_future *f, concur_item *item, double timeout) {
  cc_outcome outcome;
  int64_t deadline = host_deadline(timeout);
  if (item != NULL) host_receive_nothing(item);
  host_await(outcome, cc_future_wait(cc_self_get(), core(f), deadline));
  if (outcome != CC_OK) return host_status(outcome);
  cc_future_state state = cc_future_now(core(f));
  if (state == CC_CALLED_OFF) return CONCUR_CANCELLED;
  if (item != NULL) receive(core(f), item);
  return state == CC_FAILED ? CONCUR_FAILED : CONCUR_OK;
}
