-- The memory of a hundred thousand tasks that sleep, and that all of them end.
local concur = require "concur"
local common = require "bench.common"
local async = concur.async

local N = common.times(100000)

local function resident()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s+(%d+)"
    if kilobytes then return kilobytes / 1024 end
  end
end

async.run(function()
  local before, ended = resident(), 0
  for _ = 1, N do
    async.spawn(function()
      async.sleep(2)
      ended = ended + 1
    end)
  end
  async.sleep(1)
  local megabytes = resident() - before
  while ended < N do async.sleep(0.1) end
  common.report(megabytes, "MB")
end)
