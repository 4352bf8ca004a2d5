-- Two threads bounce an integer over two queues.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(50000)
local there, back = concur.queue(), concur.queue()
local begin, finish = common.start { function()
  for _ = 1, n do back:put(there:get()) end
end }
local start = concur.now()
begin()
for i = 1, n do
  there:put(i)
  assert(back:get() == i)
end
local seconds = concur.now() - start
finish()
common.report(seconds / n * 1e6, "us/rt")
