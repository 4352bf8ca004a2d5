-- Two threads acquire and release one lock.
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

common.report(common.together { work, work } / (2 * n) * 1e9, "ns/op")
