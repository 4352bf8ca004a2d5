-- Two threads count up and down a million times, with a lock for each step, or one that
-- is held around the whole loop. Both end at 0. The second way is many times faster:
-- there is one acquire instead of a million, and nobody waits in between. But then the
-- threads run one after the other, which is as good as no threads at all.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local steps = example.count(1000000)
local shared = concur.value(0)
local lock = concur.lock()

local function per_step(step)
  for _ = 1, steps do
    local _ <close> = lock:acquire()
    shared:set(shared:get() + step)
  end
end

local function around(step)
  local _ <close> = lock:acquire()
  local number = shared:get() -- nobody else sees it meanwhile
  for _ = 1, steps do number = number + step end
  shared:set(number)
end

local function measure(run)
  local start = concur.now()
  local thread1, thread2 = concur.spawn(run, 1), concur.spawn(run, -1)
  assert(thread1:join())
  assert(thread2:join())
  assert(shared:get() == 0)
  return concur.now() - start
end

local function compare()
  local fine, coarse = measure(per_step), measure(around)
  print(("a lock for each step %.3f s, one around the loop %.3f s: %.1f times"):format(fine, coarse, fine / coarse))
  -- A few steps take no longer than starting the threads.
  return steps < 1000000 or fine >= 2 * coarse
end

-- Times are at the mercy of what else the machine does: three tries.
assert(compare() or compare() or compare())
