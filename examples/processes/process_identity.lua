-- Which process is which: names by default, ids, and who is whose parent.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function identity()
  local me, parent = concur.current_process(), concur.parent_process()
  say("%s %d, child of %s %d", me.name, me.pid, parent.name, parent.pid)
  return me.pid == concur.current().native_id, me.ident
end

local main = concur.current_process()
assert(main.name == "MainProcess" and concur.parent_process() == nil)
local children = {}
for i = 1, 3 do children[i] = concur.process(identity):start() end
assert(#concur.active_children() <= 3)
for _, child in ipairs(children) do
  local ok, same, ident = child:join()
  assert(ok and same and ident == child.ident)
end

local lines = said()
assert(#lines == 3)
for i, child in ipairs(children) do
  assert(child.name == "Process-" .. i and child.pid ~= main.pid)
  assert(lines:first(("^Process%%-%d %d, child of MainProcess %d$"):format(i, child.pid, main.pid)))
end
