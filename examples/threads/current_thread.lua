-- Every thread can ask for its own handle: the main thread is called MainThread, a
-- thread that it starts has the name it was given. Main's last line comes after all
-- lines of the child, because main joins it.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(5)

local function loop()
  local name = concur.current().name
  say("thread %s is running...", name)
  for n = 1, rounds do
    say("thread %s >>> %d", name, n)
    concur.sleep(example.pause(1))
  end
  say("thread %s ended.", name)
end

local start = concur.now()
say("thread %s is running...", concur.current().name)
local thread = concur.thread { target = loop, name = "LoopThread" }
thread:start()
assert(thread:join())
say("thread %s ended.", concur.current().name)
local elapsed = concur.now() - start

local expected = { "thread MainThread is running...", "thread LoopThread is running..." }
for n = 1, rounds do expected[#expected + 1] = "thread LoopThread >>> " .. n end
expected[#expected + 1] = "thread LoopThread ended."
expected[#expected + 1] = "thread MainThread ended."
assert(table.concat(said(), "\n") == table.concat(expected, "\n"))
assert(elapsed >= rounds * example.pause(1))
