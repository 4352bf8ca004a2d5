-- A queue's first segment was smaller than the longest item that travels without a
-- parcel: such an item, put first, was written over its neighbour in shared memory.
local concur = require "concur"

describe("the first item of a queue", function()
  it("may have any size", function()
    for size = 200, 300 do
      local queues = {}
      for i = 1, 20 do queues[i] = concur.queue() end
      for i = 1, 20 do
        queues[i]:put(("x"):rep(size))
        queues[i]:put({ ("y"):rep(size - 20) })
      end
      for i = 1, 20 do
        assert.equal(("x"):rep(size), queues[i]:get(0))
        assert.equal(("y"):rep(size - 20), queues[i]:get(0)[1])
        assert.equal(0, queues[i]:qsize())
      end
    end
  end)
end)
