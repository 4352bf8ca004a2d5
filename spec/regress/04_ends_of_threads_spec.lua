-- What a thread holds at its end may lose its last handle elsewhere just then; a repeating
-- timer kept its message, and with it itself; what load's reader raised kept a
-- thread from being cancelled.
local concur = require "concur"
local kit = require "spec.support.kit"

describe("the end of a thread", function()
  it("gives up what it holds while others drop the handles", function()
    for _ = 1, 20 do
      local locks = {}
      for i = 1, 200 do locks[i] = concur.rlock() end
      local t = concur.spawn(function(list) for _, lock in ipairs(list) do lock:acquire() end end, locks)
      locks = nil
      while t:is_alive() do collectgarbage() end
      assert.is_true((t:join(kit.TIMEOUT)))
      assert.is_nil(locks)
    end
  end)

  it("of a repeating timer lets go of the timer", function()
    collectgarbage()
    collectgarbage()
    local before = concur.info().objects.timer
    local function run()
      local done, timer = concur.event(), nil
      timer = concur.timer { interval = 0.001, repeating = true, target = function()
        done:set()
        timer:cancel()
      end }
      -- its function refers to the timer, so its message does
      timer:start()
      assert.is_true(done:wait(kit.TIMEOUT))
      timer:join(kit.TIMEOUT)
    end
    for _ = 1, 10 do run() end
    kit.eventually("all timers are gone", function()
      collectgarbage()
      collectgarbage()
      return concur.info().objects.timer == before
    end)
  end)

  it("comes by a cancellation after an error in a reader of load", function()
    local t = concur.spawn(function()
      assert(not load(function() error "in the reader" end))
      concur.event():wait(kit.TIMEOUT)
    end)
    kit.until_waiting(t)
    t:cancel()
    local ok, err = t:join(kit.TIMEOUT)
    assert.is_false(ok)
    assert.equal(concur.CANCELLED, err)
  end)
end)
