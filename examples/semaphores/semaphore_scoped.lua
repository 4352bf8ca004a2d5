-- A unit of a semaphore that is held to the end of a block, or while a function runs.
-- It comes back in any case, also when an error leaves the block.

local concur = require "concur"

local semaphore = concur.semaphore(2)

do
  local held <close> = semaphore:acquire()
  print("in the block", held:value())
  assert(semaphore:value() == 1)
  do
    local _ <close> = semaphore:acquire()
    print("in another one", semaphore:value())
    assert(semaphore:value() == 0)
  end
end
print("after them", semaphore:value())
assert(semaphore:value() == 2)

local ok, err = pcall(function()
  local _ <close> = semaphore:acquire()
  error "something went wrong"
end)
print("after an error", semaphore:value())
assert(not ok and err:find "something went wrong" and semaphore:value() == 2)

local during = semaphore:with(semaphore.value, semaphore)
print("while a function runs", during)
assert(during == 1 and semaphore:value() == 2)
