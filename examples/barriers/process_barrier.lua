-- Two processes meet at a barrier, two others do not: as barriers/thread_barrier.lua, with the
-- word "process". One of the former comes late: it waits until those that need not wait, and
-- main, have said their lines. Nobody joins the four here, and main has said its last line
-- while two of them still run; yet the script ends after all four.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local barrier, lock = concur.barrier(2), concur.lock()
local others = concur.latch(3) -- the two that do not wait, and main
local began = concur.now()

local function seconds() return concur.now() - began end

local function show()
  local me = concur.current_process()
  local _ <close> = lock:acquire()
  concur.print(("process %s (%d) ----> after %.6f s"):format(me.name, me.pid, seconds()))
end

local function with_barrier(late)
  if late then
    others:wait()
    concur.sleep(example.pause(1))
    concur.print(("the late one arrives after %.6f s"):format(seconds()))
  end
  barrier:wait()
  show()
  concur.print(("its parent is alive: %s"):format(concur.parent_process():is_alive()))
end

local function without_barrier()
  show()
  others:count_down()
end

local function start(name, target, ...)
  concur.process({ name = name, target = target, args = { ... } }):start()
end

local function main()
  start("p1 with barrier", with_barrier, false)
  start("p2 with barrier", with_barrier, true)
  start("p3 without barrier", without_barrier)
  start("p4 without barrier", without_barrier)
  concur.print(("main (%d) ends"):format(concur.current_process().pid))
  others:count_down()
end

-- The script runs itself, to see what happens after main's last line.
if arg[1] == "main" then return main() end

local lines = example.rerun "main"

assert(#lines == 8)
local main_ends, main_pid = lines:first "^main %((%d+)%) ends$"
local arrives, arrival = lines:first "^the late one arrives after (.*) s$"
assert(main_ends < arrives)
local pids = { [main_pid] = true }
for i = 1, 4 do
  local shown, pid, after = lines:first(("^process p%d .* %%((%%d+)%%) %%-+> after (.*) s$"):format(i))
  assert(not pids[pid]) -- five processes
  pids[pid] = true
  if i <= 2 then
    assert(shown > arrives and tonumber(after) >= tonumber(arrival))
  else
    assert(shown < arrives and tonumber(after) <= tonumber(arrival))
  end
end
assert(lines:count "^its parent is alive: true$" == 2)
