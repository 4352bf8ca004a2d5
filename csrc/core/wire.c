/* Wires: the handshake as the client sees it, and frames. */
#include "core/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEPT ((size_t)64 << 10) /* bytes of room kept when nothing waits to be sent */
#define FULL 1000000            /* ns until a socket whose line is full is tried again */

bool cc_wire_open(cc_wire *w, const cc_cipher *cipher, const void *key, size_t size,
                  size_t max_message, int64_t heartbeat) {
  w->cipher = cipher;
  w->fd = -1;
  w->stage = CC_STAGE_CONNECT;
  w->heartbeat = heartbeat;
  w->session = cipher->client(key, size, max_message);
  return w->session != NULL;
}

void cc_wire_close(cc_wire *w) {
  if (w->session != NULL) w->cipher->end(w->session);
  w->session = NULL;
  cc_descriptor_shut(&w->fd);
  free(w->out);
  w->out = NULL;
  w->out_at = w->out_size = w->out_room = 0;
}

/* {== the handshake */

static cc_outcome fail(cc_wire *w, const char **why, const char *what) {
  *why = what;
  w->lost = true;
  cc_descriptor_shut(&w->fd);
  return CC_CLOSED;
}

static cc_outcome wait_for(cc_self *me, const cc_wire *w, bool writes, int64_t deadline) {
  cc_polled p = {w->fd, writes, false};
  return cc_wait_ready(me, &p, 1, deadline);
}

/* To the next address after one that did not work. */
static cc_outcome next_address(cc_wire *w, int error, const char **why) {
  cc_descriptor_shut(&w->fd);
  if (++w->tried < w->addresses.n) return CC_OK;
  return fail(w, why, cc_error_text(error));
}

static cc_outcome connect_one(cc_self *me, cc_wire *w, int64_t deadline, const char **why) {
  int error = EINPROGRESS;
  if (w->fd < 0) error = cc_socket_connect(&w->addresses.at[w->tried], &w->fd);
  if (error == EAGAIN) { /* a Unix socket whose server has much to accept */
    int64_t again = cc_clock() + FULL;
    cc_descriptor_shut(&w->fd);
    cc_outcome outcome = cc_sleep(me, again < deadline ? again : deadline);
    return outcome == CC_TIMEOUT && again < deadline ? CC_OK : outcome;
  }
  if (error == EINPROGRESS) {
    cc_outcome outcome = wait_for(me, w, true, deadline);
    if (outcome != CC_OK) return outcome;
    error = cc_socket_error(w->fd);
  }
  if (error != 0) return next_address(w, error, why);
  if (!w->cipher->hello(w->session, w->part)) return fail(w, why, "the cipher failed");
  w->part_at = 0;
  w->stage = CC_STAGE_HELLO;
  return CC_OK;
}

/* Sends or receives until `size` bytes of the part are done. */
static cc_outcome move_part(cc_self *me, cc_wire *w, bool writes, size_t size, int64_t deadline,
                            const char **why) {
  while (w->part_at < size) {
    uint8_t *at = w->part + w->part_at;
    int64_t n = writes ? cc_socket_write(w->fd, at, size - w->part_at)
                       : cc_socket_read(w->fd, at, size - w->part_at);
    if (n > 0) {
      w->part_at += (size_t)n;
    } else if (n == -EAGAIN || n == -EWOULDBLOCK) {
      cc_outcome outcome = wait_for(me, w, writes, deadline);
      if (outcome != CC_OK) return outcome;
    } else {
      return fail(w, why, "connection lost");
    }
  }
  return CC_OK;
}

static cc_outcome answer(cc_wire *w, const char **why) {
  uint8_t from[CC_ANSWER];
  memcpy(from, w->part, sizeof from);
  if (!w->cipher->answer(w->session, from, w->part)) return fail(w, why, "not a manager's server");
  return CC_OK;
}

/* The first byte of the verdict has come, or all of it. */
static cc_outcome judge(cc_wire *w, const char **why) {
  if (w->part[0] == 2) return fail(w, why, "too many connections");
  if (w->part[0] != 1) return fail(w, why, "authentication failed");
  if (w->part_at < CC_VERDICT) return CC_OK;
  if (!w->cipher->confirm(w->session, w->part)) return fail(w, why, "authentication failed");
  w->sent = w->received = cc_clock();
  return CC_OK;
}

