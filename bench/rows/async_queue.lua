-- Two tasks of a loop send a number to and fro by queues: the time of one way, a wait of one of them.
local concur = require "concur"
local common = require "bench.common"
local async = concur.async

local N = common.times(200000)

async.run(function()
  local there, back = concur.queue(), concur.queue()
  local start = concur.now()
  async.gather(function()
    for i = 1, N do
      there:put(i)
      back:get()
    end
  end, function()
    for _ = 1, N do back:put(there:get()) end
  end)
  common.report((concur.now() - start) / (2 * N) * 1e6, "us")
end)
