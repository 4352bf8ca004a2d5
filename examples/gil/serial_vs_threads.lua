-- Five jobs that only count, done in sequence and then in five threads. With a global
-- interpreter lock the threads gain nothing; here five threads take as long as one
-- job does, or where there are fewer processors, as long as the jobs that each has to
-- do. The third figure imitates a global lock: each thread counts in slices, and holds
-- a lock meanwhile. That takes away what threads had gained.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local count = example.count(10000000)
local jobs = 5

local function calc()
  local sum = 0
  for _ = 1, count do sum = sum + 1 end
  return sum
end

local lock = concur.lock()

local function calc_locked()
  local sum, slice = 0, math.max(count // 100, 1)
  while sum < count do
    local _ <close> = lock:acquire()
    for _ = 1, math.min(slice, count - sum) do sum = sum + 1 end
  end
  return sum
end

local function serial()
  local measure = example.processors()
  for _ = 1, jobs do assert(calc() == count) end
  return select(3, measure())
end

-- Returns how long the job took in all threads, and how many processors stood idle.
local function threaded(job)
  local measure = example.processors()
  local threads = {}
  for i = 1, jobs do threads[i] = concur.spawn(job) end
  for _, thread in ipairs(threads) do
    local _, sum = assert(thread:join())
    assert(sum == count)
  end
  local _, idle, seconds = measure()
  return seconds, idle
end

-- Returns whether the threads gained; as far as one can tell: a single processor, jobs
-- that are too short, and other programs that take what is left show nothing.
local function measure()
  local one = serial()
  local all, idle = threaded(calc)
  local locked = threaded(calc_locked)
  print(("in sequence %.3f s, in threads %.3f s, in threads with one lock %.3f s"):format(one, all, locked))
  print(("while the threads ran %.1f processors stood idle"):format(idle))
  if concur.cpu_count() == 1 or count < 10000000 then return true end
  return all < 0.75 * one and all < 0.9 * locked or idle <= 0.2 * concur.cpu_count()
end

-- Times are at the mercy of what else the machine does: three tries.
assert(measure() or measure() or measure())
