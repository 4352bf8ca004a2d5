-- Two threads bounce an integer over two queues, each waiting for either of two things
-- before it gets.
local concur = require "concur"
local common = require "bench.common"

local n = common.times(50000)
local there, back, stop = concur.queue(), concur.queue(), concur.event()

local function get(q)
  while true do
    local item = q:get(0)
    if item then return item end
    concur.wait { q, stop }
  end
end

local begin, finish = common.start { function()
  for _ = 1, n do back:put(get(there)) end
end }
local start = concur.now()
begin()
for i = 1, n do
  there:put(i)
  assert(get(back) == i)
end
local seconds = concur.now() - start
finish()
common.report(seconds / n * 1e6, "us/rt")
