-- How much faster two threads (or so many as BENCH_THREADS says) read different keys of one dict than
-- one thread does.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(2000000)
local d = concur.dict()
for i = 1, 256 do d["key" .. i] = i end

local function read(i)
  local key = "key" .. i
  local sum = 0
  for _ = 1, n do sum = sum + d[key] end
  assert(sum == n * i)
end

local one = common.together { read }
local all = common.together(common.each(read))
common.report(common.threads * one / all, "x")
