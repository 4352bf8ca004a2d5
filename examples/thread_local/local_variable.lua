-- Ten threads count in a local variable, and none disturbs another: each has its own.
-- In concur that holds for globals too, since each thread has a Lua state to itself.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(1000)

local function count()
  local number = 0
  _G.number = 0
  for _ = 1, rounds do
    number = number + 1
    _G.number = _G.number + 1
  end
  say("%s %d", concur.current().name, number)
  return _G.number
end

local threads = {}
for i = 1, 10 do threads[i] = concur.spawn(count) end
for _, thread in ipairs(threads) do
  local _, global = assert(thread:join())
  assert(global == rounds)
end

local lines = said()
assert(#lines == 10 and _G.number == nil)
for i = 1, 10 do assert(lines:count(("^Thread%%-%d %d$"):format(i, rounds)) == 1) end
