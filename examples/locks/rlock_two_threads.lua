-- Two threads compete for one re-entrant lock. Each holds it over a pause, and takes
-- it a second time meanwhile. The second thread gets it when the first one has let go
-- twice, a pause later.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rlock = concur.rlock()

local function run()
  rlock:acquire()
  local start = concur.now()
  say("thread %s got the lock", concur.current().name)
  concur.sleep(example.pause(1))
  rlock:acquire()
  rlock:release()
  rlock:release()
  return start
end

say "main begins"
local thread1 = concur.spawn(run)
example.until_waiting(thread1) -- it has the lock, and sleeps
local thread2 = concur.spawn(run)
say "main ends"
local _, start1 = assert(thread1:join())
local _, start2 = assert(thread2:join())
print(("the second thread got it %.2f s after the first"):format(start2 - start1))

local lines = said()
assert(#lines == 4 and lines[1] == "main begins" and lines:count "^main ends$" == 1)
assert(lines:first "^thread Thread%-1 got" < lines:first "^thread Thread%-2 got")
assert(start2 - start1 >= example.pause(1))
assert(not rlock:locked())
