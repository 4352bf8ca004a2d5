-- How much more an item costs when millions are queued: the time to put and get one
-- with 5,000,000 in the queue, divided by that with 50,000 in it.
local concur = require "concur"
local common = require "bench.common"

local long = common.times(5000000)
local short = long // 100

-- Seconds per item, put and got, of a queue that is filled with n and drained.
local function cost(n)
  local q = concur.queue()
  local start = concur.now()
  for i = 1, n do q:put(i) end
  for _ = 1, n do q:get() end
  return (concur.now() - start) / n
end

local few = {}
for i = 1, 100 do few[i] = cost(short) end
table.sort(few)
common.report(cost(long) / few[50], "times")
