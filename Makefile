# concur: build, test, install.  `make help` lists the targets.

# ---- what a user may set ----------------------------------------------------

VERSION  := $(shell sed -n 's/^\#define CONCUR_VERSION "\(.*\)"/\1/p' csrc/concur.h)
BUILD    ?= build
PREFIX   ?= /usr/local
CC       := $(if $(filter default,$(origin CC)),gcc,$(CC))
WERROR   ?= -Werror
RUNS     ?= 5
JOBS     ?= 1
TIMEOUT  ?= 120

# The interpreter: what the user names, else the first 5.4 found.
lua_given := $(LUA)
ifeq ($(LUA),)
LUA := $(firstword $(foreach l,lua5.4 lua54 lua-5.4 lua,$(if $(findstring Lua 5.4,$(shell $(l) -v 2>/dev/null)),$(l))) lua5.4)
endif
LUAC ?= $(firstword $(foreach l,luac5.4 luac54 luac-5.4 luac,$(if $(shell command -v $(l)),$(l))) luac5.4)

# Its headers: what the user names, else what pkg-config says, else the usual places.
ifeq ($(LUA_INCDIR),)
lua_incdirs := $(patsubst -I%,%,$(shell for p in lua5.4 lua-5.4 lua54; do \
    pkg-config --cflags-only-I $$p 2>/dev/null && break; done)) \
  /usr/include/lua5.4 /usr/local/include/lua5.4 /usr/include/lua54 /usr/local/include /usr/include
LUA_INCDIR := $(firstword $(foreach d,$(lua_incdirs),$(if $(wildcard $(d)/lua.h),$(d))))
endif

# ---- the module -------------------------------------------------------------

