-- A wait within a wait (from a finalizer or __transfer) left pointers to its stack behind, and
-- a put that had to wait packed its item, and so called __transfer, twice.
local concur = require "concur"
local kit = require "spec.support.kit"

describe("a put that waits", function()
  it("may run finalizers and __transfer that wait, and packs once", function()
    local queue, event, calls = concur.queue(1), concur.event(), 0
    queue:put("first")
    local getter = concur.spawn(function()
      event:wait(kit.TIMEOUT)
      return queue:get(kit.TIMEOUT), queue:get(kit.TIMEOUT)
    end)
    local object = setmetatable({}, { __transfer = function()
      calls = calls + 1
      setmetatable({}, { __gc = function() concur.event():wait(0.0001) end })
      collectgarbage()
      concur.event():wait(0.0001)
      event:set()
      return tostring, 7
    end })
    assert.is_true(queue:put(object, kit.TIMEOUT))
    kit.same({ "first", "7" }, { kit.join(getter) })
    assert.equal(1, calls)
  end)
end)
