-- One thread counts up a million times, one counts down, and nothing keeps them apart.
-- The result is hardly ever 0. (With a lock: share_with_lock.lua.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local steps = example.count(1000000)
local shared = concur.value(0)

local function up()
  for _ = 1, steps do shared:set(shared:get() + 1) end
end

local function down()
  for _ = 1, steps do shared:set(shared:get() - 1) end
end

-- 0 is possible, but not again and again.
local result = example.race(steps, 0, function()
  shared:set(0)
  local thread1 = concur.spawn(up)
  local thread2 = concur.spawn(down)
  assert(thread1:join())
  assert(thread2:join())
  print(shared:get())
  return shared:get()
end)

assert(math.type(result) == "integer")
assert(math.abs(result) <= steps)
