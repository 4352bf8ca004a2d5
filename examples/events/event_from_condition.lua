-- How an event works inside: a flag, and a condition on a plain lock. `set` raises
-- the flag and wakes everybody, `clear` lowers it, `wait` waits once unless the flag
-- is up. That `wait` tests once, not in a loop, lets a `set` that is followed by
-- `clear` still free those who waited.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local Event = {}
Event.__index = Event

function Event.new()
  return setmetatable({ condition = concur.condition(concur.lock()), flag = concur.value(false) }, Event)
end

function Event:is_set() return self.flag:get() end

function Event:set()
  local _ <close> = self.condition:acquire()
  self.flag:set(true)
  self.condition:notify_all()
end

function Event:clear()
  local _ <close> = self.condition:acquire()
  self.flag:set(false)
end

function Event:wait(timeout)
  local _ <close> = self.condition:acquire()
  return self.flag:get() or self.condition:wait(timeout)
end

-- Objects are copied to the threads that use them, and their handles stay the same
-- ones: all copies are one event.
local event = Event.new()
local limit = example.pause(0.05)

local function wait() return event:wait() end

local function start_waiters()
  local waiters = {}
  for i = 1, 3 do
    waiters[i] = concur.spawn(wait)
    example.until_waiting(waiters[i])
  end
  return waiters
end

local function all_woken(waiters)
  for _, thread in ipairs(waiters) do
    local _, woken = assert(thread:join())
    assert(woken == true)
  end
end

print("a new event is set:", event:is_set())
assert(event:is_set() == false)

local waiters = start_waiters()
event:set()
all_woken(waiters)
print "one set woke all three"

event:set()
assert(event:is_set() and event:wait() and event:wait(limit))
print "setting twice is harmless, and nobody waits for a raised flag"

event:clear()
local start = concur.now()
local woken = event:wait(limit)
print(("after clear, wait gave %s after %.3f s"):format(woken, concur.now() - start))
assert(woken == false and concur.now() - start >= limit)

waiters = start_waiters()
event:set()
event:clear()
all_woken(waiters)
assert(not event:is_set())
print "set and clear at once still woke all three"
