-- Reading a shared number, adding to it and writing it back are three steps, and what another
-- thread writes in between is lost. A barrier makes sure here that it happens: both
-- threads read before either writes, so two additions count once. Each of the four ways
-- after that loses nothing, however the threads run.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(1000)

-- Runs fn in two threads; what the number is afterwards, when it began at 0.
local function both(fn, ...)
  local number = concur.value(0)
  local one, other = concur.spawn(fn, number, ...), concur.spawn(fn, number, ...)
  assert(one:join())
  assert(other:join())
  return number:get()
end

local lost = both(function(number, barrier)
  local seen = number:get()
  barrier:wait() -- until the other has read, too
  number:set(seen + 1)
end, concur.barrier(2))
print("get and set, both read first: 2 additions make " .. lost)
assert(lost == 1)

local ways = {
  { "add", function(number) number:add(1) end },
  { "update", function(number) number:update(function(n) return n + 1 end) end },
  { "compare_swap", function(number)
    local seen
    repeat seen = number:get() until number:compare_swap(seen, seen + 1)
  end },
}
for _, way in ipairs(ways) do
  local name, step = way[1], way[2]
  local sum = both(function(number) for _ = 1, rounds do step(number) end end)
  print(("%s: %d additions make %d"):format(name, 2 * rounds, sum))
  assert(sum == 2 * rounds)
end

local lock = concur.lock()
local sum = both(function(number)
  for _ = 1, rounds do
    local _ <close> = lock:acquire()
    number:set(number:get() + 1)
  end
end)
print(("get and set under a lock: %d additions make %d"):format(2 * rounds, sum))
assert(sum == 2 * rounds)
