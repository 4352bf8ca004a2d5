-- 10,000 threads wait for one event: seconds from set until the last has gone on.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(10000)
local event, gone = concur.event(), concur.latch(n)
local threads = {}
for i = 1, n do
  threads[i] = concur.spawn(function()
    event:wait()
    gone:count_down()
  end)
end
for i = 1, n do
  while threads[i]:status() ~= "waiting" do concur.sleep(0.001) end
end
local start = concur.now()
event:set()
gone:wait()
common.report(concur.now() - start, "s")
