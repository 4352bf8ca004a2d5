-- Four threads share the work that is in a queue. All of it is there before they start,
-- so nobody needs to wait, and to close anything: who finds the queue empty is done.
-- The squares come in any order; sorted they are complete.

local concur = require "concur"

local count = 100
local numbers, squares = concur.queue(), concur.list()

local function drain()
  while true do
    local n, reason = numbers:get_nowait()
    if reason == "empty" then return end
    squares:append(n * n)
  end
end

for n = 0, count - 1 do numbers:put(n) end
local threads = {}
for i = 1, 4 do threads[i] = concur.spawn(drain) end
for _, thread in ipairs(threads) do assert(thread:join()) end
assert(numbers:empty())

print("squares:", table.concat(squares:copy(), " "))
assert(#squares == count)
squares:sort()
for i, square in ipairs(squares) do assert(square == (i - 1) ^ 2) end
