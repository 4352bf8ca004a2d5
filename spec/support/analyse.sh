#!/bin/sh
# `make analyse`: clang-tidy (as .clang-tidy says) on one file, or cppcheck on all. Run from the root.
#
#   analyse.sh tidy FILE STAMP    STAMP is made when there is nothing to say
#   analyse.sh cppcheck
#
#   LUA_INCDIR, SODIUM_INCDIR     headers of Lua and of libsodium (empty where that is missing)

include="-Icsrc -isystem $LUA_INCDIR ${SODIUM_INCDIR:+-idirafter $SODIUM_INCDIR}"

case $1 in
  tidy)
    # its count of warnings that were left out goes to stderr
    if found=$(clang-tidy --quiet "$2" -- -std=c11 -D_GNU_SOURCE $include -include spec/support/analyse.h 2>/dev/null) &&
      [ -z "$found" ]; then
      mkdir -p "$(dirname "$3")" && touch "$3"
    else
      printf '%s\n' "$found"
      exit 1
    fi
    ;;
  cppcheck)
    cppcheck --quiet --enable=warning,performance,portability --std=c11 --error-exitcode=1 --inline-suppr \
      --library=spec/support/analyse.cfg -D_GNU_SOURCE -D__linux__ -Icsrc csrc
    ;;
esac
