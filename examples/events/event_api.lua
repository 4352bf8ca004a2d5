-- A tour of the four calls of an event: is_set, set, clear and wait.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local limit = example.pause(0.05)
local event = concur.event()
print("new", event:is_set())
assert(event:is_set() == false)

event:set()
print("after set", event:is_set())
assert(event:is_set() == true)
assert(event:wait() == true) -- returns at once
assert(event:wait(limit) == true)

event:clear()
print("after clear", event:is_set())
assert(event:is_set() == false)

-- With a limit, wait tells whether it was woken or gave up.
local start = concur.now()
local woken = event:wait(limit)
local elapsed = concur.now() - start
print("nobody sets it", woken)
assert(woken == false and elapsed >= limit)
assert(event:wait(0) == false) -- only looks

local setter = concur.spawn(function()
  concur.sleep(limit)
  event:set()
end)
woken = event:wait(100)
print("another thread sets it", woken)
assert(woken == true)
assert(setter:join())
