-- Integers from one putter to one getter, a put and a get each.
--
--   chan_int.lua [capacity]
local concur = require "concur"
local common = require "bench.common"

local n = common.times(1000000)
local q, sum = concur.queue(tonumber(arg[1]) or 0), 0

local begin, finish = common.start { function()
  for i = 1, n do q:put(i) end
end }
local start = concur.now()
begin()
for _ = 1, n do sum = sum + q:get() end
local seconds = concur.now() - start
finish()
assert(sum == n * (n + 1) // 2)
common.report(n / seconds / 1e6, "Mmsg/s")
