-- What a message costs. A small one costs the call and the waking of who waits for it, however
-- small it is, so many small things go better in one message, or in one `put_many`. A large one
-- costs its bytes, which are copied: that is the price of having a memory of one's own.
--
-- The last lines are for the shortest message there is, a number that goes to and fro over a
-- pipe: so long it takes to pass the turn from one to the other, and back.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.part(5)

-- Seconds for a message of so many bytes.
local function message(bytes)
  local queue, text = concur.queue(16), ("x"):rep(bytes)
  local n = example.part(math.max(200, math.min(100000, 400000000 // bytes)))
  return example.together({
    function() for _ = 1, n do queue:put(text) end end,
    function() for _ = 1, n do assert(#queue:get() == bytes) end end,
  }, rounds) / n
end

for _, bytes in ipairs { 1, 100, 10000, 1000000 } do
  local time = message(bytes)
  print(("%7d bytes  %8.2f µs  %8.1f MB/s"):format(bytes, 1e6 * time, bytes / time / 1e6))
end

-- The same numbers one by one, and a hundred in a call.
local n = example.part(1000) * 100
local hundred = {}
for i = 1, 100 do hundred[i] = i end
local queue = concur.queue()
local single = example.together({
  function() for i = 1, n do queue:put(i) end end,
  function() for _ = 1, n do queue:get() end end,
}, rounds) / n
local many = example.together({
  function() for _ = 1, n // 100 do queue:put_many(hundred) end end,
  function()
    local got = 0
    while got < n do got = got + queue:get_many(100).n end
  end,
}, rounds) / n
print(("one number a call %.0f ns each, a hundred a call %.0f ns each"):format(1e9 * single, 1e9 * many))
assert(queue:empty())

local function echo(connection)
  while true do
    local number = connection:recv()
    if not number then return end
    connection:send(number)
  end
end

for _, kind in ipairs { "thread", "process" } do
  local here, there = concur.pipe()
  local other = concur[kind](echo, there):start()
  if kind == "process" then there:close() end -- the child has it; between threads an end is closed for all
  local turns = example.part(20000)
  local start = concur.now()
  for i = 1, turns do
    here:send(i)
    assert(here:recv() == i)
  end
  local time = (concur.now() - start) / turns
  here:close()
  assert(other:join())
  print(("to a %s and back: %.2f µs"):format(kind, 1e6 * time))
end
