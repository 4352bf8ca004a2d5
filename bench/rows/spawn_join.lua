-- Makes, starts and joins a thread that returns its argument.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(2000)
local function same(x) return x end
local start = concur.now()
for i = 1, n do
  local ok, x = common.spawn(same, i):join()
  assert(ok and x == i)
end
common.report((concur.now() - start) / n * 1e6, "us/op")
