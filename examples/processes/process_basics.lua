-- What a child tells of itself: its argument, its main thread with the kernel's id, which is the
-- process id on Linux, and that it is alive and no daemon.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function tell(argument)
  local thread, me = concur.current(), concur.current_process()
  say("argument: %s", argument)
  say("thread: %s", thread.name)
  say("kernel's id: %d", thread.native_id)
  say("daemon: %s", me.daemon)
  say("alive: %s", thread:is_alive() and me:is_alive())
end

local child = concur.process(tell, "process 1"):start()
assert(child:join())

local lines = said()
assert(#lines == 5)
assert(lines[1] == "argument: process 1" and lines[2] == "thread: MainThread")
assert(lines[3] == "kernel's id: " .. child.pid)
assert(lines[4] == "daemon: false" and lines[5] == "alive: true")
