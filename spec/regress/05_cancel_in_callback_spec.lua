-- A thread that ran an event loop and was cancelled while libuv called back ended the whole process: luv exits
-- when a callback raises.
local kit = require "spec.support.kit"

if not pcall(require, "luv") then return it("needs luv, which is missing here", function() end) end

describe("a thread that runs an event loop", function()
  it("is cancelled at any moment, and nothing else is", function()
    local output, ok = kit.run [[
      local concur = require "concur"
      require "concur.async"
      for _ = 1, 20 do
        local ready, q = concur.event(), concur.queue()
        local t = concur.spawn(function()
          require "concur.async".run(function()
            require "luv".new_timer():start(0, 1, function()
              ready:set()
              for _ = 1, 100000 do end
            end)
            q:get()
          end)
        end)
        ready:wait()
        t:cancel()
        assert(t:join(20) ~= nil)
      end
      io.write "all joined"
    ]]
    assert.equal("all joined", output)
    assert.is_true(ok)
  end)
end)
