-- Six workers and a barrier for three. Two wait, and main aborts: their waits are
-- broken, and so are those of the next two, who only come now. Main resets the barrier,
-- and the last two wait for a third.
--
--   deadlock  nobody comes, which is reported
--   third     main is the third, and all go on, each with the number of its arrival
--
--   lua5.4 abort_and_reset.lua [deadlock|third]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()

local function work(barrier)
  local name = concur.current().name
  say("%s arrives", name)
  local index, reason = barrier:wait()
  say("%s %s", name, index and "runs as number " .. index or "finds the barrier " .. reason)
end

-- Two workers; returns when both wait at the barrier.
local function two_waiting(barrier)
  local threads = {}
  for i = 1, 2 do
    threads[i] = concur.spawn(work, barrier)
    while barrier:n_waiting() < i do concur.sleep(0.001) end
  end
  return threads
end

local function join(threads)
  for _, thread in ipairs(threads) do assert(thread:join()) end
end

-- The first four workers. Returns the barrier, reset, and the last two, who wait.
local function abort_and_reset()
  local barrier = concur.barrier(3)
  local first = two_waiting(barrier)
  say "main: abort"
  barrier:abort()
  join(first)
  assert(barrier:broken())
  join { concur.spawn(work, barrier), concur.spawn(work, barrier) }
  say "main: reset"
  barrier:reset()
  assert(not barrier:broken())
  return barrier, two_waiting(barrier)
end

local function check(lines, from)
  local broken = 0
  for i = from, #lines do
    if lines[i]:find "finds the barrier broken$" then broken = broken + 1 end
  end
  assert(broken == 4)
end

local function deadlock()
  local barrier, threads = abort_and_reset()
  print("waiting at the barrier:", barrier:n_waiting())
  assert(barrier:n_waiting() == 2)
  check(said(), 1)
  local report = example.deadlock(threads)
  assert(select(2, report:gsub("waits for concur%.barrier: [^\n]*, at [^\n]*abort_and_reset%.lua:%d+", "")) == 2)
  assert(said():count "runs as number" == 0)
end

local function third()
  local from = #said() + 1
  local barrier, threads = abort_and_reset()
  local index = barrier:wait()
  say("main runs as number %d", index)
  join(threads)
  assert(index == 3 and barrier:n_waiting() == 0)
  local lines = said()
  assert(lines:count "^Thread%-%d+ runs as number 1$" == 1)
  assert(lines:count "^Thread%-%d+ runs as number 2$" == 1)
  check(lines, from)
end

local variant = arg[1] or "both"
if variant ~= "third" then
  print "-- deadlock"
  deadlock()
end
if variant ~= "deadlock" then
  print "-- third"
  third()
end
