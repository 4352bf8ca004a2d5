-- A thread's state that closed as the last one with luv unloaded libuv, and loaded again it took a key for
-- thread-local data each time: after about a thousand threads the process aborted.
local h = require "spec.support.helpers"

describe("a thousand threads with an event loop", function()
  it("run one after another", function()
    if not pcall(require, "luv") then return end
    assert.equal("1100", h.output([[
      local concur = require "concur"
      local n = 0
      for _ = 1, 1100 do
        local ok, one = concur.spawn(function()
          local async = require "concur.async"
          return async.run(function() async.sleep(0) return 1 end)
        end):join(30)
        assert(ok, one)
        n = n + one
      end
      io.write(n)
    ]], { timeout = 100 }))
  end)
end)
