-- A plain lock does not know who holds it: a thread that takes it twice waits for
-- itself. With a limit the second `acquire` gives up. Without one it would wait for
-- ever, as main would for the thread: that raises an error which names the threads,
-- the lock and the lines.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local lock = concur.lock()

-- With a limit.
local limit = example.pause(0.1)
assert(lock:acquire() == lock)
local start = concur.now()
local again = lock:acquire(limit)
local elapsed = concur.now() - start
print(("the second acquire gave %s after %.3f s"):format(again, elapsed))
assert(again == false and elapsed >= limit)
lock:release()

-- Without one.
concur.excepthook = false -- main shows the report
local released = concur.value(false)

local function twice()
  lock:acquire()
  lock:acquire()
  lock:release() -- these lines are not reached
  lock:release()
  released:set(true)
end

local thread = concur.spawn(twice)
local report = example.deadlock { thread }

local line = debug.getinfo(twice, "S").linedefined + 2
assert(report:find "Thread%-1 waits for concur%.lock: .* held by Thread%-1")
assert(report:find(("lock_twice.lua:%d"):format(line), 1, true))
assert(thread:status() == "failed" and not released:get())

-- The lock is as the thread left it. Any thread may release a plain lock.
assert(lock:locked())
lock:release()
print("released by main:", lock)
assert(not lock:locked())
