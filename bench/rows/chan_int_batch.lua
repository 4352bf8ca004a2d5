-- Integers from one putter to one getter, 100 a call.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(100000)
local q, sum, got = concur.queue(), 0, 0

local begin, finish = common.start { function()
  local list = {}
  for i = 1, 100 do list[i] = i end
  for _ = 1, n do q:put_many(list) end
end }
local start = concur.now()
begin()
while got < 100 * n do
  local list = q:get_many(100)
  for i = 1, list.n do sum = sum + list[i] end
  got = got + list.n
end
local seconds = concur.now() - start
finish()
assert(got == 100 * n and sum == n * 5050)
common.report(got / seconds / 1e6, "Mmsg/s")
