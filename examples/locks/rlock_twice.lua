-- A re-entrant lock knows its owner and counts: its thread may take it again, and has
-- to release it as often. Others get it after the last release, and cannot release it.

local concur = require "concur"

local rlock = concur.rlock()
local counts = { rlock:count() }

local function note(what)
  counts[#counts + 1] = rlock:count()
  print(what, rlock)
end

-- What another thread can do: try to take the lock, and to release it.
local function in_another_thread(fn)
  local _, result, message = assert(concur.spawn(fn):join())
  return result, message
end

local function try()
  local held <close> = rlock:acquire(0)
  return held and true
end

rlock:acquire()
note "taken"
rlock:acquire()
note "taken again"
assert(in_another_thread(try) == false)
local ok, message = in_another_thread(function() return pcall(rlock.release, rlock) end)
print("another thread cannot release it:", message)

rlock:release()
note "released"
assert(in_another_thread(try) == false)
rlock:release()
note "released again"
assert(in_another_thread(try) == true)
print "now another thread can take it"

assert(table.concat(counts, " ") == "0 1 2 1 0")
assert(ok == false and message:find "release")
