-- The master of a group of workers that may be on other machines: it offers two queues over the network, puts
-- ten numbers into one and waits for ten results from the other. Alone it starts task_worker.lua as a process of its
-- own; with an address it waits for workers that somebody starts elsewhere:
--
--   lua5.4 task_master.lua 0.0.0.0:5000        # here
--   lua5.4 task_worker.lua 192.168.1.10:5000   # there, and there

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local here = arg[0]:gsub("[^/]*$", "")
local tasks, results = concur.queue(), concur.queue()

local server <close> = concur.manager.server { address = arg[1] or "127.0.0.1:0", authkey = "abc" }
server:register("get_task_queue", function() return tasks end)
server:register("get_result_queue", function() return results end)
server:start()

local worker
if not arg[1] then
  worker = assert(concur.subprocess.popen { arg[-1], here .. "task_worker.lua", server:address() })
end

local put, got = {}, {}
for i = 1, 10 do
  local n = math.random(0, 10000)
  put[i] = n
  print(("Put task %d..."):format(n))
  tasks:put(n)
end

print "Try get results..."
local all = true
for i = 1, 10 do
  local result, reason = results:get(example.pause(10) + 5)
  print(result and ("Result: %s"):format(result) or "no result: " .. reason)
  local n, square = tostring(result):match "^(%d+) %* %d+ = (%d+)$"
  all = all and n and n * n == tonumber(square)
  got[i] = tonumber(n)
end
assert(all)

-- There is no eleventh: who waits for it is told after the limit.
local nothing, reason = results:get(example.pause(1))
print("no more results: " .. reason)
assert(nothing == nil and reason == "empty")

if worker then
  assert(table.concat(got, " ") == table.concat(put, " ")) -- one worker, one order
  worker:close_stdin()
  local ended = assert(worker:wait(20))
  io.write(worker:read "a")
  assert(ended.code == 0)
end
print "master exit."
