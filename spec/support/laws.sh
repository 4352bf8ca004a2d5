#!/bin/sh
# `make lint`: luacheck, the warnings of both compilers, and the laws of the house
# (doc/design.md). Run from the root. Each check counts as passed or failed.
#
#   SO          the built module, for its symbol table
#   SODIUM_SO   the optional module beside it, empty where libsodium is missing
#   LUA_INCDIR  headers of Lua
#   SODIUM_INCDIR  header of libsodium, empty where it is missing
#   LUA, LUAC   Lua 5.4 and its compiler
#   RESULTS     file that gets "passed failed"

passed=0
failed=0

# check TITLE FOUND: passes when FOUND is empty, else shows it
check() {
  if [ -z "$2" ]; then
    passed=$((passed + 1))
    printf 'ok     %s\n' "$1"
  else
    failed=$((failed + 1))
    printf 'FAILED %s\n' "$1"
    printf '%s\n' "$2" | head -n 40 | sed 's/^/    | /'
  fi
}

# headers PATTERN DIRECTORY…: lines that include a system header
headers() {
  pattern=$1
  shift
  for directory in "$@"; do
    [ ! -d "$directory" ] || grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)[>\"]" "$directory"
  done
}

sources() {
  find csrc lua spec examples bench doc -type f \
    \( -name '*.c' -o -name '*.h' -o -name '*.lua' -o -name '*.sh' \) 2>/dev/null
}

# compile COMPILER: its warnings on everything in C
compile() {
  for file in csrc/*/*.c; do
    case $file in csrc/sodium/*) [ -n "$SODIUM_INCDIR" ] || continue ;; esac
    [ ! -f "$file" ] || $1 -std=c11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow \
      -Wconversion -Werror -Icsrc -isystem "$LUA_INCDIR" ${SODIUM_INCDIR:+-idirafter "$SODIUM_INCDIR"} \
      "$file" 2>&1
  done
  for file in bench/limits/*.c spec/c/*.c; do
    [ ! -f "$file" ] || $1 -std=gnu11 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Wshadow \
      -Werror -Icsrc -isystem "$LUA_INCDIR" ${SODIUM_INCDIR:+-DWITH_SODIUM=1 -idirafter "$SODIUM_INCDIR"} \
      "$file" 2>&1
  done
}

# Includes that go up a floor. concur.h is what hosts see, built on core and run.
floors() {
  grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' csrc --include='*.[ch]' | awk -F: '
    BEGIN { n = split("os core codec run bind host", name, " "); for (i = 1; i <= n; i++) floor[name[i]] = i }
    {
      split($1, from, "/"); split($3, to, "\""); target = to[2]
      if (!(from[2] in floor)) next                      # csrc/concur.h
      if (target == "concur.h") up = floor[from[2]] < floor["run"]
      else if (target ~ /\//) { split(target, t, "/"); up = !(t[1] in floor) || floor[t[1]] > floor[from[2]] }
      else up = 0                                        # a neighbour
      if (up) print
    }'
}

# luacheck's report, empty when there is nothing to say
lua_warnings() {
  set --
  for path in lua spec examples bench doc/manual rockspec/*.rockspec; do
    [ ! -e "$path" ] || set -- "$@" "$path"
  done
  report=$(luacheck -q --no-color "$@" 2>&1) || printf '%s\n' "$report"
}

# luacheck has a parser of its own; this is the real one
lua_errors() {
  find lua spec examples bench doc -name '*.lua' -exec "$LUAC" -p {} \; 2>&1
}

exports() {
  if [ -f "$SO" ]; then
    nm -D --defined-only "$SO" ${SODIUM_SO:+"$SODIUM_SO"} | grep -v ':$' | awk '$NF !~ /^(luaopen_concur|concur_)/'
  else
    echo "${SO:-the module} has not been built"
  fi
}

# A module that lua_close unloads while a thread runs its code is a crash.
unloadable() {
  for module in "$SO" $SODIUM_SO; do
    readelf -d "$module" 2>&1 | grep -q 'Flags:.*NODELETE' || echo "$module is not linked with -z nodelete"
  done
}

long_files() {
  sources | while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 700 ] || echo "$file: $lines lines"
  done
}

# concur as it was built, beside doc/types, doc/*.md and the specs
public_names() {
  LUA_PATH="$PWD/?.lua;$PWD/lua/?.lua;$PWD/lua/?/init.lua;${LUA_PATH:-;}" \
    LUA_CPATH="$(dirname "$SO")/?.so;${LUA_CPATH:-;}" \
    env -u LUA_PATH_5_4 -u LUA_CPATH_5_4 timeout 60 $LUA spec/support/names.lua 2>&1 || echo 'it did not end well'
}

switched_off() {
  find spec lua examples -name '*.lua' -exec grep -nE \
    '(^|[^[:alnum:]_."])(pending|xit|xdescribe)[[:space:]]*[("]|luacheck:[[:space:]]*ignore' {} +
}

check "luacheck" "$(lua_warnings)"
if command -v "$LUAC" >/dev/null 2>&1; then check "Lua 5.4 compiles every script" "$(lua_errors)"; fi
for compiler in gcc clang; do
  if command -v $compiler >/dev/null 2>&1; then
    check "no warnings from $compiler" "$(compile $compiler)"
  else
    printf 'skip   no %s here\n' $compiler
  fi
done
check "csrc/core and csrc/os never see Lua" \
  "$(headers 'lua[a-z]*\.(h|hpp)|lauxlib\.h|.*/(lua|lualib|lauxlib)\.h' csrc/core csrc/os)"
check "only csrc/os sees the operating system's headers" \
  "$(headers '(pthread|unistd|signal|sched|fcntl|poll|spawn|semaphore|dlfcn|dirent|netdb|termios|ucontext|mqueue)\.h|(sys|linux|net|netinet|arpa|asm)/.*' \
    csrc/core csrc/codec csrc/run csrc/bind csrc/host csrc/sodium)"
check "includes go down: os < core < codec < run < bind < host" "$(floors)"
check "no call into Lua while an internal lock is held" "$($LUA spec/support/held.lua 2>&1)"
check "the modules stay loaded" "$(unloadable)"
check "exported symbols are luaopen_concur* and concur_*" "$(exports)"
check "no file above 700 lines" "$(long_files)"
check "every public name has a definition, documentation and a spec, and the reverse" "$(public_names)"
check "no test is switched off, no warning hidden" "$(switched_off)"
check "no path of this machine" "$(sources | xargs grep -nF "$PWD/")"

printf 'lint: %d passed, %d failed\n' $passed $failed
[ -z "$RESULTS" ] || echo "$passed $failed" >"$RESULTS"
[ $failed -eq 0 ]
