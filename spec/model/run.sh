#!/bin/sh
# Checks the models with spin: each must hold as it is, and must fail with each of its
# mutations.  usage: sh spec/model/run.sh [DIRECTORY]   (for what spin makes)
#
# Ends with "N passed, N failed"; status 0 when none failed.

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-${BUILD:-build}/model}
CC=${CC:-gcc}
passed=0 failed=0

command -v spin >/dev/null || {
  echo "model: this needs spin (Debian: apt-get install spin)" >&2
  echo "0 passed, 1 failed"
  exit 1
}

# check holds|fails MODEL FLAG...: all interleavings of a model.
check() {
  wanted=$1 model=$2
  shift 2
  flags=
  for flag; do flags="$flags -D$flag"; done
  directory=$work/$model$(echo "$flags" | tr -c 'A-Za-z0-9_\n' _)
  mkdir -p "$directory"
  got=$(
    cd "$directory" || exit
    spin -a $flags "$here/$model.pml" >spin.log 2>&1 || { echo "no model"; exit; }
    $CC -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=1500 -o pan pan.c >cc.log 2>&1 || { echo "not compiled"; exit; }
    ulimit -t 120
    ./pan -m2000000 >pan.log 2>&1
    if grep -q 'errors: 0' pan.log && ! grep -Eq 'max search depth too small|out of memory|not completed' pan.log; then
      echo holds
    elif grep -Eq 'errors: [1-9]' pan.log; then
      echo fails
    else
      echo "not finished"
    fi
  )
  states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$directory/pan.log" 2>/dev/null)
  if [ "$got" = "$wanted" ]; then
    passed=$((passed + 1))
    printf 'ok     %-10s %-32s %s, %s states\n' "$model" "$*" "$got" "${states:-?}"
  else
    failed=$((failed + 1))
    printf 'FAILED %-10s %-32s %s, not %s: %s\n' "$model" "$*" "$got" "$wanted" "$directory/pan.log"
  fi
}

check holds park
check holds park WITH_CANCEL
check holds park NO_GRANTER
for m in M_STORE M_WAKE_FIRST M_NO_COMPARE M_WAKE_LAZY; do check fails park $m; done
check fails park M_NO_RECHECK WITH_CANCEL
check fails park M_CANCEL_LATE NO_GRANTER

check holds condition
check holds condition QUITTER
for m in M_RELEASE_FIRST M_NO_LOCK M_NO_BIT; do check fails condition $m; done
for m in M_SWALLOW M_NO_GUARD; do check fails condition $m QUITTER; done

check holds lock
check holds lock N=4
check holds lock DIES N=4
for m in M_NO_MARK M_JUST_GO M_LOOK_ONCE M_BLIND; do check fails lock $m N=4; done

check holds queue
check holds queue CAPACITY=2
check holds queue PUTS=2 GETS=4
for m in M_NO_LOOK M_FLAG_LATE M_NO_SETTLE M_PUT_NO_LOOK M_LEAVE_FLAG; do check fails queue $m; done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
