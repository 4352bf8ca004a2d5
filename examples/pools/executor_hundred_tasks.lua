-- A hundred tasks for a pool of five threads. Each prints five lines with a pause after each, so that five
-- tasks run at a time and the whole takes a hundred pauses: making a thread for each task would take
-- five, but a hundred threads. At the end of the block the pool is closed and joined, and the script ends by itself.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local workers, tasks, steps = 5, example.count(100), 5
local pause = example.pause(0.1)
local say, said = example.transcript()
local running, most = concur.value(0), concur.value(0)

local function target()
  local now = running:add(1)
  most:update(math.max, now)
  for i = 0, steps - 1 do
    say("running thread-%d:%d", concur.current().ident, i)
    concur.sleep(pause)
  end
  running:add(-1)
end

local start = concur.now()
do
  local pool <close> = concur.thread_pool(workers)
  for _ = 1, tasks do pool:submit(target) end
end
local seconds = concur.now() - start

local lines = said()
local idents, n = {}, 0
for _, line in ipairs(lines) do
  local ident, step = line:match "^running thread%-(%d+):(%d)$"
  if not idents[ident] then idents[ident], n = 0, n + 1 end
  assert(tonumber(step) == idents[ident] % steps) -- one task after the other in each thread
  idents[ident] = idents[ident] + 1
end
print(("%d tasks, %d threads, at most %d at once, %.2f s"):format(tasks, n, most:get(), seconds))
assert(#lines == tasks * steps)
assert(n == math.min(workers, tasks) and most:get() <= workers)
assert(seconds >= math.ceil(tasks / workers) * steps * pause)
