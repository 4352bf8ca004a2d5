-- Coroutines are small: a hundred thousand of them sleep at once in one thread. As many threads no system has.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"
local async = concur.async

local n = example.part(100000)
local nap = example.pause(1)
local most, asleep, ended = 0, 0, 0

local start = concur.now()
async.run(function()
  local tasks = {}
  for i = 1, n do
    tasks[i] = async.spawn(function()
      asleep = asleep + 1
      most = math.max(most, asleep)
      async.sleep(nap)
      asleep = asleep - 1
      ended = ended + 1 -- no lock: tasks switch only where they wait
    end)
  end
  for i = 1, n do tasks[i]:await() end
end)

print(("%d tasks slept %.2f s each, %d of them at once, in %.2f s together"):format(n, nap, most, concur.now() - start))
assert(ended == n and most > n / 100)
