-- Two threads bounce an integer over the two ways of a pipe.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(50000)
local here, there = concur.pipe()
local begin, finish = common.start { function()
  for _ = 1, n do there:send(there:recv()) end
end }
local start = concur.now()
begin()
for i = 1, n do
  here:send(i)
  assert(here:recv() == i)
end
local seconds = concur.now() - start
finish()
common.report(seconds / n * 1e6, "us/rt")
