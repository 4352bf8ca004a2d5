-- One fills a pot with five fish balls, the other one eats them, with a numbered line
-- for each step that is taken with the lock. When the pot is empty the eater wakes the
-- cook, and waits for more.
--
--   deadlock  the cook goes home; the eater waits for ever, which is reported
--   closed    the cook says that the kitchen is closed, and the eater goes home too
--
--   lua5.4 hotpot.lua [deadlock|closed]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()
local size = 5
local balls = concur.value(0)
local closed = concur.value(false)
local condition = concur.condition()

local function cook(closes)
  do
    local _ <close> = condition:acquire()
    say "1. cook: holds the lock"
    for _ = 1, size do
      say("   cook: %d balls in the pot", balls:add(1))
      concur.sleep(example.pause(1))
    end
    say "   cook: the pot is full"
    condition:notify() -- nobody waits yet
    say "2. cook: waits, and gives the lock away"
    condition:wait()
    say "6. cook: was woken, and holds the lock"
    if closes then
      closed:set(true)
      condition:notify()
    end
  end
  say "7. cook: has released the lock"
end

local function eat()
  local _ <close> = condition:acquire()
  say "3. eater: holds the lock"
  for _ = 1, size do
    say("   eater: %d balls are left", balls:add(-1))
    concur.sleep(example.pause(2))
  end
  say "   eater: the pot is empty"
  say "4. eater: wakes the cook"
  condition:notify()
  say "5. eater: waits, and gives the lock away"
  condition:wait_for(function() return balls:get() > 0 or closed:get() end)
end

local function start(closes)
  local cooking = concur.spawn(cook, closes)
  example.until_waiting(cooking) -- it has the lock, and sleeps
  return cooking, concur.spawn(eat)
end

-- What is the same in both: the steps and the counts, in order.
local function check(lines, from, elapsed)
  local steps, counts = {}, {}
  for i = from, #lines do
    steps[#steps + 1] = lines[i]:match "^(%d)%."
    counts[#counts + 1] = lines[i]:match ": (%d) balls"
  end
  assert(table.concat(steps) == "1234567")
  assert(table.concat(counts) == "1234543210")
  assert(elapsed >= size * (example.pause(1) + example.pause(2)))
end

local function deadlock()
  local start_time = concur.now()
  local cooking, eating = start(false)
  assert(cooking:join())
  local report = example.deadlock { eating }
  assert(report:find "Thread%-2 waits for concur%.condition: [^\n]*, at [^\n]*hotpot%.lua:%d+")
  assert(not report:find "Thread%-1")
  check(said(), 1, concur.now() - start_time)
end

local function close()
  local from = #said() + 1
  local start_time = concur.now()
  local cooking, eating = start(true)
  assert(cooking:join())
  assert(eating:join())
  check(said(), from, concur.now() - start_time)
end

local variant = arg[1] or "both"
if variant ~= "closed" then
  print "-- deadlock"
  deadlock()
end
if variant ~= "deadlock" then
  print "-- closed"
  close()
end
