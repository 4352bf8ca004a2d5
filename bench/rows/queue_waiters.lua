-- How much more an item costs when many wait: the time to put one into a queue and see
-- it got, with 1,000 threads blocked in get, divided by that with 10.
local concur = require "concur"
local common = require "bench.common"

local items = common.times(20000)

-- Seconds per item.
local function cost(getters)
  local q, done, threads = concur.queue(), concur.semaphore(0), {}
  for i = 1, getters do
    threads[i] = concur.spawn(function()
      for _ in q:items() do done:release() end
    end)
  end
  for i = 1, getters do
    while threads[i]:status() ~= "waiting" do concur.yield() end
  end
  local start = concur.now()
  for i = 1, items do
    q:put(i)
    done:acquire()
  end
  local seconds = concur.now() - start
  q:close()
  for i = 1, getters do threads[i]:join() end
  return seconds / items
end

local few = cost(10)
common.report(cost(1000) / few, "times")
