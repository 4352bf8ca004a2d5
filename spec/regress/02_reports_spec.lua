-- Reports of deadlocks: a condition's waiter lost its report while it took its lock again,
-- and a report left behind by a cancelled thread kept the search from ever finding another.
local concur = require "concur"
local kit = require "spec.support.kit"

describe("the report of a deadlock", function()
  it("survives the taking of a condition's lock", function()
    local condition, threads = concur.condition(), {}
    for i = 1, 8 do
      threads[i] = concur.spawn(function()
        condition:acquire()
        local ok, err = pcall(condition.wait, condition)
        condition:release()
        return ok, err
      end)
    end
    local ok, err = pcall(threads[1].join, threads[1])
    assert.is_true(ok or err:find("deadlock: ", 1, true) ~= nil)
    for _, t in ipairs(threads) do
      local told, report = kit.join(t)
      assert.is_false(told)
      assert.is_truthy(report:find("deadlock: ", 1, true))
    end
  end)

  it("that nobody took does not hide the next deadlock", function()
    for _ = 1, 3 do
      local event, threads = concur.event(), {}
      for i = 1, 20 do threads[i] = concur.spawn(function() event:wait() end) end
      local ok, err = pcall(event.wait, event)
      assert.is_false(ok)
      assert.is_truthy(err:find("deadlock: ", 1, true))
      for _, t in ipairs(threads) do t:cancel() end
      for _, t in ipairs(threads) do assert.is_false((t:join(kit.TIMEOUT))) end
    end
  end)

  it("is not made while a cancellation is on its way", function()
    for _ = 1, 40 do
      local lock = concur.rlock()
      local holder = concur.spawn(function()
        lock:acquire()
        local waiter = concur.spawn(function() lock:acquire() end)
        while waiter:status() ~= "waiting" do concur.yield() end
        concur.sleep(0.02) -- when the waiter looks for a circle
        waiter:cancel()
        local _, err = waiter:join()
        lock:release()
        return err == concur.CANCELLED
      end)
      assert.is_true(kit.join(holder))
    end
  end)
end)
