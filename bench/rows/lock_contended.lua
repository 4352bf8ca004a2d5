-- Two threads (or so many as BENCH_THREADS says) acquire and release one lock.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(1000000)
local lock = concur.lock()

local function work()
  for _ = 1, n do
    lock:acquire()
    lock:release()
  end
end

common.report(common.together(common.each(work)) / (common.threads * n) * 1e9, "ns/op")
