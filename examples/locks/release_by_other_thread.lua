-- Who may release: a plain lock belongs to nobody, and any thread may release it. An
-- rlock belongs to the thread that took it, and another one that releases it is told so.

local concur = require "concur"

local function release(lock) lock:release() end

local function in_another_thread(fn, ...)
  return select(2, assert(concur.spawn(pcall, fn, ...):join()))
end

local lock = concur.lock()
lock:acquire()
local released = in_another_thread(release, lock)
print("a lock", released, lock)
assert(released == true and not lock:locked())

local rlock = concur.rlock()
rlock:acquire()
released = in_another_thread(release, rlock)
print("an rlock", released, rlock)
assert(released == false and rlock:count() == 1 and rlock:owner() == "MainThread")
rlock:release()
assert(not rlock:locked())
