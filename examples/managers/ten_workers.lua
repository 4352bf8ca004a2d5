-- Ten workers, each a process with a connection of its own, share the work of one queue; a lock and a dict of the
-- server's serve them all. One of them is killed in the middle: its lock comes back, and the others go on.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local tasks, counts, lock = concur.queue(), concur.dict(), concur.lock()
local total = 100

local server <close> = concur.manager.server { address = "127.0.0.1:0", authkey = "ten" }
server:register("tasks", function() return tasks end)
server:register("counts", function() return counts end)
server:register("lock", function() return lock end)
server:start()

local function work(address, name, pause)
  local m <close> = assert(concur.manager.connect { address = address, authkey = "ten", timeout = 10 })
  local todo, done, guard = m:tasks(), m:counts(), m:lock()
  for task in todo:items() do
    concur.sleep(pause)
    local _ <close> = guard:acquire()
    done[name] = (done[name] or 0) + task
  end
end

local workers = {}
for i = 1, 10 do
  workers[i] = concur.process(work, server:address(), "worker " .. i, example.pause(0.2)):start()
end
for _ = 1, total do tasks:put(1) end

while #counts < 10 do concur.sleep(0.01) end
workers[10]:kill()
tasks:close()

local sum = 0
for i = 1, 10 do
  local ok = workers[i]:join(60)
  assert(ok == (i < 10))
end
for name, count in pairs(counts) do
  print(name .. " did " .. count)
  sum = sum + count
end
print(sum .. " of " .. total .. " tasks are done; what the killed one had taken is lost")
assert(sum >= total - 1 and sum <= total)
