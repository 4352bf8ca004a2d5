-- Four threads wait for one signal. After the pause main gives it, and all four go
-- on, in no particular order. Their names are given as numbers, and read as text.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Waiter = concur.thread:extend()

function Waiter:init(name, event) self.name, self.event = name, event end

function Waiter:run()
  local start = concur.now()
  say("thread %s start at %s", self.name, os.date "%X")
  self.event:wait()
  say("thread %s finish at %s", self.name, os.date "%X")
  return concur.now() - start
end

local event = concur.event()
local threads = {}
for i = 1, 4 do threads[i] = Waiter(i, event) end
event:clear() -- it is clear already: that is how events begin
for _, thread in ipairs(threads) do thread:start() end
for _, thread in ipairs(threads) do example.until_waiting(thread) end

say "waiting a while..."
concur.sleep(example.pause(5))
say "waking all threads..."
event:set()

for i, thread in ipairs(threads) do
  local _, seconds = assert(thread:join())
  print(("thread %s waited %.2f s"):format(thread.name, seconds))
  assert(seconds >= example.pause(5))
  assert(thread.name == tostring(i))
end
local lines = said()
assert(#lines == 10)
assert(lines:last " start at " < lines:first "^waiting")
assert(lines:first "^waking" < lines:first " finish at ")
for i = 1, 4 do
  assert(lines:count(("^thread %d start"):format(i)) == 1)
  assert(lines:count(("^thread %d finish"):format(i)) == 1)
end
