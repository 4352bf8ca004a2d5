-- Two processes meet at a barrier, two others do not: as barriers/thread_barrier.lua, with the word
-- "process". Nobody joins them here; the script ends when all four have.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local barrier, lock, gone = concur.barrier(2), concur.lock(), concur.latch(4)
local began = concur.now()
local times = concur.dict()

local function show()
  local me = concur.current_process()
  local _ <close> = lock:acquire()
  times[me.name] = concur.now() - began
  say("process %s (%d) ----> after %.3f s", me.name, me.pid, times[me.name])
  gone:count_down()
end

local function with_barrier(delay)
  concur.sleep(delay)
  barrier:wait()
  show()
end

local function start(name, target, ...)
  return concur.process({ name = name, target = target, args = { ... } }):start()
end

local list = {
  start("p1 with barrier", with_barrier, 0),
  start("p2 with barrier", with_barrier, example.pause(1)),
  start("p3 without barrier", show),
  start("p4 without barrier", show),
}
assert(gone:wait(20))

local lines = said()
assert(#lines == 4)
local pids = {}
for i, p in ipairs(list) do
  assert(lines:count(("^process p%d .*%%(%d%%)"):format(i, p.pid)) == 1)
  assert(not pids[p.pid])
  pids[p.pid] = true
end
assert(times["p1 with barrier"] >= example.pause(1) and times["p2 with barrier"] >= example.pause(1))