static cc_outcome step(cc_self *me, cc_wire *w, int64_t deadline, const char **why) {
  static const size_t sizes[] = {[CC_STAGE_HELLO] = CC_HELLO, [CC_STAGE_ANSWER] = CC_ANSWER,
                                 [CC_STAGE_PROOF] = CC_PROOF};
  cc_outcome outcome;
  switch (w->stage) {
    case CC_STAGE_CONNECT: return connect_one(me, w, deadline, why);
    case CC_STAGE_HELLO:
    case CC_STAGE_PROOF:
      outcome = move_part(me, w, true, sizes[w->stage], deadline, why);
      if (outcome != CC_OK) return outcome;
      w->stage = w->stage == CC_STAGE_HELLO ? CC_STAGE_ANSWER : CC_STAGE_VERDICT;
      break;
    case CC_STAGE_ANSWER:
      outcome = move_part(me, w, false, CC_ANSWER, deadline, why);
      if (outcome == CC_OK) outcome = answer(w, why);
      if (outcome != CC_OK) return outcome;
      w->stage = CC_STAGE_PROOF;
      break;
    case CC_STAGE_VERDICT:
      if (w->part_at == 0) outcome = move_part(me, w, false, 1, deadline, why);
      else outcome = CC_OK;
      if (outcome == CC_OK) outcome = judge(w, why);
      if (outcome == CC_OK) outcome = move_part(me, w, false, CC_VERDICT, deadline, why);
      if (outcome == CC_OK) outcome = judge(w, why);
      if (outcome != CC_OK) return outcome;
      w->stage = CC_STAGE_OPEN;
      break;
    case CC_STAGE_OPEN: break;
  }
  w->part_at = 0;
  return CC_OK;
}

cc_outcome cc_wire_dial(cc_self *me, cc_wire *w, int64_t deadline, const char **why) {
  cc_outcome outcome = CC_OK;
  while (outcome == CC_OK && w->stage != CC_STAGE_OPEN) outcome = step(me, w, deadline, why);
  return outcome;
}

/* ==} {== out */

static bool reserve(cc_wire *w, size_t n) {
  if (w->out_at > 0 && w->out_room - w->out_size < n) {
    memmove(w->out, w->out + w->out_at, w->out_size - w->out_at);
    w->out_size -= w->out_at;
    w->out_at = 0;
  }
  if (w->out_room - w->out_size >= n) return true;
  size_t room = w->out_size + n < 2 * w->out_room ? 2 * w->out_room : w->out_size + n;
  uint8_t *out = realloc(w->out, room);
  if (out == NULL) return false;
  w->out = out;
  w->out_room = room;
  return true;
}

bool cc_wire_put(cc_wire *w, const void *head, size_t nhead, const void *body, size_t nbody) {
  size_t n = nhead + nbody;
  if (!w->cipher->fits(w->session, n) || !reserve(w, n + CC_FRAME_EXTRA)) return false;
  uint8_t *frame = w->out + w->out_size;
  memcpy(frame + 4, head, nhead);
  if (nbody > 0) memcpy(frame + 4 + nhead, body, nbody);
  if (!w->cipher->seal(w->session, frame, n)) return false;
  w->out_size += n + CC_FRAME_EXTRA;
  cc_wire_flush(w);
  return true;
}

void cc_wire_flush(cc_wire *w) {
  while (cc_wire_waits(w) && !w->lost) {
    int64_t n = cc_socket_write(w->fd, w->out + w->out_at, w->out_size - w->out_at);
    if (n == -EAGAIN || n == -EWOULDBLOCK) return;
    if (n <= 0) {
      w->lost = true;
      return;
    }
    w->out_at += (size_t)n;
    w->sent = cc_clock();
  }
  w->out_at = w->out_size = 0;
  if (w->out_room > KEPT) {
    free(w->out);
    w->out = NULL;
    w->out_room = 0;
  }
}

/* ==} {== in */

void cc_wire_drain(cc_wire *w, bool (*f)(void *arg, const uint8_t *frame, size_t size), void *arg) {
  bool more = true;
  while (more && !w->lost) {
    size_t room, size;
    const uint8_t *frame;
    int result = 0;
    uint8_t *to = w->cipher->room(w->session, &room);
    int64_t n = to == NULL ? 0 : cc_socket_read(w->fd, to, room);
    if (n == -EAGAIN || n == -EWOULDBLOCK) return;
    if (n > 0) {
      w->cipher->came(w->session, (size_t)n);
      w->received = cc_clock();
      while ((result = w->cipher->next(w->session, &frame, &size)) > 0 && f(arg, frame, size)) continue;
    }
    if (n <= 0 || result != 0) w->lost = true;
    more = n > 0 && (size_t)n == room;
  }
}

/* ==} */
