-- A lock that is held to the end of a block, or while a function runs. It is released
-- in any case, also when an error leaves the block.

local concur = require "concur"

local lock = concur.lock()

do
  local held <close> = lock:acquire()
  print("in the block", held)
  assert(lock:locked())
end
print("after it", lock)
assert(not lock:locked())

local ok, err = pcall(function()
  local _ <close> = lock:acquire()
  error "something went wrong"
end)
print("after an error", lock)
assert(not ok and err:find "something went wrong")
assert(not lock:locked())

-- The same with a function.
local sum = lock:with(function(a, b)
  assert(lock:locked())
  return a + b
end, 3, 4)
print("a function gave", sum, lock)
assert(sum == 7 and not lock:locked())

ok, err = pcall(lock.with, lock, error, "something else went wrong")
print("after an error", lock)
assert(not ok and err == "something else went wrong")
assert(not lock:locked())
