-- How a condition works inside. It has a lock, and a line of those who wait. `wait`
-- makes a lock of its own, takes it, joins the line with it, gives the condition's lock
-- away, and takes its own lock again: that lasts until somebody releases it. `notify`
-- releases the locks of the first n in the line. Last, `wait` takes the condition's lock
-- back as it was, however it ended.
--
-- The line is a list of locks, and a shared one: handles can be put into anything.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local Condition = {}
Condition.__index = Condition

function Condition.new(lock)
  return setmetatable({ lock = lock or concur.rlock(), waiters = concur.list() }, Condition)
end

function Condition:acquire(timeout) return self.lock:acquire(timeout) end

function Condition:release() self.lock:release() end

-- A plain lock does not know its owner: when a try fails it is held, and the caller is
-- trusted to be the one. An rlock is given to its owner once more, and counts.
function Condition:is_owned()
  local held = self.lock:acquire(0)
  local again = held and concur.type(held) == "rlock" and held:count() > 1
  if held then held:release() end
  if concur.type(self.lock) == "rlock" then return again end
  return not held
end

-- Releases the lock as often as it is held; returns how often.
function Condition:save()
  local count = concur.type(self.lock) == "rlock" and self.lock:count() or 1
  for _ = 1, count do self.lock:release() end
  return count
end

function Condition:restore(count)
  for _ = 1, count do self.lock:acquire() end
end

-- Takes a lock out of the line, if it is there still. The caller holds the condition's lock.
function Condition:leave(waiter)
  local place = self.waiters:index(waiter)
  if place then self.waiters:pop(place) end
end

-- Tries again and again, with longer and longer pauses. (concur's own waits sleep until
-- they are woken, or until the time has come.)
local function poll(lock, timeout, sleep)
  local deadline = concur.now() + timeout
  local delay = 0.0005
  while not lock:acquire(0) do
    local left = deadline - concur.now()
    if left <= 0 then return false end
    sleep(math.min(delay, left))
    delay = math.min(2 * delay, 0.05)
  end
  return true
end

function Condition:wait(timeout)
  if not self:is_owned() then error("wait without the lock", 2) end
  local waiter = concur.lock()
  waiter:acquire()
  self.waiters:append(waiter)
  local count = self:save()
  -- Whatever ends the wait, the lock is held again, and the waiter has left the line.
  local _ <close> = setmetatable({}, {
    __close = function()
      self:restore(count)
      self:leave(waiter)
    end,
  })
  if timeout then return poll(waiter, timeout, concur.sleep) end
  waiter:acquire()
  return true
end

function Condition:notify(n)
  if not self:is_owned() then error("notify without the lock", 2) end
  for _ = 1, math.min(n or 1, #self.waiters) do
    local waiter = self.waiters:pop(1)
    waiter:release()
  end
end

function Condition:notify_all() self:notify(#self.waiters) end

-- What the parts promise. -------------------------------------------------------------

local say, said = example.transcript()
local limit = example.pause(0.05)

-- Runs fn while the condition is held.
local function holding(condition, fn, ...)
  local _ <close> = condition:acquire()
  return fn(condition, ...)
end

local function start_waiters(condition, n)
  local threads = {}
  for i = 1, n do
    threads[i] = concur.spawn(holding, condition, function()
      condition:wait()
      say("waiter %d woke", i)
    end)
    while #condition.waiters < i do concur.sleep(0.001) end
  end
  return threads
end

local function joined(threads, from, to)
  for i = from, to do assert(threads[i]:join()) end
  return true
end

-- The pauses of a wait with a limit: twice as long each time, up to 50 ms.
local taken, pauses = concur.lock():acquire(), {}
local in_time = poll(taken, 0.25, function(seconds)
  pauses[#pauses + 1] = seconds
  concur.sleep(seconds)
end)
assert(in_time == false and #pauses > 1)
for i, seconds in ipairs(pauses) do
  -- the last one only until the time is over
  assert(seconds == math.min(0.0005 * 2 ^ (i - 1), 0.05) or i == #pauses)
  pauses[i] = ("%.1f"):format(1000 * seconds)
end
print("pauses of a wait with a limit, in ms:", table.concat(pauses, " "))

-- The lock is a new rlock, or the one given, which conditions may share.
local shared = concur.lock()
local one, other = Condition.new(shared), Condition.new(shared)
assert(concur.type(Condition.new().lock) == "rlock")
assert(one.lock == shared and other.lock == shared)

for _, condition in ipairs { Condition.new(), one } do
  local kind = concur.type(condition.lock)
  print("-- a condition, and its lock: " .. kind)

  -- Without the lock neither is allowed.
  local ok, message = pcall(condition.wait, condition)
  assert(not ok and message:find "without the lock")
  ok, message = pcall(condition.notify, condition)
  assert(not ok and message:find "without the lock")

  -- With nobody there notify does nothing, and a wait with a limit leaves the line.
  local start = concur.now()
  local woken = holding(condition, function()
    condition:notify()
    return condition:wait(limit)
  end)
  print(("nobody notified: %s after %.3f s"):format(woken, concur.now() - start))
  assert(woken == false and concur.now() - start >= limit)
  assert(#condition.waiters == 0 and not condition.lock:locked())

  -- The longest waiting ones wake, in order.
  local from = #said()
  local threads = start_waiters(condition, 4)
  holding(condition, condition.notify)
  joined(threads, 1, 1)
  assert(#condition.waiters == 3)
  holding(condition, condition.notify)
  joined(threads, 2, 2)
  assert(#condition.waiters == 2)
  holding(condition, condition.notify_all)
  joined(threads, 3, 4)
  assert(#condition.waiters == 0)
  local lines = said()
  assert(#lines == from + 4 and lines[from + 1] == "waiter 1 woke" and lines[from + 2] == "waiter 2 woke")
end

-- An rlock that is held twice is given away whole, and held twice after the wait, also
-- when that ends with an error.
local condition = Condition.new()

local function wait_twice_held()
  local _ <close> = condition:acquire()
  local again <close> = condition:acquire()
  local ok, err = pcall(condition.wait, condition)
  return ok, again:count(), err == concur.CANCELLED
end

local function wait_begins(thread)
  while #condition.waiters < 1 do concur.sleep(0.001) end
  example.until_waiting(thread)
  assert(condition:acquire(100)) -- it can be taken meanwhile
end

local thread = concur.spawn(wait_twice_held)
wait_begins(thread)
condition:notify()
condition:release()
local _, ok, count = assert(thread:join())
print(("woken: %s, and the lock is held %d times"):format(ok, count))
assert(ok == true and count == 2)

thread = concur.spawn(wait_twice_held)
wait_begins(thread)
thread:cancel()
condition:release()
local cancelled
_, ok, count, cancelled = assert(thread:join())
print(("cancelled: %s, and the lock is held %d times"):format(cancelled, count))
assert(ok == false and count == 2 and cancelled == true)
assert(#condition.waiters == 0 and not condition.lock:locked())
