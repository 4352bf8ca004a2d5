-- Acquires and releases a lock that nobody else wants.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(1000000)
local lock = concur.lock()
local start = concur.now()
for _ = 1, n do
  lock:acquire()
  lock:release()
end
common.report((concur.now() - start) / n * 1e9, "ns/op")
