-- Two ways to hold a condition: `acquire` and `release`, or to the end of a block. In
-- both its lock is held in between and free afterwards, in the block also after an
-- error. `with` is the third: while a function runs.

local concur = require "concur"

local condition = concur.condition()

local function look()
  return condition:locked() and "locked by " .. condition:owner() or "free"
end

condition:acquire()
local during = look()
condition:release()
local after = look()
print("acquire and release", during, after)

local scoped
do
  local _ <close> = condition:acquire()
  scoped = look()
end
print("a block", scoped, look())
assert(scoped == during and look() == after)

local with = condition:with(look)
print("a function", with, look())
assert(with == during and look() == after)

local ok, err = pcall(function()
  local _ <close> = condition:acquire()
  error "something went wrong"
end)
print("a block that ends with an error", look())
assert(not ok and err:find "something went wrong")

assert(during == "locked by MainThread" and after == "free")
assert(look() == after)
