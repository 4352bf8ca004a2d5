-- Three threads wait for an event with a limit, and say so each time that it passes
-- in vain. Main sets the event after five such limits: each thread has said its line
-- about five times by then, and connects.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local event = concur.event()
local limit = example.pause(2)

local function connect(i)
  local name = concur.current().name
  while not event:is_set() do
    say("%s: wait for server %d...", name, i)
    event:wait(limit)
  end
  say("%s: connect to server", name)
end

local start = concur.now()
local threads = {}
for i = 0, 2 do threads[#threads + 1] = concur.spawn(connect, i) end

local me = concur.current().name
say("%s: server is starting", me)
concur.sleep(example.pause(10))
say("%s: set to active server", me)
event:set()
local elapsed = concur.now() - start
say("%s: after set", me)
for _, thread in ipairs(threads) do assert(thread:join()) end

local lines = said()
assert(lines:count "^MainThread: " == 3)
assert(lines:count ": connect to server$" == 3)
assert(lines:first "^MainThread: set" < lines:first ": connect to server$")
for i = 0, 2 do
  local lapses = lines:count(("^Thread%%-%d: wait for server %d"):format(i + 1, i))
  -- at 0, 2, 4, 6, 8, and perhaps a last one at 10; fewer where the machine was busy
  assert(lapses >= (example.pause(10) - 0.3) // limit and lapses <= elapsed // limit + 1)
end
