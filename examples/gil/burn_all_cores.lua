-- An endless loop for each processor. Python threads share one interpreter lock, and
-- together reach the speed of one processor; here each has a state of its own, and
-- they keep all processors busy. Look at the last figure: about 100 % for each. The
-- loops have no end of their own: after a while main cancels the threads.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local threads = concur.cpu_count()

local function burn()
  local x = 0
  while true do x = x ~ 1 end
end

local burners = {}
for i = 1, threads do burners[i] = concur.spawn(burn) end

local measure = example.processors()
concur.sleep(math.max(example.pause(1), 0.5))
local used, idle = measure()
for i, burner in ipairs(burners) do
  burner:cancel()
  local ok, err = burner:join()
  print(("thread %d was %s"):format(i, burner:status()))
  assert(not ok and err == concur.CANCELLED and burner:status() == "cancelled")
end
print(("%d threads used %.0f %% of a processor, and %.1f processors stood idle"):format(threads, 100 * used, idle))

-- Where other programs are busy too, nothing may have been left to use.
assert(used >= 0.8 * threads or idle <= 0.2 * threads)
