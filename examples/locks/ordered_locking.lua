-- Two ways around the deadlock of deadlock_two_locks.lua, for accounts that are locked
-- in pairs:
--
--   in order  whoever needs several locks takes them by ascending `id()`
--   try       take the first, try the second without waiting, and when that fails let
--             the first go and begin anew; look how often that happened

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(2000)
local accounts = {}
for i = 1, 3 do accounts[i] = { lock = concur.lock(), balance = concur.value(1000) } end

local function move(from, to, amount)
  from.balance:set(from.balance:get() - amount)
  to.balance:set(to.balance:get() + amount)
end

local function in_order(from, to, amount)
  local first, second = from.lock, to.lock
  if first:id() > second:id() then first, second = second, first end
  local _ <close> = first:acquire()
  local _ <close> = second:acquire()
  move(from, to, amount)
  return 0
end

local function try(from, to, amount)
  for failures = 0, math.huge do
    local _ <close> = from.lock:acquire()
    local second <close> = to.lock:acquire(0)
    if second then
      move(from, to, amount)
      return failures
    end
    concur.yield()
  end
end

-- Each thread moves money from its account to the next one, so that the three go round
-- in a circle.
local function run(transfer, i)
  local failures = 0
  for n = 1, rounds do
    failures = failures + transfer(accounts[i], accounts[i % 3 + 1], n % 10)
  end
  return failures
end

local function sum()
  local total = 0
  for _, account in ipairs(accounts) do total = total + account.balance:get() end
  return total
end

local function measure(name, transfer)
  local threads, failures = {}, 0
  for i = 1, 3 do threads[i] = concur.spawn(run, transfer, i) end
  for _, thread in ipairs(threads) do failures = failures + select(2, assert(thread:join())) end
  print(("%-9s %d moves, %d began anew, %d in all"):format(name, 3 * rounds, failures, sum()))
  assert(sum() == 3000)
end

measure("in order", in_order)
measure("try", try)
