/*
** The condition of csrc/core/condition.c on the lock of lock.c.  Waiters stand in
** line under the condition's guard, give the lock up and sleep.  A notification moves the first of them into
** the lock's line, where the notifier's release finds it.  The first waiter may give up (its
** time is over, it is cancelled) at any moment; if it was moved already it counts as notified.
**
** Mutations:
**   M_RELEASE_FIRST  the lock is given up before standing in line
**   M_SWALLOW        who gives up does not look whether it was moved meanwhile
**   M_NO_LOCK        the notifier does not take the lock
**   M_NO_BIT         moving does not set the lock's bit
**   M_NO_GUARD       moving does not hold the condition's guard
*/
#define N 2                    /* waiters 0 and 1; 2 notifies */
#define ALL 3
#define NONE 9

byte holder = NONE;            /* the lock's word, and its bit */
bool mark = false;
bool lock_guard = false, guard = false;
byte line[ALL], length = 0;    /* of the lock */
byte cline[N], clength = 0;    /* of the condition */
bool granted[ALL], moved[N];
byte units = 0;                /* what is waited for */
byte notified = 0, told = 0, ended = 0, gave_up = 0;

#define LOCK(g)   atomic { !g -> g = true }
#define UNLOCK(g) g = false

inline try_take(got, i) {
  atomic {
    if
    :: holder == NONE -> holder = i; got = true
    :: else -> got = false
    fi
  }
}

/* Takes the lock. `woken`: it stands first, or did before it was woken. */
inline acquire(i, got, woken, standing) {
  do
  :: try_take(got, i);
    if
    :: got -> break
    :: else
    fi;
    LOCK(lock_guard);
    do
    :: holder == NONE -> standing = false; break
    :: atomic { holder != NONE -> mark = true; standing = true }; break
    od;
    if
    :: standing ->
      d_step {
        granted[i] = false;
        if
        :: woken -> line[2] = line[1]; line[1] = line[0]; line[0] = i
        :: else -> line[length] = i
        fi;
        length++
      }
    :: else
    fi;
    UNLOCK(lock_guard);
    if
    :: standing -> granted[i]; woken = true
    :: else
    fi
  od
}

inline release(had) {
  atomic { had = mark; mark = false; holder = NONE };
  if
  :: had ->
    LOCK(lock_guard);
    if
    :: length > 1 -> mark = true
    :: else
    fi;
    if
    :: length > 0 -> d_step { granted[line[0]] = true; line[0] = line[1]; line[1] = line[2]; line[2] = NONE; length-- }
    :: else
    fi;
    UNLOCK(lock_guard)
  :: else
  fi
}

proctype waiter(byte i; bool quits) {
  bool got, woken, standing, had, ok;
  woken = false;
  acquire(i, got, woken, standing);
  do
  :: units > 0 -> units--; break
  :: else ->
    assert(holder == i);
#ifdef M_RELEASE_FIRST
    release(had);
#endif
    LOCK(guard);
    d_step { granted[i] = false; moved[i] = false; cline[clength] = i; clength++ };
    UNLOCK(guard);
#ifndef M_RELEASE_FIRST
    release(had);
#endif
    ok = true;
    if
    :: granted[i]
    :: quits ->
      LOCK(guard);
      if
#ifndef M_SWALLOW
      :: granted[i] || moved[i]
      :: else ->
#else
      :: true ->
#endif
        d_step {
          if
          :: clength > 0 && cline[0] == i -> cline[0] = cline[1]; cline[1] = NONE; clength--
          :: clength > 1 && cline[1] == i -> cline[1] = NONE; clength--
          :: else
          fi
        };
        ok = false
      fi;
      UNLOCK(guard)
    fi;
    woken = ok;
    if
    :: ok -> granted[i]; moved[i] = false    /* cc_lock_acquire_moved */
    :: else
    fi;
    acquire(i, got, woken, standing);
    if
    :: ok -> told++
    :: else -> gave_up++; break
    fi
  od;
  assert(holder == i);
  release(had);
  ended++
}

proctype notifier(byte times) {
  bool got, woken, standing, had;
  byte n = 0;
  do
  :: n < times ->
    woken = false;
#ifndef M_NO_LOCK
    acquire(2, got, woken, standing);
#endif
    units++;
#ifndef M_NO_GUARD
    LOCK(guard);
#endif
    if
    :: clength > 0 ->
#ifdef M_NO_GUARD
      skip;                                  /* here somebody may give up */
#endif
      LOCK(lock_guard);
      d_step {
        line[length] = cline[0]; length++;
        moved[cline[0]] = true;
        cline[0] = cline[1]; cline[1] = NONE; clength--
      };
#ifndef M_NO_BIT
      mark = true;
#endif
      UNLOCK(lock_guard);
      notified++
    :: else
    fi;
#ifndef M_NO_GUARD
    UNLOCK(guard);
#endif
#ifndef M_NO_LOCK
    release(had);
#endif
    n++
  :: else -> break
  od;
  ended++
}

init {
  d_step {
    line[0] = NONE; line[1] = NONE; line[2] = NONE;
    cline[0] = NONE; cline[1] = NONE
  }
  atomic {
#ifdef QUITTER
    run waiter(0, true);
#else
    run waiter(0, false);
#endif
    run waiter(1, false);
    run notifier(2)
  }
  ended == ALL;                /* nobody sleeps for ever: else an invalid end state */
  assert(holder == NONE && length == 0 && clength == 0);
  assert(notified == told);    /* none swallowed */
  assert(units == gave_up)     /* each taken once, one left for each that gave up */
}
