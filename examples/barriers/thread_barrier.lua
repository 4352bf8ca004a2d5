-- Two threads meet at a barrier, two others do not. One of the former comes late, some time
-- after the two that do not wait have said their lines, and the other one waits for it: look
-- at their times, which are the same, and later than those of the two.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local barrier = concur.barrier(2)
local lock = concur.lock()
local others = concur.latch(2) -- those that do not wait
local began = concur.now()

local function show()
  local _ <close> = lock:acquire()
  local seconds = concur.now() - began
  say("thread %s ----> %s, after %.3f s", concur.current().name, os.date "%X", seconds)
  return seconds
end

-- Returns when the thread arrived, and when it went on.
local function with_barrier(late)
  if late then
    others:wait()
    concur.sleep(example.pause(4))
  end
  local arrived = concur.now() - began
  local index = barrier:wait()
  return arrived, show(), index
end

local function without_barrier()
  local shown = show()
  others:count_down()
  return shown
end

local function start(name, target, ...)
  return concur.thread({ name = name, target = target, args = { ... } }):start()
end

local p1 = start("p1 with barrier", with_barrier, false)
local p2 = start("p2 with barrier", with_barrier, true)
local p3 = start("p3 without barrier", without_barrier)
local p4 = start("p4 without barrier", without_barrier)
local _, arrived1, shown1, index1 = assert(p1:join())
local _, arrived2, shown2, index2 = assert(p2:join())
local _, shown3 = assert(p3:join())
local _, shown4 = assert(p4:join())
local waited, apart = arrived2 - arrived1, math.abs(shown2 - shown1)
print(("p1 waited %.3f s for p2, and they went on %.3f s apart"):format(waited, apart))

local lines = said()
assert(#lines == 4)
for i = 1, 4 do assert(lines:count(("^thread p%d .* after"):format(i)) == 1) end
local later = math.max(arrived1, arrived2)
assert(later >= example.pause(4) and shown1 >= later and shown2 >= later)
assert(shown3 < later and shown4 < later and apart < example.below(0))
assert(index1 + index2 == 3)
