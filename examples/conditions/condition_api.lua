-- A tour of the calls of a condition: acquire, release, wait, notify, notify_all and
-- wait_for.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local limit = example.pause(0.05)
local condition = concur.condition()

-- Waiting and notifying are for those who hold the condition.
for _, name in ipairs { "wait", "notify", "notify_all" } do
  local ok, message = pcall(condition[name], condition)
  print(name, message)
  assert(not ok and message:find "not acquired")
end

-- Nobody notifies: wait gives up after the limit, and holds the condition again.
assert(condition:acquire() == condition)
local start = concur.now()
local woken = condition:wait(limit)
local elapsed = concur.now() - start
print("wait with a limit", woken)
assert(woken == false and elapsed >= limit)
assert(condition:owner() == "MainThread")

-- Nobody waits: nothing is kept for those who come later.
local told = condition:notify()
print("notify with nobody there", told)
assert(told == 0 and condition:wait(0) == false)

-- While main waits another thread can acquire the condition, and notify.
local notifier = concur.spawn(function() return condition:with(condition.notify, condition) end)
woken = condition:wait()
local _, count = assert(notifier:join())
print("another thread notified", woken, count)
assert(woken == true and count == 1)
condition:release()

-- notify_all wakes all; notify(n) wakes n at most.
local function wait()
  local _ <close> = condition:acquire()
  return condition:wait()
end
local waiters = {}
for i = 1, 3 do
  waiters[i] = concur.spawn(wait)
  example.until_waiting(waiters[i])
end
condition:acquire()
local two, rest = condition:notify(2), condition:notify_all()
condition:release()
print("three waited", two, rest)
assert(two == 2 and rest == 1)
for _, thread in ipairs(waiters) do assert(select(2, thread:join()) == true) end

-- wait_for waits until a function says so; it returns what the function said last.
local number = concur.value(0)
local counter = concur.spawn(function()
  for _ = 1, 5 do
    local _ <close> = condition:acquire()
    number:add(1)
    condition:notify_all()
  end
end)
condition:acquire()
local result = condition:wait_for(function() return number:get() >= 3 and "enough" end)
condition:release()
print("wait_for", result)
assert(result == "enough")
assert(counter:join())
assert(not condition:locked())
