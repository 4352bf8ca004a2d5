-- The plain use of a semaphore: `acquire`, the work, `release`. Without an argument
-- there is one unit, so it lets one in at a time, as a lock does.

local concur = require "concur"

local semaphore = concur.semaphore()
local values = {}

local function note(what)
  values[#values + 1] = semaphore:value()
  print(what, semaphore:value())
end

note "before"
semaphore:acquire()
note "acquired"
local again = semaphore:acquire(0)
print("a second try", again)
semaphore:release()
note "released"

assert(table.concat(values, " ") == "1 0 1")
assert(again == false)
