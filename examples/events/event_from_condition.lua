-- How an event works inside: a flag, and a condition on a plain lock. `set` raises
-- the flag and wakes everybody, `clear` lowers it, `wait` waits once unless the flag
-- is up. That `wait` tests once, not in a loop, lets a `set` that is followed by
-- `clear` still free those who waited.
--
-- The condition is made by hand as well: a waiter joins the line with a queue of its
-- own, lets the lock go, and waits for something in that queue. (concur.condition will
-- do this, once there is one.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local Condition = {}
Condition.__index = Condition

function Condition.new(lock)
  return setmetatable({ lock = lock, waiters = concur.queue() }, Condition)
end

-- The lock is held before and after, and free in between. Nothing can be missed in
-- the gap: the queue keeps what comes before its owner listens.
function Condition:wait(timeout)
  local ticket = concur.queue()
  self.waiters:put(ticket)
  self.lock:release()
  local woken = ticket:get(timeout)
  self.lock:acquire()
  if not woken then -- too late: leave the line, unless called just now
    for _ = 1, self.waiters:qsize() do
      local other = self.waiters:get()
      if other ~= ticket then self.waiters:put(other) end
    end
    woken = ticket:get_nowait()
  end
  return woken == true
end

function Condition:notify_all()
  while not self.waiters:empty() do self.waiters:get():put(true) end
end

local Event = {}
Event.__index = Event

function Event.new()
  return setmetatable({ condition = Condition.new(concur.lock()), flag = concur.value(false) }, Event)
end

function Event:is_set() return self.flag:get() end

function Event:set()
  local _ <close> = self.condition.lock:acquire()
  self.flag:set(true)
  self.condition:notify_all()
end

function Event:clear()
  local _ <close> = self.condition.lock:acquire()
  self.flag:set(false)
end

function Event:wait(timeout)
  local _ <close> = self.condition.lock:acquire()
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
    while event.condition.waiters:qsize() < i do concur.sleep(0.001) end
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
assert(not event:is_set() and event.condition.waiters:empty())
print "set and clear at once still woke all three"
