-- Why the balance of balance_race.lua comes out wrong, step by step. A statement like
-- `balance = balance + n` is two steps:
--
--   x = balance + n     x belongs to the thread, nobody else sees it
--   balance = x
--
-- Two threads go through their four steps when main tells them to. One after the other
-- they leave 0 behind; in the mixed order, which nothing forbids without a lock, it is
-- -8, each time.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local balance = concur.value(0)

-- The turns of the two threads, and who made a step.
local turns = { concur.semaphore(0), concur.semaphore(0) }
local done = concur.semaphore(0)

local function change(i, n)
  local function step(format, value)
    say(format, i, value)
    done:release()
  end
  local x
  for _, amount in ipairs { n, -n } do
    turns[i]:acquire()
    x = balance:get() + amount
    step("thread %d: x = balance + n gives %d", x)
    turns[i]:acquire()
    balance:set(x)
    step("thread %d: balance = x sets it to %d", x)
  end
end

-- Runs both threads, whose steps come in the order given; returns the balances.
local function trace(order)
  balance:set(0)
  local from = #said()
  local threads = { concur.spawn(change, 1, 5), concur.spawn(change, 2, 8) }
  for digit in order:gmatch "%d" do
    turns[tonumber(digit)]:release()
    done:acquire()
  end
  for _, thread in ipairs(threads) do assert(thread:join()) end
  local lines, balances = said(), {}
  for i = from + 1, #lines do balances[#balances + 1] = lines[i]:match "balance = x sets it to (.*)$" end
  return table.concat(balances, " ")
end

print "-- one after the other"
local harmless = trace "1111 2222"
local after_harmless = balance:get()
print "-- mixed"
local harmful = trace "12 21 11 22"
local after_harmful = balance:get()
print(("balances: %s, and mixed: %s"):format(harmless, harmful))

assert(harmless == "5 0 8 0" and after_harmless == 0)
assert(harmful == "8 5 0 -8" and after_harmful == -8)
