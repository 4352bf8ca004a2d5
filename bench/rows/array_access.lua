-- Reads or writes an element of an array: array_access.lua get|set
local concur = require "concur"
local common = require "bench.common"

local n = common.times(10000000)
local a = concur.array("i32", 100)

local start = concur.now()
if arg[1] == "set" then
  for i = 1, n do a[7] = i end
else
  local x
  for _ = 1, n do x = a[7] end
  assert(x == 0)
end
common.report((concur.now() - start) / n * 1e9, "ns/op")
