-- Which process is which: three children tell their argument, their names, which they have
-- by default, their ids and whose children they are. A process id is also the kernel's id of
-- the process's main thread.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function tell(argument)
  local me, parent = concur.current_process(), concur.parent_process()
  say("%s: %s %d, child of %s %d, alive: %s", argument, me.name, me.pid, parent.name, parent.pid, me:is_alive())
  return concur.current().native_id, me.ident
end

local main = concur.current_process()
assert(main.name == "MainProcess" and concur.parent_process() == nil)
local children = {}
for i = 1, 3 do children[i] = concur.process(tell, "argument " .. i):start() end
local idents = { [main.ident] = true }
for _, child in ipairs(children) do
  local _, native_id, ident = assert(child:join())
  assert(native_id == child.pid and child.pid ~= main.pid)
  assert(ident == child.ident and not idents[ident]) -- unique in the family, threads included
  idents[ident] = true
  assert(not child:is_alive())
end

local lines = said()
assert(#lines == 3)
for i, child in ipairs(children) do
  local line = "^argument %d: Process%%-%d %d, child of MainProcess %d, alive: true$"
  assert(lines:count(line:format(i, i, child.pid, main.pid)) == 1)
end
