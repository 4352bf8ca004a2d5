-- A source rock, packed and installed, and `luarocks test`. Where luarocks and git are.
local blocks = require "spec.support.blocks"
local tree = require "spec.support.tree"

local has_sodium = pcall(require, "concur.sodium")
local rocks = "MAKEFLAGS=-j2 luarocks --lua-version=5.4 "

describe("a source rock", function()
  if tree.hindered() or not (tree.has "luarocks" and tree.has "git") then
    return it("is not for here", function() end)
  end

  it("is packed, installed into a tree, and works", function()
    blocks.with_directory(function(where)
      local source = where .. "/concur"
      tree.run("mkdir " .. source)
      tree.run("cp -pr csrc lua doc bench spec examples rockspec Makefile README.md " .. source)
      tree.run(("cd %s && git init -q . && git add -A && git -c user.name=spec -c user.email=spec commit -qm spec")
        :format(source))
      tree.run(("sed 's|git+https://[^\"]*|git+file://%s|' %s/rockspec/concur-scm-1.rockspec >%s/concur-scm-1.rockspec")
        :format(source, source, where))
      tree.run(("cd %s && %s pack concur-scm-1.rockspec"):format(where, rocks))
      tree.run(("cd %s && %s install --tree %s/tree concur-scm-1.src.rock"):format(where, rocks, where), 300)
      assert.equal(tree.expected(has_sodium),
        tree.use(where .. "/tree/share/lua/5.4", where .. "/tree/lib/lua/5.4"))
    end)
  end)

  it("is tested by luarocks", function()
    local output = tree.run("SPECS=spec/event_spec.lua " .. rocks .. "test", 300)
    assert(output:find("specs: %d+ passed, 0 failed"), output)
  end)
end)
