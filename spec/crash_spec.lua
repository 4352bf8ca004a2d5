-- A process is killed at its n-th crash point, for all n: modules/crash.lua does it, in an interpreter of
-- its own with a debug build, as allocation_spec.lua does with allocations that fail.
local debug_build = require "spec.support.debug_build"
local crash = require "modules.crash"

local directory

describe("a process that is killed at its n-th crash point in", function()
  lazy_setup(function() directory = debug_build.find() end)

  for _, name in ipairs(crash.names) do
    it(name .. " leaves all whole, nobody blocked, nothing behind", function()
      local output, ok = debug_build.run(directory, "spec/modules/crash.lua", name, 100)
      assert.is_truthy(output:find("^survived %d+\n$"), output)
      assert.is_true(ok, output)
    end)
  end
end)
