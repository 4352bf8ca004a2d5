-- A stack that one thread fills, and another empties. An event keeps the second one
-- waiting until the stack is full; without it, it might take numbers in between, and the
-- order would be luck. "ok" is the last line in any case, because the first thread waits
-- until each number is marked as done.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local count = 10
local stack, filled = concur.lifo(), concur.event()

local function fill()
  for i = 0, count - 1 do stack:put(i) end
  filled:set()
  stack:join()
  say "ok"
end

local function drain()
  filled:wait()
  for _ = 1, count do
    say("%d", stack:get())
    stack:task_done()
  end
end

local filler, drainer = concur.spawn(fill), concur.spawn(drain)
assert(filler:join())
assert(drainer:join())
assert(table.concat(said(), " ") == "9 8 7 6 5 4 3 2 1 0 ok")
