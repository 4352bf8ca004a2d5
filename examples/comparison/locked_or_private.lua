-- The price of sharing. Threads count up one number under one lock, each step alone; or with
-- atomic additions; or each counts in a variable of its own, and hands over its count at the
-- end. The result is the same. What is shared is done by one thread at a time; what is private
-- by all at once.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local threads = math.max(concur.cpu_count(), 2)
local steps = example.part(1000000)
local rounds = 3
local total, lock = concur.value(0), concur.lock()

local ways = {
  { "a lock for each step", function()
    for _ = 1, steps do
      local _ <close> = lock:acquire()
      total:set(total:get() + 1)
    end
  end },
  { "an atomic addition", function()
    for _ = 1, steps do total:add(1) end
  end },
  { "private, added at the end", function()
    local mine = 0
    for _ = 1, steps do mine = mine + 1 end
    total:add(mine)
  end },
}

local function measure()
  local times = {}
  for i, way in ipairs(ways) do
    local name, count = way[1], way[2]
    local functions = {}
    for k = 1, threads do functions[k] = count end
    total:set(0)
    times[i] = example.together(functions, rounds)
    print(("%-26s %8.2f ns a step"):format(name, times[i] / steps * 1e9))
    assert(total:get() == rounds * threads * steps)
  end
  return times[3] < times[2] and times[2] < times[1]
end

-- Times are at the mercy of what else the machine does: three tries.
assert(measure() or measure() or measure())
