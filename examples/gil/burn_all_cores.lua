-- An endless loop for each processor. Python threads share one interpreter lock, and
-- together reach the speed of one processor; here each has a state of its own, and
-- they keep all processors busy. Look at the last figure: about 100 % for each.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local threads = concur.cpu_count()
local stop = concur.event()

local function burn()
  local x, n = 0, 0
  repeat
    for _ = 1, 100000 do x = x ~ 1 end
    n = n + 1
  until stop:is_set()
  return n, x
end

local burners = {}
for i = 1, threads do burners[i] = concur.spawn(burn) end

local measure = example.processors()
concur.sleep(math.max(example.pause(1), 0.5))
local used, idle = measure()
stop:set()
for i, burner in ipairs(burners) do
  local _, n = assert(burner:join())
  print(("thread %d went round %d times"):format(i, n * 100000))
end
print(("%d threads used %.0f %% of a processor"):format(threads, 100 * used))

-- Where other programs are busy too, nothing may have been left to use.
assert(used >= 0.8 * threads or idle <= 0.2 * threads)
