-- The two steps of a signal, one at a time. `set` lets everybody go who waits, and
-- everybody who comes later; `clear` closes the door again.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local event = concur.event()
local limit = example.pause(0.05)

local function wait() return event:wait() end

local waiters = {}
for i = 1, 3 do
  waiters[i] = concur.spawn(wait)
  example.until_waiting(waiters[i])
end
print "three threads wait"

event:set()
for _, thread in ipairs(waiters) do
  local _, woken = assert(thread:join())
  assert(woken == true)
end
print "after set all three are through"
assert(event:wait() == true)
print "and a wait that begins now returns at once"

event:clear()
local start = concur.now()
local woken = event:wait(limit)
print(("after clear a wait blocks: %s after %.3f s"):format(woken, concur.now() - start))
assert(woken == false and concur.now() - start >= limit)
