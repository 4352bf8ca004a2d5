-- Five tasks of random length for a pool of four processes. Four begin at once, each in a process of its own; the fifth
-- has to wait until one of them ends, and runs in that one's process. `apply_async` returns at once, so main
-- says that it waits before any task has ended.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local workers, tasks = 4, 5
local shortest, longest = example.pause(0.5), example.pause(3)
local say, said = example.transcript()
local all_busy = concur.latch(workers) -- a task may be shorter than the start of a process

local function long_time_task(i)
  say("Run task %d (%d)...", i, concur.current_process().pid)
  all_busy:count_down()
  all_busy:wait()
  local start = concur.now()
  concur.sleep(shortest + math.random() * (longest - shortest))
  say("Task %d runs %.2f seconds.", i, concur.now() - start)
end

local parent = concur.current_process().pid
say("Parent process %d.", parent)
local pool = concur.process_pool(workers)
for i = 0, tasks - 1 do pool:apply_async(long_time_task, { i }) end
say "Waiting for all subprocesses done..."
pool:close()
pool:join()
say "All subprocesses done."

local lines = said()
assert(#lines == 3 + 2 * tasks)
assert(lines[1] == "Parent process " .. parent .. "." and lines[#lines] == "All subprocesses done.")
local first_end = lines:first "^Task"
assert(lines:first "^Waiting" < first_end)

local pids, distinct, running, ended = {}, {}, 0, {}
for _, line in ipairs(lines) do
  local task, pid = line:match "^Run task (%d) %((%d+)%)"
  if task then
    running = running + 1
    pids[task], distinct[pid] = pid, true
    if task == tostring(tasks - 1) then assert(ended[pid], "the last task runs where another has ended") end
  end
  local done, seconds = line:match "^Task (%d) runs ([%d.]+) seconds"
  if done then
    running = running - 1
    ended[pids[done]] = true
    assert(tonumber(seconds) >= shortest - 0.01 and tonumber(seconds) < longest + 2)
  end
  assert(running <= workers)
end
local n = 0
for pid in pairs(distinct) do
  assert(tonumber(pid) ~= parent)
  n = n + 1
end
print(("%d processes ran %d tasks"):format(n, tasks))
assert(n == workers)
