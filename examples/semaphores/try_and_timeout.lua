-- Main takes all three units of a semaphore. A worker waits for one, and says nothing
-- until main releases one. Meanwhile main's own tries fail: at once with a limit of 0,
-- after the limit with a longer one.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local semaphore = concur.semaphore(3)

local function work()
  say "worker: started"
  say("worker: acquired %s", semaphore:acquire() == semaphore)
  say "worker: done"
end

for _ = 1, 3 do
  say("main: acquired %s, %d remain", semaphore:acquire() == semaphore, semaphore:value())
end
local worker = concur.spawn(work)
example.until_waiting(worker)
concur.event():wait(example.pause(2)) -- nobody sets this event: a pause

say("main: a try gave %s", semaphore:acquire(0))
local start = concur.now()
say("main: a try with a limit gave %s", semaphore:acquire(example.pause(3)))
local elapsed = concur.now() - start

say "main: release"
semaphore:release()
assert(worker:join())

local lines = said()
assert(table.concat(lines, "\n") == [[
main: acquired true, 2 remain
main: acquired true, 1 remain
main: acquired true, 0 remain
worker: started
main: a try gave false
main: a try with a limit gave false
main: release
worker: acquired true
worker: done]])
assert(elapsed >= example.pause(3) and semaphore:value() == 0)
