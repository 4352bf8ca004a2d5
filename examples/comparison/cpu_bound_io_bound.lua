-- How many threads are useful? Work that computes needs as many as there are processors:
-- with more it gets no faster. Work that mostly waits (for a disk, a network, a person) gains
-- by many more, since those that wait need no processor. Efficiency is the gain per thread: 1
-- is perfect, and it falls as soon as threads have to share what they need.
--
-- The waiting is played by a pause.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local jobs = 16
local steps = example.part(320000000) // jobs
local pause = example.pause(0.5)
local cores = concur.cpu_count()

local function compute()
  local sum = 0
  for i = 1, steps do sum = sum + i end
  return sum
end

local function wait() concur.sleep(pause) end

-- Does all jobs with so many threads; returns how long that takes, how much of that time one
-- processor was in use, and how many stood idle.
local function seconds(job, threads)
  local queue = concur.queue()
  for number = 1, jobs do queue:put(number) end
  queue:close()
  local list = {}
  local measure = example.processors()
  for i = 1, threads do
    list[i] = concur.spawn(function()
      for _ in queue:items() do job() end
    end)
  end
  for _, thread in ipairs(list) do assert(thread:join()) end
  local used, idle, time = measure()
  return time, used, idle
end

-- Shows a load with 1, 2, 4, … threads; returns the gains by number of threads, the share of a
-- processor that one thread used, and how many processors stood idle at most.
local function table_of(name, job)
  print(name)
  print "  threads   seconds   gain   efficiency"
  local gains, alone, share, most_idle = {}, nil, nil, 0
  for _, threads in ipairs { 1, 2, 4, 8, 16 } do
    local time, used, idle = seconds(job, threads)
    alone, share = alone or time, share or used
    gains[threads], most_idle = alone / time, math.max(most_idle, idle)
    print(("  %7d   %7.3f   %4.1f   %10.2f"):format(threads, time, gains[threads], gains[threads] / threads))
  end
  print(("  one thread waits for %.0f %% of its time"):format(100 * math.max(0, 1 - share)))
  return gains, most_idle
end

local function measure()
  local computing, idle = table_of(("computing, on %d processors"):format(cores), compute)
  local waiting = table_of("waiting", wait)

  -- Waiting: twice the threads, half the time, or nearly.
  if waiting[16] < 8 then return false end
  -- Computing: a gain, where there is more than one processor and nobody else takes them.
  if cores == 1 or idle <= 0.2 * cores then return true end
  return math.max(computing[2], computing[4]) >= 1.3 and computing[16] <= 1.3 * cores
end

-- Times are at the mercy of what else the machine does: three tries.
assert(measure() or measure() or measure())
