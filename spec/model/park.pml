/*
** The protocol of csrc/core/park.c: one thread that waits again and again on its
** slot's token, somebody who grants, somebody who cancels, a deadline, and wake-ups
** that nobody needed (a nudge of the deadlock search, the canceller of an earlier wait).
**
** token: 0 none, 1 a wake-up, 2 its thread sleeps.  The futex compares and goes to
** sleep in one step, as the kernel does.
**
** Mutations, each of which must be found:
**   M_STORE       the sleeper stores 2 instead of exchanging 0 for 2
**   M_WAKE_FIRST  the granter wakes before it grants
**   M_NO_RECHECK  whoever gives up does not look at the grant again under the guard
**   M_NO_COMPARE  the futex sleeps whatever the token is
**   M_WAKE_LAZY   the waker leaves the token alone when it sees nobody asleep
**   M_CANCEL_LATE the canceller wakes before it sets the request
*/
#define ROUNDS 2

byte token = 0;
bool asleep = false;   /* in the kernel */
bool guard = false;
bool granted = false;
bool queued = false;
bool cancel = false;
bool timed = false;    /* this wait has a deadline */
byte given = 0, taken = 0, withdrawn = 0, waits = 0;
bool over = false;

#define LOCK   atomic { !guard -> guard = true }
#define UNLOCK guard = false

/* cc_wake */
inline wake(old) {
#ifdef M_WAKE_LAZY
  old = token;
  if
  :: old == 2 -> token = 1; asleep = false
  :: else
  fi
#else
  atomic { old = token; token = 1 }
  if
  :: old == 2 -> asleep = false
  :: else
  fi
#endif
}

proctype waiter() {
  byte old, outcome;                      /* 0 waiting, 1 ok, 2 timeout, 3 cancelled */
  bool expired;
  do
  :: waits < ROUNDS ->
    waits++;
    outcome = 0;
    expired = false;
    if
    :: timed = true
    :: timed = false
    fi;
    LOCK; granted = false; queued = true; UNLOCK;
    do
    :: granted -> outcome = 1; break
    :: else ->
      if
      :: cancel -> outcome = 3; break
      :: else
      fi;
      /* await_token */
      if
      :: token == 1 -> token = 0
      :: else ->
#ifdef M_STORE
        token = 2; old = 0;
#else
        atomic { old = token; if :: old == 0 -> token = 2 :: else fi };
#endif
        if
        :: old == 0 ->
          atomic {
#ifdef M_NO_COMPARE
            asleep = true
#else
            if
            :: token == 2 -> asleep = true
            :: else
            fi
#endif
          };
          if
          :: !asleep
          :: timed -> asleep = false; expired = true
          fi
        :: else
        fi;
        atomic { old = token; token = 0 };
        if
        :: old == 1
        :: old != 1 && expired -> outcome = 2; break
        :: old != 1 && !expired
        fi
      fi
    od;
    if
    :: outcome > 1 ->
      LOCK;
#ifndef M_NO_RECHECK
      if
      :: granted -> outcome = 1
      :: else -> queued = false
      fi;
#else
      queued = false;
#endif
      UNLOCK
    :: else
    fi;
    if
    :: outcome == 1 -> taken++
    :: else -> withdrawn++
    fi;
    assert(!queued);
    assert(taken + withdrawn == waits)
  :: else -> break
  od;
  over = true
}

/* Grants until nobody will wait any more. */
proctype granter() {
  byte old;
  bool found;
  do
  :: over -> break
  :: queued ->
    LOCK;
    found = queued;
#ifdef M_WAKE_FIRST
    if
    :: found -> wake(old)
    :: else
    fi;
#endif
    if
    :: found -> d_step { queued = false; granted = true; given++ }
    :: else
    fi;
    UNLOCK;
#ifndef M_WAKE_FIRST
    if
    :: found -> wake(old)
    :: else
    fi
#endif
  od
}

proctype canceller() {
  byte old;
#ifdef M_CANCEL_LATE
  wake(old);
  cancel = true
#else
  cancel = true;
  wake(old)
#endif
}

/* A wake-up that nobody needs, at any moment. */
proctype nudger() {
  byte old;
  wake(old)
}

init {
  atomic {
    run waiter();
#ifdef NO_GRANTER              /* then only the cancellation ends the waits */
    run canceller();
#else
    run granter();
#ifdef WITH_CANCEL
    run canceller();
#endif
#endif
    run nudger()
  }
  over;                        /* no wake-up is lost: else this is an invalid end state */
  assert(given == taken)       /* each grant consumed once, none by one that withdrew */
}
