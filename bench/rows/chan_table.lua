-- Small tables from one putter to one getter, which looks at every field.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(200000)
local q = concur.queue()

local begin, finish = common.start { function()
  for i = 1, n do q:put { id = i, name = "item", vals = { 1, 2, 3 } } end
end }
local start = concur.now()
begin()
for i = 1, n do
  local v = q:get()
  local vals = v.vals
  assert(v.id == i and v.name == "item" and vals[1] == 1 and vals[2] == 2 and vals[3] == 3)
end
local seconds = concur.now() - start
finish()
common.report(n / seconds / 1e3, "kmsg/s")
