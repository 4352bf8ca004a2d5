-- Two pairs of threads count up and down, one pair under a lock, the other without.
-- Under the lock the result is 0, always. Without it, what one thread writes between
-- the other's reading and writing is lost, and the result is different each time.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local steps = example.count(100000)
local lock = concur.lock()
local locked, bare = concur.value(0), concur.value(0)

local function count_locked(step)
  for _ = 1, steps do
    local _ <close> = lock:acquire()
    locked:set(locked:get() + step)
  end
end

local function count_bare(step)
  for _ = 1, steps do bare:set(bare:get() + step) end
end

local function run()
  bare:set(0)
  local threads = {
    concur.spawn(count_locked, 1),
    concur.spawn(count_locked, -1),
    concur.spawn(count_bare, 1),
    concur.spawn(count_bare, -1),
  }
  for _, thread in ipairs(threads) do assert(thread:join()) end
  print("with a lock", locked:get())
  print("without one", bare:get())
  assert(locked:get() == 0)
  assert(math.abs(bare:get()) <= steps)
  return bare:get()
end

-- 0 is possible without a lock, but not again and again.
example.race(steps, 0, run)
