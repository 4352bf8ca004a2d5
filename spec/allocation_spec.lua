-- The n-th allocation of shared memory fails, for all n. modules/walk.lua does it,
-- in an interpreter of its own with a debug build: the one that runs this spec if
-- it is one (make asan), else one that is built beside it.
local debug_build = require "spec.support.debug_build"
local walk = require "modules.walk"

local directory

describe("when the n-th allocation fails,", function()
  lazy_setup(function() directory = debug_build.find() end)

  for _, name in ipairs(walk.names) do
    it(name .. " fails cleanly", function()
      local output, ok = debug_build.run(directory, "spec/modules/walk.lua", name, 60)
      assert.is_truthy(output:find("^walked %d+\n$"), output)
      assert.is_true(ok, output)
    end)
  end
end)
