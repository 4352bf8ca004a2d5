-- Ten threads raise one number, without a lock. Many steps are lost: the result is
-- less than ten times the rounds, and different each time. (With a lock:
-- ten_threads_locked.lua.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(100000)
local total = concur.value(0)

local function add()
  for _ = 1, rounds do total:set(total:get() + 1) end
end

local threads = {}
for i = 1, 10 do threads[i] = concur.spawn(add) end
for _, thread in ipairs(threads) do assert(thread:join()) end
print(("%d of %d"):format(total:get(), 10 * rounds))

-- Nothing may be lost on a single processor.
assert(math.type(total:get()) == "integer")
assert(total:get() > 0 and total:get() <= 10 * rounds)
