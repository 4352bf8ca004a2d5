-- Two threads (or so many as BENCH_THREADS says) add 1 to a shared number.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(500000)
local v = concur.value(0)

local function work()
  for _ = 1, n do v:add(1) end
end

local seconds = common.together(common.each(work))
assert(v:get() == common.threads * n)
common.report(common.threads * n / seconds / 1e6, "Mop/s")
