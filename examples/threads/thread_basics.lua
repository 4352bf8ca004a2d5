-- A daemon thread tells about itself: its argument, name, kernel id, whether it is a
-- daemon and whether it is alive. All five lines are there although nobody waits for
-- daemons: main joins this one.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function tell(s)
  local me = concur.current()
  say("%s", s)
  say("%s", me.name)
  say("%d", me.native_id)
  say("daemon: %s", me.daemon)
  say("alive: %s", me:is_alive())
end

local thread = concur.thread(tell, "hello from a thread")
thread.daemon = true
thread:start()
assert(thread:join())

local lines = said()
assert(#lines == 5)
assert(lines[1] == "hello from a thread")
assert(lines[2] == "Thread-1")
assert(tonumber(lines[3]) > 0 and tonumber(lines[3]) ~= concur.main().native_id)
assert(lines[4] == "daemon: true")
assert(lines[5] == "alive: true")
