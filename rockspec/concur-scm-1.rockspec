rockspec_format = "3.0"
package = "concur"
version = "scm-1"
source = {
  url = "git+https://example.org/concur.git",
}
description = {
  summary = "Threads, processes and the objects they share, for Lua",
  detailed = [[
Real threads and processes for Lua 5.4, each with a Lua state of its own, and
locks, events, queues and shared data that work between all of them.]],
  license = "MIT",
  labels = { "concurrency", "threads", "multiprocessing", "linux" },
}
supported_platforms = { "linux" }
dependencies = {
  "lua >= 5.4, < 5.5",
}
build = {
  type = "make",
  build_target = "all",
  copy_directories = { "doc" },
  build_variables = {
    CC = "$(CC)",
    OPTIMIZE = "$(CFLAGS)",
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    BUILD = "build/rock",
    WERROR = "",
  },
  install_variables = {
    LUA = "$(LUA)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    CC = "$(CC)",
    OPTIMIZE = "$(CFLAGS)",
    BUILD = "build/rock",
    WERROR = "",
    PREFIX = "$(PREFIX)",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    PKGCONFIGDIR = "$(PREFIX)/pkgconfig",
    LIBRARYDIR = "$(PREFIX)/host",
    TYPESDIR = "", -- they go with doc
  },
}
test = {
  type = "command",
  command = "make spec",
}
