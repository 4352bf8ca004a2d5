-- Ten threads raise one number, and hold a lock for each step. Nothing is lost.
-- (Without a lock: ten_threads_unlocked.lua.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(100000)
local total = concur.value(0)
local lock = concur.lock()

local function add()
  for _ = 1, rounds do
    local _ <close> = lock:acquire()
    total:set(total:get() + 1)
  end
end

local threads = {}
for i = 1, 10 do threads[i] = concur.spawn(add) end
for _, thread in ipairs(threads) do assert(thread:join()) end
print(("%d of %d"):format(total:get(), 10 * rounds))

assert(total:get() == 10 * rounds)
