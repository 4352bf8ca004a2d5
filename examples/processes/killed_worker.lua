-- A worker is killed while it holds a lock and is about to change what the lock protects. The next to
-- acquire the lock gets it, and is told that it was abandoned; the item that the worker had taken is
-- known to be unfinished, since nobody marked it done.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local jobs, lock, state = concur.queue(), concur.lock(), concur.dict {a = 1, b = 1}
for i = 1, 3 do jobs:put(i) end

local halfway = concur.event()
local function careless()
  jobs:get()
  lock:acquire()
  state.a = state.a + 1
  halfway:set()
  concur.sleep(60) -- and never comes to state.b
end

local worker = concur.process(careless):start()
halfway:wait()
worker:kill()
local _, message = worker:join()
say("the worker was %s", message)

local _, how = lock:acquire(5)
say("the lock was %s: %d and %d", how or "released", state.a, state.b)
if how == "abandoned" then state.b = state.a end
lock:release()
while jobs:get(0) do jobs:task_done() end
say("all jobs done: %s", jobs:join(0))

assert(message == "killed by signal 9 (SIGKILL)" and how == "abandoned")
assert(state.a == 2 and state.b == 2)
assert(said()[3] == "all jobs done: false")
