-- Two threads use one account: each pays in and takes out the same amount, again and
-- again, so the balance should be 0 at the end. It seldom is: reading and writing are
-- separate steps, as the listing shows, and the other thread comes in between.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(1000000)
local balance = concur.value(0)

local function change(n)
  balance:set(balance:get() + n)
  balance:set(balance:get() - n)
end

local function run(n)
  for _ = 1, rounds do change(n) end
end

local listing = example.listing(change)
io.write(listing)

-- 0 is possible, but not again and again.
local result = example.race(rounds, 0, function()
  balance:set(0)
  local thread1 = concur.spawn(run, 5)
  local thread2 = concur.spawn(run, 8)
  assert(thread1:join())
  assert(thread2:join())
  print("balance", balance:get())
  return balance:get()
end)

-- Each statement is a call of `get`, a sum, and a call of `set`.
assert(listing:find "no listing" or select(2, listing:gsub('"get"', "")) == 2 and listing:find '"set"')
assert(math.type(result) == "integer")
