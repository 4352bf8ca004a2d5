-- Four workers, two of which meet at a barrier, as threads and as processes. The source document measured
-- 0.0006 s and 0.0084 s, a factor of 14.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(20)

local function meet(barrier) return barrier:wait() end

local function pass() end

-- How long a round takes at best: what else the machine does can only add to that.
local function seconds(kind)
  local best = math.huge
  for _ = 1, rounds do
    local start = concur.now()
    local barrier, list = concur.barrier(2), {}
    for i = 1, 4 do list[i] = concur[kind](i <= 2 and meet or pass, barrier):start() end
    local sum = 0
    for _, worker in ipairs(list) do
      local ok, index = worker:join()
      assert(ok)
      sum = sum + (index or 0)
    end
    assert(sum == 3)
    best = math.min(best, concur.now() - start)
  end
  return best
end

example.compare(seconds, 13.9)
