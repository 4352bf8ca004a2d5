-- The account of balance_race.lua under a lock: the balance is 0, always. The lock is
-- held to the end of a block, and let go there, also when the block ends with an error.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(1000000)
local balance = concur.value(0)
local lock = concur.lock()

local function change(n)
  balance:set(balance:get() + n)
  balance:set(balance:get() - n)
end

local function run(n)
  for _ = 1, rounds do
    local _ <close> = lock:acquire()
    change(n)
  end
end

local thread1 = concur.spawn(run, 5)
local thread2 = concur.spawn(run, 8)
assert(thread1:join())
assert(thread2:join())
print("balance", balance:get())
assert(balance:get() == 0)

-- An error in the guarded part: the lock is free again.
local ok, err = pcall(function()
  local _ <close> = lock:acquire()
  change(nil)
end)
print("after an error", lock)
assert(not ok and err:find "arithmetic")
assert(not lock:locked())
