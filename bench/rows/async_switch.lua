-- Two tasks of a loop take turns.
local concur = require "concur"
local common = require "bench.common"
local async = concur.async

local N = common.times(1000000)

async.run(function()
  local function turns() for _ = 1, N do async.yield() end end
  local start = concur.now()
  async.gather(turns, turns)
  common.report((concur.now() - start) / (2 * N) * 1e6, "us")
end)
