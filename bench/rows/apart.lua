-- Two threads (or so many as BENCH_THREADS says) that share nothing, each with a lock, a queue, a dict and
-- tables of its own: how many times as much they do as one thread does alone.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(200000)

local function work()
  local lock, q, d = concur.lock(), concur.queue(), concur.dict()
  local seen = 0
  for i = 1, n do
    lock:acquire()
    d.last = i
    lock:release()
    q:put { number = i, name = "item" }
    seen = seen + q:get().number + d.last
  end
  assert(seen == n * (n + 1))
end

local one, all = math.huge, math.huge
for _ = 1, 3 do
  one = math.min(one, (common.together { work }))
  all = math.min(all, (common.together(common.each(work))))
end
common.report(common.threads * one / all, "x")
