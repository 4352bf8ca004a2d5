-- 64 MB of an array as a string, again and again.
local concur = require "concur"
local common = require "bench.common"

local size, n = 64 << 20, common.times(20)
local a = concur.array("u8", size)
a:fill(1)

collectgarbage()
local got = 0
local start = concur.now()
for _ = 1, n do
  got = got + #a:bytes()
  collectgarbage()
end
local seconds = concur.now() - start
assert(got == n * size)
common.report(got / seconds / 1e6, "MB/s")
