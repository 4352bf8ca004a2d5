-- What can go wrong in a pool, and what it does: an error comes back with the task's index and the worker's
-- traceback; a task in an endless loop is cancelled; a worker process that is killed, or that exits, fails
-- its task only, and is replaced. The pool goes on.

local concur = require "concur"

local pool <close> = concur.process_pool(2)

local ok, err = pcall(pool.map, pool, function(x)
  if x == 3 then error "no threes" end
  return x
end, { 1, 2, 3, 4 })
print(err)
assert(not ok and err:find "^task 3: .*no threes$" and pool:traceback():find "stack traceback:")

local endless = pool:submit(function() while true do end end)
endless:cancel()
print("endless", endless:wait())
assert(endless:cancelled())

local killed = pool:submit(function() concur.current_process():kill() end)
local left = pool:submit(function() os.exit(3) end)
local fine = pool:submit(function() return "fine" end)
for _, future in ipairs { killed, left, fine } do print(future:wait()) end
assert(killed:error() == "worker killed by signal 9 (SIGKILL)" and left:error() == "worker exited with code 3")
assert(fine:result() == "fine")

-- A future of one's own: set by whoever knows the answer.
local answer = concur.future()
concur.process(function() answer:set_result(42) end):start()
print("the answer", answer:result())
assert(answer:result() == 42)
