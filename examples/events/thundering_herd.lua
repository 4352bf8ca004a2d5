-- Eight workers wait, and there is something to do for one. If all are woken, one of them
-- gets it, and seven have been disturbed for nothing, each time: a thundering herd. How many
-- wake-ups does an item cost?
--
--   an event              wakes all who wait for it
--   an event and a lock   only one waits for the event, the others wait for the lock that it
--                         holds: how a kernel tames `accept`
--   a queue               an item wakes one getter, the longest waiting one

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local herd, items = 8, example.count(25)
local jobs, lock = concur.queue(), concur.lock()
local bell, other = concur.event(), concur.event() -- rung in turn: a rung one stays so until it is cleared

-- How to wait for something to do, how to tell of it, and how many that wakes.
local ways = {
  {
    name = "an event",
    wait = function(turn)
      local mine = turn % 2 == 1 and bell or other
      mine:wait()
      return jobs:get(0)
    end,
    tell = function(turn)
      local ring, next_one = bell, other
      if turn % 2 == 0 then ring, next_one = other, bell end
      next_one:clear()
      ring:set()
    end,
    wakes = herd,
  },
  {
    name = "an event and a lock",
    wait = function()
      local _ <close> = lock:acquire()
      bell:wait()
      bell:clear()
      return jobs:get(0)
    end,
    tell = function() bell:set() end,
    wakes = 1,
  },
  {
    name = "a queue",
    wait = function() return jobs:get() end,
    tell = function() end, -- that there is an item tells it
    wakes = 1,
  },
}

local function work(wait, awake, got)
  for turn = 1, math.huge do
    local item = wait(turn)
    if item then got:add(1) end
    awake:release()
  end
end

for _, way in ipairs(ways) do
  bell:clear()
  other:clear()
  local awake, got = concur.semaphore(0), concur.value(0)
  local workers = {}
  for i = 1, herd do workers[i] = concur.spawn(work, way.wait, awake, got) end

  local wakes = 0
  for item = 1, items do
    for _, worker in ipairs(workers) do example.until_waiting(worker) end
    jobs:put(item)
    way.tell(item)
    for _ = 1, way.wakes do awake:acquire() end
    wakes = wakes + way.wakes
  end
  for _, worker in ipairs(workers) do example.until_waiting(worker) end
  assert(awake:value() == 0) -- nobody else was woken
  print(("%-20s %d wake-ups for %d items, %d of them for nothing"):format(
    way.name, wakes, got:get(), wakes - got:get()))
  assert(got:get() == items and jobs:empty())

  for _, worker in ipairs(workers) do worker:cancel() end
  for _, worker in ipairs(workers) do worker:join() end
end
