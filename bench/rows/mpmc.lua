-- Integers from two putters to two getters.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(1000000) // 2
local q = concur.queue()

local function put()
  for i = 1, n do q:put(i) end
  return 0
end
local function get()
  local sum = 0
  for _ = 1, n do sum = sum + q:get() end
  return sum
end

local seconds, sums = common.together { put, put, get, get }
assert(sums[3] + sums[4] == n * (n + 1))
common.report(2 * n / seconds / 1e6, "Mmsg/s")