SRC  := $(filter-out csrc/sodium/%,$(sort $(wildcard csrc/*/*.c)))
OBJ  := $(SRC:csrc/%.c=$(BUILD)/obj/%.o)
SO   := $(BUILD)/concur.so
# The same code for programs that embed it: libconcur.so, libconcur.a.
SHARED := $(BUILD)/libconcur.so
STATIC := $(BUILD)/libconcur.a
SOVERSION := 0

# The optional companion: sealed connections for managers, where libsodium is.
sodium_incdirs := $(patsubst -I%,%,$(shell pkg-config --cflags-only-I libsodium 2>/dev/null)) \
  /usr/include /usr/local/include /opt/homebrew/include
SODIUM_INCDIR ?= $(firstword $(foreach d,$(sodium_incdirs),$(if $(wildcard $(d)/sodium.h),$(d))))
SODIUM_LIBS   ?= $(or $(shell pkg-config --libs libsodium 2>/dev/null),-lsodium)
SODIUM_OBJ := $(patsubst csrc/%.c,$(BUILD)/obj/%.o,$(sort $(wildcard csrc/sodium/*.c)))
SODIUM_SO  := $(if $(SODIUM_INCDIR),$(BUILD)/concur/sodium.so)

LMOD := $(patsubst lua/%,%,$(sort $(shell find lua -name '*.lua' 2>/dev/null)))

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion $(WERROR)
OPTIMIZE ?= -O2
LANGUAGE := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -ftls-model=initial-exec -pthread
CPPFLAGS_ALL = -Icsrc -isystem $(LUA_INCDIR) $(CPPFLAGS)
COMPILE = $(CC) $(LANGUAGE) $(OPTIMIZE) -g $(WARN) $(CPPFLAGS_ALL) $(CFLAGS) $(EXTRA_CFLAGS)
# The Lua symbols come from the interpreter.  nodelete: lua_close unloads C
# modules, and a thread may still run our code.
LINK = $(CC) -shared -pthread -Wl,-z,nodelete $(LDFLAGS) $(EXTRA_CFLAGS)

.PHONY: all run test lint analyse spec examples bench scale figures doc asan tsan valgrind stress model install uninstall \
        clean env deps deps-run help FORCE
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

all: $(SO) $(SODIUM_SO) $(SHARED) $(STATIC) ## build the C module: build/concur.so, and the libraries for hosts

$(SO): $(OBJ) $(BUILD)/link.stamp
	$(LINK) -o $@ $(OBJ) -lm

# Linked anew rather than copied: the name by which programs find it at run time has a version.
$(SHARED): $(OBJ) $(BUILD)/link.stamp
	$(LINK) -Wl,-soname,libconcur.so.$(SOVERSION) -o $@ $(OBJ) -lm
	ln -sf libconcur.so $@.$(SOVERSION)

$(STATIC): $(OBJ) $(BUILD)/link.stamp
	rm -f $@
	$(AR) rcs $@ $(OBJ)

$(BUILD)/concur/sodium.so: $(SODIUM_OBJ) $(BUILD)/link.stamp
	@mkdir -p $(@D)
	$(LINK) -o $@ $(SODIUM_OBJ) $(SODIUM_LIBS)

$(SODIUM_OBJ): private CPPFLAGS_ALL += $(if $(SODIUM_INCDIR),-idirafter $(SODIUM_INCDIR))

$(BUILD)/obj/%.o: csrc/%.c $(BUILD)/compile.stamp
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

# Stamps change when the command does, so that other flags mean another build.
$(BUILD)/compile.stamp: stamp = $(COMPILE)
$(BUILD)/link.stamp: stamp = $(LINK) $(OBJ)
$(BUILD)/%.stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(stamp)' | cmp -s - $@ || echo '$(stamp)' >$@

-include $(OBJ:.o=.d) $(SODIUM_OBJ:.o=.d)

# ---- running from the tree --------------------------------------------------

# $(call lua_env): the assignments that let $(LUA) use the tree uninstalled.
# A versioned variable would win over the plain one, so it is set where it exists.
define lua_env
p='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua'; c='$(abspath $(BUILD))/?.so'; \
LUA_PATH="$$p;$${LUA_PATH:-;}"; LUA_CPATH="$$c;$${LUA_CPATH:-;}"; \
$${LUA_PATH_5_4+:} false && LUA_PATH_5_4="$$p;$$LUA_PATH_5_4"; \
$${LUA_CPATH_5_4+:} false && LUA_CPATH_5_4="$$c;$$LUA_CPATH_5_4"
endef

env: ## print the shell lines that let lua5.4 use the tree: eval "$(make -s env)"
	@$(lua_env); \
	for v in LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4; do \
	  eval "test -z \"\$${$$v+x}\" || printf 'export %s=\"%s\"\n' $$v \"\$$$$v\""; \
	done

# ---- what is missing on this machine ----------------------------------------
#
# Asks for nothing that is there already.  Debian and its family only; anywhere
# else it says what is needed.  NEED is "run", "test" or "doc".  With other things come the event
# loops and the cryptography that some specs use, which do without otherwise.  "doc" is what
# make doc and make analyse need.

NEED ?= test

define install_missing
missing=; wanted=; \
want() { missing="$$missing $$1"; wanted="$$wanted$${wanted:+, }$$2"; }; \
have() { command -v "$$1" >/dev/null 2>&1; }; \
check() { missing=; wanted=; \
  lua='$(LUA)'; \
  have "$${lua%% *}" || want lua5.4 'Lua 5.4 ($(LUA))'; \
  have $(firstword $(CC)) || want 'gcc libc6-dev' 'a C compiler ($(firstword $(CC)))'; \
  set -- $(LUA_INCDIR) /usr/include/lua5.4; \
  test -f "$$1/lua.h" || want liblua5.4-dev 'headers of Lua 5.4'; \
  test '$(NEED)' != doc || { \
    have ldoc || want 'lua-ldoc lua-discount' LDoc; \
    have clang-tidy || want clang-tidy clang-tidy; have cppcheck || want cppcheck cppcheck; }; \
  test '$(NEED)' = test || return 0; \
  $(LUA) -e 'require "busted.runner"' >/dev/null 2>&1 || want lua-busted 'busted for Lua 5.4'; \
  have luacheck || want lua-check luacheck; \
  $(LUA) -e 'require "luv"' >/dev/null 2>&1 || want lua-luv 'luv, the binding of libuv'; \
  test -n '$(SODIUM_INCDIR)' || test -f /usr/include/sodium.h || want libsodium-dev libsodium; \
  test -n "$$missing" && have apt-get || return 0; \
  for library in cqueues; do \
    $(LUA) -e "require '$$library'" >/dev/null 2>&1 || missing="$$missing lua-$$library"; \
  done; \
}; \
check; \
test -n "$$missing" || exit 0; \
if test -n '$(lua_given)'; then case "$$missing" in *\ lua5.4*) \
  echo "make: LUA=$(lua_given) is not there" >&2; exit 1;; esac; fi; \
if ! have apt-get; then \
  echo "make: this needs $$wanted." >&2; \
  echo "make: install that with the package manager of your system (on Debian:$$missing)," >&2; \
  echo "make: say LUA=… and LUA_INCDIR=… where they are in an unusual place, and try again." >&2; \
  exit 1; \
fi; \
sudo=; \
if test "$$(id -u)" != 0; then \
  if ! have sudo; then \
    echo "make: this needs $$wanted; as root: apt-get install$$missing" >&2; exit 1; \
  fi; \
  if test -t 0; then sudo=sudo; else sudo='sudo -n'; fi; \
fi; \
echo "make: installing$$missing"; \
if ! { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q update && \
       $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $$missing; \
     } </dev/null; then \
  echo "make: could not install$$missing; this needs $$wanted." >&2; exit 1; \
fi; \
check; \
test -z "$$missing" || { echo "make: still not found: $$wanted" >&2; exit 1; }
endef

deps: ## install what building and testing need and the machine lacks (Debian)
	@$(install_missing)

deps-run:
	@$(MAKE) --no-print-directory deps NEED=run

# Make read the machine before anything was installed: what follows an
# installation runs in a make of its own.
parallel = $(if $(findstring j,$(filter-out --%,$(firstword -$(MAKEFLAGS)))),,-j$(shell nproc 2>/dev/null || echo 2))
again = $(MAKE) --no-print-directory

# ---- run and test -----------------------------------------------------------

run: deps-run ## count words on all processors: make run [DIR=…] [WORKERS=…]
	@$(again) -s $(parallel) all
	@$(again) -s run-here

.PHONY: run-here test-here spec-here
run-here:
	@$(lua_env); export LUA_PATH LUA_CPATH; \
	exec $(LUA) examples/word_count.lua \
	  $(if $(WORKERS),--workers='$(WORKERS)') $(if $(DIR),'$(DIR)')

RESULTS = $(BUILD)/results
SPEC    = $(LUA) spec/support/run.lua --build='$(BUILD)' --lua='$(LUA)' --jobs='$(JOBS)' \
          --timeout='$(TIMEOUT)' --results='$(RESULTS)/spec' $(if $(WRAP),--wrap='$(WRAP)') $(if $(WITHOUT),--without='$(WITHOUT)')

test: deps ## build, lint, run all specs and examples; ends with "N passed, N failed"
	@$(again) -s test-here

# Each part leaves "passed failed" in a file; a part that left none has failed.
test-here:
	@rm -rf $(RESULTS); mkdir -p $(RESULTS); \
	if $(again) $(parallel) all; then \
	  for part in lint examples spec; do \
	    echo "== $$part"; \
	    $(again) $$part; status=$$?; \
	    test -s $(RESULTS)/$$part || echo 0 1 >$(RESULTS)/$$part; \
	    read passed failed <$(RESULTS)/$$part; \
	    test $$status = 0 || test $$failed -gt 0 || echo $$passed 1 >$(RESULTS)/$$part; \
	  done; \
	else echo 0 1 >$(RESULTS)/build; fi; \
	cat $(RESULTS)/* | { passed=0; failed=0; \
	  while read p f; do passed=$$((passed + p)); failed=$$((failed + f)); done; \
	  echo "$$passed passed, $$failed failed"; \
	  test $$failed = 0 && test $$passed -gt 0; }

lint: all ## luacheck, both compilers' warnings, and the laws of the house
	@mkdir -p $(RESULTS)
	@LUA_INCDIR='$(LUA_INCDIR)' SODIUM_INCDIR='$(SODIUM_INCDIR)' LUA='$(LUA)' LUAC='$(LUAC)' SO='$(SO)' \
	  SODIUM_SO='$(SODIUM_SO)' RESULTS='$(RESULTS)/lint' sh spec/support/laws.sh

# Minutes the first time; then only what has changed.
TIDY = $(patsubst csrc/%.c,$(BUILD)/analyse/%.ok,$(SRC) $(if $(SODIUM_INCDIR),$(wildcard csrc/sodium/*.c)))
ANALYSE = LUA_INCDIR='$(LUA_INCDIR)' SODIUM_INCDIR='$(SODIUM_INCDIR)' sh spec/support/analyse.sh

analyse: all ## clang-tidy and cppcheck, where they are
	@$(again) $(parallel) -k analyse-here

.PHONY: analyse-here cppcheck
analyse-here: cppcheck $(if $(shell command -v clang-tidy),$(TIDY))
	@$(if $(shell command -v clang-tidy),,echo 'analyse: no clang-tidy here')

cppcheck:
	@if command -v cppcheck >/dev/null; then $(ANALYSE) cppcheck; else echo 'analyse: no cppcheck here'; fi

$(BUILD)/analyse/%.ok: csrc/%.c $(BUILD)/obj/%.o .clang-tidy spec/support/analyse.h
	@$(ANALYSE) tidy $< $@

spec: all ## run the specs: make spec [SPECS="spec/lock_spec.lua …"] [JOBS=n]
	@mkdir -p $(RESULTS)
	@$(SPEC) $(SPECS)

stress: all model ## run the long specs and the model checks
	@mkdir -p $(RESULTS)
	@ulimit -n "$$(ulimit -Hn)"; $(SPEC) --stress $(SPECS)

model: ## check the models of park, lock, condition and queue (needs spin)
	@command -v spin >/dev/null || { echo 'make: this needs spin (on Debian: apt-get install spin)' >&2; exit 1; }
	@sh spec/model/run.sh '$(BUILD)/model'

examples: all ## run every example, quickly: make examples [EXAMPLES="examples/a.lua …"]
	@mkdir -p $(RESULTS)
	@$(LUA) spec/support/examples.lua --build='$(BUILD)' --lua='$(LUA)' --cc='$(HOST_CC)' --libs='$(HOST_LIBS)' \
	  --results='$(RESULTS)/examples' $(EXAMPLES)

# Programs that embed Lua, in examples/embed.
HOST_CC   = $(CC) -std=gnu11 -O1 $(WARN) -pthread -Icsrc -isystem $(LUA_INCDIR) $(EXTRA_CFLAGS)
HOST_LIBS = $(STATIC) $(LUA_LIBS) -lm -ldl

# ---- the same specs under other eyes ----------------------------------------
#
# Each has a build of its own, and the stock interpreter runs the specs, with
# the sanitizer's runtime preloaded (gcc's).  CC_DEBUG turns the asserts on.

DEBUG    = -DCC_DEBUG=1 -fno-omit-frame-pointer
UBSAN    = -fsanitize=undefined -fno-sanitize-recover=undefined
runtime  = $(shell gcc -print-file-name=$(1).so)
fixed    = $(shell setarch -R true 2>/dev/null && echo setarch -R)
# The search for leaks reads all shared memory, touched or not, so the reservation
# is kept small: by the macro, and by a limit in case that fails.
# In a child that is forked the memory of its parent's other threads is lost for good, which is no
# leak of ours: children are silent, and the tests between processes, which take long, left out.
# AddressSanitizer looks at them.
SMALL    = -DCC_FAMILY_LARGEST=1073741824u
valgrind_command = env WATCHED=1 prlimit --as=12884901888 valgrind -q --error-exitcode=97 --leak-check=full \
  --errors-for-leak-kinds=definite --show-leak-kinds=definite --fair-sched=yes --child-silent-after-fork=yes --max-threads=3000 \
  --suppressions=$(CURDIR)/spec/support/valgrind.supp

# $(call checked,directory,flags,wrap)
checked = $(again) $(parallel) -s all spec CC=gcc BUILD=$(BUILD)/$(1) OPTIMIZE=-O1 \
  EXTRA_CFLAGS='$(2) $(DEBUG)' WRAP='$(3)' SPECS='$(SPECS)' WITHOUT='$(WITHOUT)' \
  TIMEOUT='$(SLOW_TIMEOUT)'
SLOW_TIMEOUT ?= 900

# Its allocator is not made for forks while other threads run; spec/c/forkable.c makes it so.
FORKABLE = $(abspath $(BUILD))/asan/forkable.so
asan_libraries = $(FORKABLE):$(call runtime,libasan):$(call runtime,libubsan)

asan: ## specs under AddressSanitizer and UBSan
	@mkdir -p $(dir $(FORKABLE))
	@gcc -std=gnu11 -D_GNU_SOURCE $(WARN) -O1 -g -fPIC -shared -o $(FORKABLE) spec/c/forkable.c -ldl
	@$(call checked,asan,-fsanitize=address $(UBSAN) -DCC_SANITIZE=1,env \
	  LUA="env LD_PRELOAD=$(asan_libraries) $(LUA)" LD_PRELOAD=$(asan_libraries) \
	  ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:$(ASAN_OPTIONS) UBSAN_OPTIONS=print_stacktrace=1)

# Not for ThreadSanitizer: it holds signals back while Lua code runs, and its stack of
# calls, which has an end, grows with each error and each yield that Lua's longjmp carries over our
# functions.  What another process does to shared memory it does not see, and takes the memory's next
# use for a race.  Some specs build or read the tree, or have no time to be ten times as slow.
NOT_FOR_TSAN = thread_signal async_signal fuzz thread_recursion process kill crash fork subprocess \
               install laws manual names types doc manager_fuzz
tsan: SPECS := $(or $(SPECS),$(filter-out $(NOT_FOR_TSAN:%=spec/%_spec.lua), \
  $(sort $(wildcard spec/*_spec.lua spec/regress/*_spec.lua))))
THREADS = process|a hundred thousand|places for threads|finds no place
tsan valgrind: WITHOUT ?= $(THREADS)
tsan: ## specs under ThreadSanitizer
	@$(call checked,tsan,-fsanitize=thread -Wno-tsan -DCC_SANITIZE=1,$(fixed) env \
	  LUA="env LD_PRELOAD=$(call runtime,libtsan) $(LUA)" LD_PRELOAD=$(call runtime,libtsan) \
	  TSAN_OPTIONS=halt_on_error=1:exitcode=66:die_after_fork=0:$(TSAN_OPTIONS))

valgrind: ## specs under Valgrind's memcheck
	@command -v valgrind >/dev/null || { echo 'make: this needs valgrind' >&2; exit 1; }
	@$(call checked,debug,$(SMALL),$(valgrind_command))

# ---- benchmarks -------------------------------------------------------------

LIMITS_SRC := $(sort $(wildcard bench/limits/*.c))
LIMITS     := $(BUILD)/bench/limits
LUA_LIBS   ?= $(or $(shell for p in lua5.4 lua-5.4 lua54; do \
    pkg-config --libs $$p 2>/dev/null && break; done),-llua5.4)

bench: all $(LIMITS) ## concur beside what the machine can do: make bench [ROWS="chan_int …"] [RUNS=5] [README=README.md]
	@$(LUA) bench/run.lua --lua='$(LUA)' --build='$(BUILD)' --runs='$(RUNS)' $(if $(README),--markdown='$(README)') $(ROWS)

scale: all $(LIMITS) ## how it grows with the number of threads: make scale [THREADS="1 2 4 8"] [ROWS="mpmc …"] [RUNS=3]
	@$(LUA) bench/scale.lua --lua='$(LUA)' --build='$(BUILD)' --runs='$(RUNS)' --threads='$(THREADS)' $(ROWS)

figures: all ## the documents' figures beside ours: make figures [SCALE=0.1]
	@$(LUA) bench/figures.lua --lua='$(LUA)' --build='$(BUILD)' $(if $(SCALE),--scale='$(SCALE)')

$(LIMITS): $(LIMITS_SRC:bench/limits/%.c=$(BUILD)/bench/obj/%.o)
	$(CC) -pthread -o $@ $^ $(LUA_LIBS) $(if $(SODIUM_SO),$(SODIUM_LIBS))

$(BUILD)/bench/obj/%.o: bench/limits/%.c $(BUILD)/compile.stamp
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 $(WARN) -pthread -isystem $(LUA_INCDIR) \
	  $(if $(SODIUM_SO),-DWITH_SODIUM=1 -idirafter $(SODIUM_INCDIR)) -MMD -MP -c -o $@ $<

-include $(LIMITS_SRC:bench/limits/%.c=$(BUILD)/bench/obj/%.d)

# ---- the manual -------------------------------------------------------------
#
# LDoc reads what doc/manual/manual.lua makes of doc/types and doc/*.md: nothing is written twice.

MANUAL = $(BUILD)/doc

doc: ## make the manual with LDoc: build/doc/index.html
	@command -v ldoc >/dev/null || { \
	  echo 'make: this needs LDoc (on Debian: apt-get install lua-ldoc lua-discount, or make deps NEED=doc)' >&2; exit 1; }
	@rm -rf '$(MANUAL)' '$(MANUAL)-source'; mkdir -p '$(MANUAL)' '$(MANUAL)-source'
	@$(LUA) doc/manual/manual.lua '$(MANUAL)-source'
	@cd '$(MANUAL)-source' && ldoc -q -d '$(abspath $(MANUAL))' . >ldoc.log 2>&1 || { cat ldoc.log >&2; exit 1; }
	@rm -r '$(MANUAL)-source'
	@echo '$(MANUAL)/index.html'

# ---- installing -------------------------------------------------------------

LUADIR       ?= $(PREFIX)/share/lua/5.4
LIBDIR       ?= $(PREFIX)/lib/lua/5.4
LIBRARYDIR   ?= $(PREFIX)/lib
INCLUDEDIR   ?= $(PREFIX)/include
PKGCONFIGDIR ?= $(PREFIX)/lib/pkgconfig
TYPESDIR     ?= $(PREFIX)/share/concur/types
HEADER       := $(wildcard csrc/concur.h)
TYPES        := $(patsubst doc/types/%,%,$(sort $(wildcard doc/types/*.lua)))

# What is installed, as "SOURCE:MODE:PLACE:NAME".  install and uninstall both go by it.
INSTALLED = $(SO):755:lib:concur.so $(if $(SODIUM_SO),$(SODIUM_SO):755:lib:concur/sodium.so) \
  $(foreach f,$(LMOD),lua/$(f):644:lua:$(f)) \
  $(if $(TYPESDIR),$(foreach f,$(TYPES),doc/types/$(f):644:types:$(f))) \
  $(if $(LIBRARYDIR),$(SHARED):755:library:libconcur.so.$(SOVERSION) $(STATIC):644:library:libconcur.a) \
  $(foreach f,$(HEADER),$(f):644:include:$(notdir $(f))) \
  $(BUILD)/concur.pc:644:pkgconfig:concur.pc

# pkg-config's name of Lua, whose header concur.h includes.
lua_pc = $(shell for p in lua5.4 lua-5.4 lua54; do pkg-config --exists $$p 2>/dev/null && echo $$p && break; done)

define CONCUR_PC
prefix=$(PREFIX)
includedir=$(INCLUDEDIR)
libdir=$(LIBRARYDIR)

Name: concur
Description: Threads, processes and the objects they share, for Lua
Version: $(VERSION)
$(addprefix Requires: ,$(lua_pc))
Cflags: -I$${includedir}
Libs: -L$${libdir} -lconcur
Libs.private: -lm -pthread
endef
export CONCUR_PC

$(BUILD)/concur.pc: FORCE
	@mkdir -p $(@D)
	@printenv CONCUR_PC >$@

# $(call each_installed,commands): $$source, $$mode and $$target are set.
define each_installed
set -ef; for entry in $(INSTALLED); do \
  IFS=:; set -- $$entry; unset IFS; source=$$1; mode=$$2; \
  case $$3 in \
    lib) place='$(LIBDIR)';; lua) place='$(LUADIR)';; types) place='$(TYPESDIR)';; \
    library) place='$(LIBRARYDIR)';; include) place='$(INCLUDEDIR)';; pkgconfig) place='$(PKGCONFIGDIR)';; \
  esac; \
  target='$(DESTDIR)'$$place/$$4; $(1); \
done
endef

install: all $(BUILD)/concur.pc ## copy module, Lua files, definitions and header below $(DESTDIR)$(PREFIX)
	@$(call each_installed,install -D -m "$$mode" "$$source" "$$target"; echo "$$target")
	@test -z '$(LIBRARYDIR)' || ln -sf libconcur.so.$(SOVERSION) '$(DESTDIR)$(LIBRARYDIR)/libconcur.so'

# Directories of our own go too, and those of Lua and pkg-config when they are empty; in a staging
# directory, all that are.
uninstall: ## remove what install put there
	@$(call each_installed,rm -f "$$target")
	@test -z '$(LIBRARYDIR)' || rm -f '$(DESTDIR)$(LIBRARYDIR)/libconcur.so'
	@for directory in '$(LUADIR)/concur' '$(LIBDIR)/concur' '$(TYPESDIR)'; do \
	  find '$(DESTDIR)'"$$directory" -depth -type d -exec rmdir {} \; ; done 2>/dev/null || true
	@for directory in '$(TYPESDIR)' '$(LUADIR)' '$(LIBDIR)' '$(PKGCONFIGDIR)/pkgconfig'; do \
	  rmdir '$(DESTDIR)'"$$directory"; rmdir '$(DESTDIR)'"$${directory%/*}"; done 2>/dev/null || true
	@test -z '$(DESTDIR)' || find '$(DESTDIR)' -mindepth 1 -depth -type d -exec rmdir {} \; 2>/dev/null || true

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo 'Variables: LUA LUA_INCDIR LUAC PREFIX DESTDIR CC BUILD WERROR DIR WORKERS SPECS JOBS RUNS ROWS SCALE'
