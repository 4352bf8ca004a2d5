-- How much faster two threads read different keys of one dict than one thread does.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(2000000)
local d = concur.dict()
for i = 1, 100 do d["key" .. i] = i end

local function read(i)
  local key = "key" .. i
  local sum = 0
  for _ = 1, n do sum = sum + d[key] end
  assert(sum == n * i)
end

local one = common.together { read }
local two = common.together { read, read }
common.report(2 * one / two, "x")
