-- Integers from two putters to two getters (or so many as BENCH_THREADS says).
local concur = require "concur"
local common = require "bench.common"

local pairs_of = common.threads
local n = common.times(1000000) // pairs_of
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

local functions = common.each(put)
table.move(common.each(get), 1, pairs_of, pairs_of + 1, functions)
local seconds, sums = common.together(functions)
local sum = 0
for _, part in ipairs(sums) do sum = sum + part end
assert(sum == pairs_of * n * (n + 1) // 2)
common.report(pairs_of * n / seconds / 1e6, "Mmsg/s")
