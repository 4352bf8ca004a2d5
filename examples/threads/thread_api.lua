-- A tour of what a thread handle can do: made, started, alive, joined; the daemon
-- flag and the name. An event keeps the worker alive while main looks at it.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local go = concur.event()

local function work(a, b)
  go:wait()
  return a + b
end

local thread = concur.thread(work, 2, 3)
print("made", thread)
assert(not thread:is_alive() and thread:status() == "new")
assert(thread.name == "Thread-1" and thread.ident == nil)

-- The daemon flag is false unless set, and can be set before the start only.
assert(thread.daemon == false)
thread.daemon = true
assert(thread.daemon == true)
thread.daemon = false

assert(thread:start() == thread)
print("started", thread)
assert(thread:is_alive())
assert(not pcall(function() thread.daemon = true end))
assert(not pcall(thread.start, thread)) -- threads can only be started once

-- The name can be changed at any time, and identifies nothing: `ident` does.
thread.name = "My_thread"
print("renamed", thread)
assert(thread.name == "My_thread" and thread.ident)

-- join with a limit gives up when the thread has not ended by then.
local ok, reason = thread:join(example.pause(1))
print("joined in vain", ok, reason)
assert(ok == nil and reason == "timeout" and thread:is_alive())

go:set()
local done, sum = thread:join()
print("joined", thread, sum)
assert(done and sum == 5)
assert(not thread:is_alive() and thread:status() == "done")
