/*
** The two ends of csrc/core/queue.c: each has a guard, a line of waiters and
** a counter that the other end reads without its guard; `settle` brings them together.
** Items are numbered; each must arrive once, and in order of the numbers of its putter.
**
** Mutations:
**   M_NO_LOOK      a getter stands in line without a last look for items
**   M_FLAG_LATE    a getter sets the flag after that last look
**   M_NO_SETTLE    a putter does not look whether getters wait
**   M_PUT_NO_LOOK  a putter that stands in line does not settle
**   M_LEAVE_FLAG   serving clears the flag while others still stand in line
*/
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef PUTS
#define PUTS 1                         /* of each of the two putters, 0 and 1 */
#endif
#ifndef GETS
#define GETS 1                         /* of each of the two getters, 2 and 3; one alone gets all */
#endif
#define ITEMS (2 * PUTS)
#if GETS == ITEMS
#define THREADS 3
#else
#define THREADS 4
#endif

bool put_guard = false, get_guard = false;
byte put_count = 0, get_count = 0;
byte ring[CAPACITY];
bool getters = false, putters = false; /* flags: somebody stands in that line */
byte get_line[2], put_line[2];          /* [1] is 0 when nobody is there */
byte get_length = 0, put_length = 0;
bool granted[4];
byte item[4];
byte seen[2];                          /* items of each putter that arrived */
byte arrived = 0, ended = 0;

#define LOCK(g)   atomic { !g -> g = true }
#define UNLOCK(g) g = false

inline deliver(value) {
  d_step {
    assert(value % 16 == seen[value / 16]);
    seen[value / 16]++;
    arrived++
  }
}

inline serve_getters(served) {
  do
  :: get_length > 0 ->
    if
    :: put_count != get_count ->
      d_step {
        item[get_line[0]] = ring[get_count % CAPACITY];
        deliver(item[get_line[0]])
      };
      get_count++;
      d_step {
        granted[get_line[0]] = true;
        get_line[0] = get_line[1]; get_line[1] = 0;
        get_length--
      };
      served = true;
#ifdef M_LEAVE_FLAG
      getters = false
#endif
    :: else -> break
    fi
  :: else -> break
  od;
  if
  :: get_length == 0 -> getters = false
  :: else
  fi
}

inline serve_putters(served) {
  do
  :: put_length > 0 ->
    if
    :: put_count - get_count < CAPACITY ->
      d_step {
        ring[put_count % CAPACITY] = item[put_line[0]]
      };
      put_count++;
      d_step {
        granted[put_line[0]] = true;
        put_line[0] = put_line[1]; put_line[1] = 0;
        put_length--
      };
      served = true
    :: else -> break
    fi
  :: else -> break
  od;
  if
  :: put_length == 0 -> putters = false
  :: else
  fi
}

inline settle(again) {
  again = true;
  do
  :: again ->
    again = false;
    if
    :: getters -> LOCK(get_guard); serve_getters(again); UNLOCK(get_guard)
    :: else
    fi;
    if
    :: putters -> LOCK(put_guard); serve_putters(again); UNLOCK(put_guard)
    :: else
    fi
  :: else -> break
  od
}

proctype putter(byte i) {
  byte n = 0;
  bool again, waits;
  do
  :: n < PUTS ->
    waits = false;
    LOCK(put_guard);
    if
    :: put_length == 0 && put_count - get_count < CAPACITY ->
      ring[put_count % CAPACITY] = i * 16 + n;
      put_count++
    :: else ->
      d_step {
        item[i] = i * 16 + n;
        granted[i] = false;
        put_line[put_length] = i;
        put_length++
      };
      putters = true;
      waits = true
    fi;
    UNLOCK(put_guard);
    if
    :: waits ->
#ifndef M_PUT_NO_LOOK
      settle(again);
#endif
      granted[i];
      settle(again)
    :: else ->
#ifndef M_NO_SETTLE
      if
      :: getters -> settle(again)
      :: else
      fi
#endif
      skip
    fi;
    n++
  :: else -> break
  od;
  ended++
}

proctype getter(byte i) {
  byte n = 0;
  bool again, waits, served;
  do
  :: n < GETS ->
    waits = false;
    LOCK(get_guard);
    if
    :: get_length > 0 -> serve_getters(served)
    :: else
    fi;
    if
    :: get_length == 0 && put_count != get_count ->
      deliver(ring[get_count % CAPACITY]);
      get_count++
    :: else ->
#ifndef M_FLAG_LATE
      getters = true;
#endif
      d_step {
        granted[i] = false;
        get_line[get_length] = i;
        get_length++
      };
#ifndef M_NO_LOOK
      serve_getters(served);
#endif
#ifdef M_FLAG_LATE
      if
      :: get_length > 0 -> getters = true
      :: else
      fi;
#endif
      waits = true
    fi;
    UNLOCK(get_guard);
    if
    :: waits -> granted[i]
    :: else
    fi;
    if
    :: putters -> settle(again)
    :: else
    fi;
    n++
  :: else -> break
  od;
  ended++
}

init {
  atomic {
    run putter(0);
    run putter(1);
    run getter(2)
#if THREADS == 4
    ; run getter(3)
#endif
  }
  ended == THREADS;                    /* else somebody sleeps beside what it waits for */
  assert(arrived == ITEMS && put_count == get_count && get_length == 0 && put_length == 0)
}
