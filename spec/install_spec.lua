-- `make install`, `make uninstall`, pkg-config, and the rock.
local blocks = require "spec.support.blocks"
local kit = require "spec.support.kit"
local tree = require "spec.support.tree"

local has_sodium = pcall(require, "concur.sodium")

local function install(where, variables)
  tree.run(("make -s install %s %s"):format(where, variables or ""), 300)
end

describe("make install", function()
  if tree.hindered() then return it("is not for here", function() end) end

  it("installs what a program needs, and uninstall leaves nothing", function()
    blocks.with_directory(function(where)
      local places = ("DESTDIR=%s PREFIX=/usr"):format(where)
      install(places)
      local usr = where .. "/usr"
      assert.equal(tree.expected(has_sodium), tree.use(usr .. "/share/lua/5.4", usr .. "/lib/lua/5.4"))
      assert(tree.exists(usr .. "/include/concur.h") and tree.exists(usr .. "/lib/pkgconfig/concur.pc"))
      assert.same(tree.lines "ls doc/types", tree.lines("ls " .. usr .. "/share/concur/types"))
      assert.same({}, tree.lines(("find %s -type f ! -perm -444"):format(where)))
      assert.equal("", tree.run(("grep -rlF %s %s --include='*.pc' --include='*.lua' || true"):format(where, where)))
      tree.run("make -s uninstall " .. places)
      assert.same({}, tree.lines(("find %s -mindepth 1"):format(where)))
    end)
  end)

  it("leaves what others have put there", function()
    blocks.with_directory(function(where)
      local places = ("PREFIX='%s/a b'"):format(where)
      install(places)
      tree.run(("touch '%s/a b/share/lua/5.4/other.lua' '%s/a b/lib/lua/5.4/concur/other.so'"):format(where, where))
      local before = tree.lines(("find '%s' -type f"):format(where))
      assert(#before > 30)
      tree.run("make -s uninstall " .. places)
      assert.same({where .. "/a b/lib/lua/5.4/concur/other.so", where .. "/a b/share/lua/5.4/other.lua"},
        tree.lines(("find '%s' -type f | LC_ALL=C sort"):format(where)))
    end)
  end)

  it("does without libsodium", function()
    blocks.with_directory(function(where)
      install(("PREFIX=%s"):format(where), "SODIUM_INCDIR=")
      assert(not tree.exists(where .. "/lib/lua/5.4/concur/sodium.so"))
      -- the other one may be found in the system
      local found = tree.run("cd / && " .. kit.lua .. " -e 'print((pcall(require, \"concur.sodium\")))'")
      if found == "false\n" then
        assert.equal(tree.expected(false), tree.use(where .. "/share/lua/5.4", where .. "/lib/lua/5.4"))
      end
    end)
  end)

  it("tells pkg-config where the header is", function()
    if not tree.has "pkg-config" then return end
    blocks.with_directory(function(where)
      install(("PREFIX=%s"):format(where))
      local config = ("PKG_CONFIG_PATH=%s/lib/pkgconfig pkg-config"):format(where)
      assert(tree.run(config .. " --cflags concur"):find("-I" .. where .. "/include", 1, true))
      tree.run(config .. " --libs concur")
      local host = where .. "/host.c"
      local file <close> = assert(io.open(host, "w"))
      file:write("#include <concur.h>\n#include <lauxlib.h>\nint main(void) { return luaopen_concur == 0; }\n")
      file:flush()
      if tree.run(config .. " --print-requires concur") ~= "" then
        tree.run(("${CC:-cc} -fsyntax-only $(%s --cflags concur) %s"):format(config, host))
      end
    end)
  end)
end)

describe("luarocks", function()
  local rocks = "luarocks --lua-version=5.4 "
  if tree.hindered() or not tree.has "luarocks" then return it("is not here", function() end) end

  -- The source is copied, so that what it builds stays for the next time, and lies in nobody's way.
  it("make installs the rock, and remove leaves nothing", function()
    blocks.with_directory(function(where)
      local source = "build/spec/rock"
      tree.run(("mkdir -p %s && cd %s && rm -rf csrc lua doc rockspec"):format(source, source))
      tree.run("cp -pr csrc lua doc rockspec Makefile " .. source)
      tree.run(("cd %s && MAKEFLAGS=-j2 %s make --tree %s/tree CFLAGS='-O0 -fPIC'"):format(source, rocks, where), 110)
      local root = where .. "/tree"
      assert.equal(tree.expected(has_sodium), tree.use(root .. "/share/lua/5.4", root .. "/lib/lua/5.4"))
      local rock = root .. "/lib/luarocks/rocks-5.4/concur/scm-1"
      assert(tree.exists(rock .. "/include/concur.h") and tree.exists(rock .. "/pkgconfig/concur.pc"))
      assert.same(tree.lines "ls doc/types", tree.lines("ls " .. rock .. "/doc/types"))
      tree.run(("%s remove --tree %s concur"):format(rocks, root))
      assert.same({}, tree.lines(("find %s -path '*concur*'"):format(root)))
    end)
  end)
end)
