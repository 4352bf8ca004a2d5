-- What a trace costs: chan_int without and with one, in turn; the medians' ratio.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(400000)
local path = os.tmpname()

local function seconds(traced)
  if traced then concur.trace.start(path, { limit = 200000 }) end
  local q, sum = concur.queue(), 0
  local begin, finish = common.start { function()
    for i = 1, n do q:put(i) end
  end }
  local start = concur.now()
  begin()
  for _ = 1, n do sum = sum + q:get() end
  local took = concur.now() - start
  finish()
  assert(sum == n * (n + 1) // 2)
  if traced then concur.trace.stop() end
  return took
end

local off, on = {}, {}
for i = 1, 9 do off[i], on[i] = seconds(false), seconds(true) end
os.remove(path)
table.sort(off)
table.sort(on)
common.report(100 * (on[5] / off[5] - 1), "%")
