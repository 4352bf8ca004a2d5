-- fib(32) four times in one thread, and in each of two (or so many as BENCH_THREADS says): how many times
-- faster the same work is done by all, by turns, the best of four each.
local concur = require "concur"
local common = require "bench.common"

local function fib(x)
  if x < 2 then return x end
  return fib(x - 1) + fib(x - 2)
end
local function four()
  for _ = 1, 4 do assert(fib(32) == 2178309) end
end

local serial, parallel = math.huge, math.huge
for _ = 1, 4 do
  local start = concur.now()
  four()
  serial = math.min(serial, concur.now() - start)
  parallel = math.min(parallel, (common.together(common.each(four))))
end
common.report(common.threads * serial / parallel, "x")
