-- One thread counts up a million times, one counts down, and each step is made under
-- a lock. The result is 0, always. (Without a lock: share_without_lock.lua. With one
-- that is held around the loop: comparison/lock_granularity.lua.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local steps = example.count(1000000)
local shared = concur.value(0)
local lock = concur.lock()

local function up()
  for _ = 1, steps do
    local _ <close> = lock:acquire()
    shared:set(shared:get() + 1)
  end
end

local function down()
  for _ = 1, steps do
    local _ <close> = lock:acquire()
    shared:set(shared:get() - 1)
  end
end

local thread1 = concur.spawn(up)
local thread2 = concur.spawn(down)
assert(thread1:join())
assert(thread2:join())
print(shared:get())

assert(shared:get() == 0)
