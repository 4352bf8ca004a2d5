-- A worker of task_master.lua: connects with the same key, squares what it finds in the queue of tasks, and puts the
-- result into the other. Without an address it starts a master's queues itself, to show what it does.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local address, server = arg[1], nil
if not address then
  local tasks, results = concur.queue(), concur.queue()
  tasks:put_many { 3411, 68, 7866 }
  server = concur.manager.server { address = "127.0.0.1:0", authkey = "abc" }
  server:register("get_task_queue", function() return tasks end)
  server:register("get_result_queue", function() return results end)
  server:start()
  address = server:address()
  local refused, reason = concur.manager.connect { address = address, authkey = "another key" }
  print("with another key: " .. reason)
  assert(refused == nil and reason == "authentication failed")
end

print(("Connect to server %s..."):format(address))
local m = assert(concur.manager.connect { address = address, authkey = "abc", timeout = 5 })
local tasks, results = m:get_task_queue(), m:get_result_queue()

local misses = 0
for _ = 1, server and 5 or 10 do
  local n, reason = tasks:get(example.pause(1))
  if n then
    print(("run task %d * %d..."):format(n, n))
    concur.sleep(example.pause(1))
    results:put(("%d * %d = %d"):format(n, n, n * n))
  else
    print("task queue is " .. reason .. ".") -- perhaps there will be more
    misses = misses + 1
  end
end
print "worker exit."

if server then
  assert(misses == 2)
  assert(results:get(1) == "3411 * 3411 = 11634921")
  assert(results:get(1) == "68 * 68 = 4624")
  assert(results:get(1) == "7866 * 7866 = 61873956")
  server:shutdown()
  local nothing, reason = tasks:get(1)
  assert(nothing == nil and reason == "connection lost")
end
