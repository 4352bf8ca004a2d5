-- A parent starts one child and waits for it: two process ids, and four lines in an order that
-- nothing else could give them.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function hello(name)
  local me, parent = concur.current_process(), concur.parent_process()
  say("child %s (%d) of %d", name, me.pid, parent.pid)
  return me.pid
end

local mine = concur.current_process().pid
say("parent process %d", mine)
local child = concur.process(hello, "test")
say "child will start"
child:start()
local ok, pid = child:join()
say "child has ended"

assert(ok and pid == child.pid and pid ~= mine and child.exitcode == 0)
local lines = said()
assert(#lines == 4)
assert(lines[1] == "parent process " .. mine)
assert(lines[2] == "child will start" and lines[4] == "child has ended")
assert(lines[3] == ("child test (%d) of %d"):format(pid, mine))
