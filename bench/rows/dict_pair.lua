-- Sets and gets a short key of a dict.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(2000000)
local d, sum = concur.dict(), 0

local start = concur.now()
for i = 1, n do
  d.key = i
  sum = sum + d.key
end
local seconds = concur.now() - start
assert(sum == n * (n + 1) // 2)
common.report(seconds / n * 1e9, "ns/op")
