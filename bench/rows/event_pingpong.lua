-- Two threads wake each other by two events in turn.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(50000)
local there, back = concur.event(), concur.event()
local begin, finish = common.start { function()
  for _ = 1, n do
    there:wait()
    there:clear()
    back:set()
  end
end }
local start = concur.now()
begin()
for _ = 1, n do
  there:set()
  back:wait()
  back:clear()
end
local seconds = concur.now() - start
finish()
common.report(seconds / n * 1e6, "us/rt")
