-- The memory of a hundred thousand tasks that sleep, and that all of them end.
local concur = require "concur"
local common = require "bench.common"
local resident = require "spec.support.resident"
local async = concur.async

local N = common.times(100000)

async.run(function()
  local before, ended = resident(), 0
  for _ = 1, N do
    async.spawn(function()
      async.sleep(2)
      ended = ended + 1
    end)
  end
  async.sleep(1)
  local megabytes = (resident() - before) / (1 << 20)
  while ended < N do async.sleep(0.1) end
  common.report(megabytes, "MB")
end)
