-- A loop that holds a re-entrant lock in two blocks, one inside the other, and prints
-- from 1 to 10. With a plain lock it would not get to the first number:
-- nested_lock_deadlock.lua.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rlock = concur.rlock()

local function print_numbers()
  for i = 1, 10 do
    local _ <close> = rlock:acquire()
    do
      local _ <close> = rlock:acquire()
      say("%d", i)
    end
  end
end

assert(concur.spawn(print_numbers):join())

assert(table.concat(said(), " ") == "1 2 3 4 5 6 7 8 9 10")
assert(not rlock:locked())
