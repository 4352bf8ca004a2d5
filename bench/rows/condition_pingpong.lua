-- Two threads wake each other by a condition in turn.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(50000)
local condition, turn = concur.condition(concur.lock()), concur.value(0)

local function pass(from, to)
  condition:acquire()
  while turn:get() ~= from do condition:wait() end
  turn:set(to)
  condition:notify()
  condition:release()
end

local begin, finish = common.start { function()
  for _ = 1, n do pass(1, 0) end
end }
local start = concur.now()
begin()
for _ = 1, n do pass(0, 1) end
finish()
common.report((concur.now() - start) / n * 1e6, "us/rt")
