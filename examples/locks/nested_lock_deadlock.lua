-- A loop that holds a plain lock in two blocks, one inside the other: the inner one
-- waits for the outer one, and not one number is printed. Instead of hanging, the run
-- ends in a report that names the thread, and the line of the inner `acquire`. With an
-- rlock it works: nested_rlock.lua.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()
local lock = concur.lock()

local function print_numbers()
  for i = 1, 10 do
    local _ <close> = lock:acquire()
    do
      local _ <close> = lock:acquire()
      say("%d", i)
    end
  end
end

local thread = concur.spawn(print_numbers)
local report = example.deadlock { thread }

local line = debug.getinfo(print_numbers, "S").linedefined + 4
assert(report:find(("Thread%%-1 waits for concur%%.lock: [^\n]* held by Thread%%-1, at [^\n]*:%d\n?"):format(line)))
assert(#said() == 0)
assert(not lock:locked()) -- the outer block released it
