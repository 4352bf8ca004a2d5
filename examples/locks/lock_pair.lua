-- The plain use of a lock: `acquire`, the work, `release`. Where the release is
-- forgotten nobody else gets in; any thread may make up for it.

local concur = require "concur"

local lock = concur.lock()
local total = concur.value(0)

print("before", lock)
lock:acquire()
print("while the work is done", lock, "held by " .. lock:owner())
assert(lock:locked() and lock:owner() == "MainThread")
total:set(total:get() + 1)
lock:release()
print("after", lock)
assert(not lock:locked() and lock:owner() == nil)

-- This one forgets to release it.
assert(concur.spawn(function()
  lock:acquire()
  total:set(total:get() + 1)
end):join())

local function try() return lock:acquire(0) ~= false end
local _, got_in = assert(concur.spawn(try):join())
print("the release is missing", lock, "another thread got in: " .. tostring(got_in))
assert(got_in == false and lock:locked())

lock:release()
_, got_in = assert(concur.spawn(try):join())
print("main released it", "another thread got in: " .. tostring(got_in))
assert(got_in == true and total:get() == 2)

-- A release too much is a mistake.
lock:release()
local ok, message = pcall(lock.release, lock)
print("a release too much:", message)
assert(not ok and message:find "release of an unlocked lock")
