/*
** The lock of csrc/core/lock.c: a word with a mark for "somebody stands in line",
** and a line under a guard.  A release takes holder and mark away, then calls the first, who
** tries again: it owns nothing yet, but answers for those who stand behind it.  It puts the mark back when it takes
** the lock or stands in line again; when it gives up, it passes that on.  Wake-ups that nobody needs come
** too, so a waiter may see its grant before the granter has left the guard.
**
** user(…, quits): may end its wait, also after it was called; with DIES it is killed instead, at any
** moment between its call and its next step, and who buries it does its part.
**
** Mutations:
**   M_NO_MARK    one that was called takes the lock without putting the mark back
**   M_JUST_GO    one that gives up passes nothing on
**   M_LOOK_ONCE  one that gives up looks whether the lock is free before it sets the mark
**   M_BLIND      one stands in line without looking at the word again
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
bool behind[N];                 /* others stood in line when it was called */
byte inside = 0, ended = 0;

#define LOCK   atomic { !guard -> guard = true }
#define UNLOCK guard = false

inline try_take(got, i, called) {
  atomic {
    if
    :: holder == NONE ->
      holder = i; got = true;
#ifndef M_NO_MARK
      mark = mark || (called && behind[i])
#endif
    :: else -> got = false
    fi
  }
}

inline grant(k) {
  d_step {
    if
    :: length > 0 ->
      behind[line[0]] = length > 1;
      granted[line[0]] = true;
      for (k : 1 .. N - 1) { line[k - 1] = line[k] }
      line[N - 1] = NONE;
      length--
    :: else
    fi
  }
}

inline wake_first(k) {
  LOCK;
  grant(k);
  UNLOCK
}

/* Somebody must look at the line: the holder when it releases, or the first when the lock is free. */
inline pass_on(k) {
  LOCK;
#ifdef M_LOOK_ONCE
  had = holder == NONE;
  mark = mark || length > 0;
#else
  atomic { had = holder == NONE; mark = mark || length > 0 };
#endif
  if
  :: had -> grant(k)
  :: else
  fi;
  UNLOCK
}

proctype user(byte i; bool quits) {
  bool got, standing, again, out, had;
  byte k;
  again = false;
  out = false;
  do
  :: try_take(got, i, again);
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
#ifdef DIES
      if
      :: quits -> out = true; pass_on(k); break
      :: true
      fi;
#endif
      try_take(got, i, again);
      if
      :: got -> break
      :: else ->
        if
        :: quits ->                    /* late, or cancelled */
          out = true;
#ifndef M_JUST_GO
          pass_on(k);
#endif
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
    :: had -> wake_first(k)
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
