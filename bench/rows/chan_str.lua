-- Strings from one putter to one getter.
--
--   chan_str.lua size count [capacity]
local concur = require "concur"
local common = require "bench.common"

local size, n = tonumber(arg[1]), common.times(tonumber(arg[2]))
local q = concur.queue(tonumber(arg[3]) or 0)

local begin, finish = common.start { function()
  local s = ("x"):rep(size)
  for _ = 1, n do q:put(s) end
end }
local got = 0
local start = concur.now()
begin()
for _ = 1, n do got = got + #q:get() end
local seconds = concur.now() - start
finish()
assert(got == n * size)
common.report(got / seconds / 1e6, "MB/s")
