/*
** The lock of csrc/core/lock.c: a word with a mark for "somebody stands in line",
** and a line under a guard.  A release takes holder and mark away, then wakes the first, who
** tries again: it owns nothing yet.  One that gives up although it was woken passes the
** wake-up on.  Wake-ups that nobody needs come too, so a waiter may see its grant before
** the granter has left the guard.
**
** Mutations:
**   M_BIT_LATE   the first is granted before the mark is put back for those behind it
**   M_NO_BIT     the mark is not put back
**   M_BLIND      one stands in line without looking at the word again
**   M_DROP_BIT   a woken waiter takes the lock without keeping the mark
*/
#ifndef N
#define N 3
#endif
#define NONE 15

byte holder = NONE;            /* the word */
bool mark = false;              /* of the word */
bool guard = false;
byte line[N];
byte length = 0;
bool granted[N];
byte inside = 0, ended = 0;

#define LOCK   atomic { !guard -> guard = true }
#define UNLOCK guard = false

inline try_take(got, i) {
  atomic {
    if
    :: holder == NONE ->
      holder = i; got = true;
#ifdef M_DROP_BIT
      mark = false;
#endif
    :: else -> got = false
    fi
  }
}

inline wake_first(i, k) {
  LOCK;
#ifdef M_BIT_LATE
  d_step {
    if
    :: length > 0 ->
      granted[line[0]] = true;
      for (k : 1 .. N - 1) { line[k - 1] = line[k] }
      line[N - 1] = NONE;
      length--
    :: else
    fi
  };
  if
  :: length > 0 -> mark = true
  :: else
  fi;
#else
#ifndef M_NO_BIT
  if
  :: length > 1 -> mark = true
  :: else
  fi;
#endif
  d_step {
    if
    :: length > 0 ->
      granted[line[0]] = true;
      for (k : 1 .. N - 1) { line[k - 1] = line[k] }
      line[N - 1] = NONE;
      length--
    :: else
    fi
  };
#endif
  UNLOCK
}

proctype user(byte i; bool quits) {
  bool got, standing, again, out, had;
  byte k;
  again = false;
  out = false;
  do
  :: try_take(got, i);
    if
    :: got -> break
    :: else
    fi;
    /* line_up: the guard is held, but the word may change under it */
    LOCK;
    standing = false;
#ifdef M_BLIND
    mark = true;
    standing = true;
#else
    do
    :: holder == NONE -> break
    :: atomic { holder != NONE && mark -> standing = true }; break
    :: atomic { holder != NONE && !mark -> mark = true; standing = true }; break
    od;
#endif
    if
    :: standing ->
      d_step {
        granted[i] = false;
        if
        :: again ->
          k = length;
          do
          :: k > 0 -> line[k] = line[k - 1]; k--
          :: else -> break
          od;
          line[0] = i
        :: else -> line[length] = i
        fi;
        length++
      }
    :: else
    fi;
    UNLOCK;
    if
    :: standing ->
      /* cc_wait */
      if
      :: granted[i]
      :: quits ->
        LOCK;
        if
        :: granted[i]
        :: else ->
          d_step {
            k = 0;
            do
            :: line[k] != i -> k++
            :: else -> break
            od;
            do
            :: k < N - 1 -> line[k] = line[k + 1]; k++
            :: else -> break
            od;
            line[N - 1] = NONE;
            length--
          };
          out = true
        fi;
        UNLOCK
      fi;
      if
      :: out -> break
      :: else
      fi;
      again = true;
      try_take(got, i);
      if
      :: got -> break
      :: else ->
        if
        :: quits ->                    /* late, or cancelled */
          out = true;
          if
          :: holder == NONE -> wake_first(i, k)
          :: else
          fi;
          break
        :: true
        fi
      fi
    :: else
    fi
  od;
  if
  :: out
  :: else ->
    inside++;
    assert(inside == 1);
    inside--;
    /* release */
    atomic { had = mark; mark = false; holder = NONE };
    if
    :: had -> wake_first(i, k)
    :: else
    fi
  fi;
  ended++
}

init {
  byte j;
  d_step {
    for (j : 0 .. N - 1) { line[j] = NONE }
  }
  atomic {
    run user(0, false);
    run user(1, true);
    run user(2, false);
#if N > 3
    run user(3, false)
#endif
  }
  ended == N;                          /* nobody stands in line of a free lock for ever */
  assert(holder == NONE && length == 0)
}
