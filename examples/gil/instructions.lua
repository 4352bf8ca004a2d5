-- One addition is several instructions of the virtual machine, and a thread may be
-- interrupted between any two of them. In an interpreter with a global lock that is
-- where the lock changes hands; in concur no state waits for another, and what two
-- threads do to a shared value is interleaved at just such places.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local function add(a)
  a = a + 1
  return a
end

-- The listing, where the compiler luac is installed.
local listing = example.listing(add)
io.write(listing)

-- The same, counted: a hook that is called at every instruction, and notes its line.
local info = debug.getinfo(add, "S")
local lines = {}
debug.sethook(function()
  local here = debug.getinfo(2, "Sl")
  if here.linedefined == info.linedefined then lines[#lines + 1] = here.currentline end
end, "", 1)
local result = add(41)
debug.sethook()
-- Fewer than are listed: MMBINI is for values with metamethods, the last RETURN for none.
print(("add(41) took %d instructions, on the lines %s"):format(#lines, table.concat(lines, " ")))

-- What it means for a value that threads share. Reading, adding and writing are three
-- steps; what another thread writes in between is overwritten.
local total = concur.value(0)
local seen = total:get()
assert(concur.spawn(function() total:set(total:get() + 1) end):join()) -- in between
total:set(seen + 1)
print("two threads each added one, and the total is", total:get())

-- As one step nothing gets in between.
total:set(0)
local adder = concur.spawn(function() total:add(1) end)
total:add(1)
assert(adder:join())
print("with add as one step it is", total:get())

assert(result == 42)
assert(#lines >= 2)
assert(lines[1] == info.linedefined + 1 and lines[#lines] == info.linedefined + 2)
assert(listing:find "ADD" or listing:find "no listing")
assert(total:get() == 2)
