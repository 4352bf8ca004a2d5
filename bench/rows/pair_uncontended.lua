-- Acquires and releases an object that nobody else wants: `rlock`, `semaphore`, `condition`.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(1000000)
local object = concur[arg[1]]()
local start = concur.now()
for _ = 1, n do
  object:acquire()
  object:release()
end
common.report((concur.now() - start) / n * 1e9, "ns/op")
