-- All three threads are started, and then all are joined: main's last line comes
-- after theirs, and the whole takes as long as one thread does. Compare
-- join_inside_loop.lua.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Counter = concur.thread:extend()

function Counter:run()
  local start = concur.now()
  for i = 0, 2 do
    say("thread %s, number: %d", self.name, i)
    concur.sleep(example.pause(1))
  end
  return concur.now() - start
end

local start = concur.now()
local threads = {}
say("main begins")
for i = 1, 3 do
  threads[i] = Counter()
  threads[i]:start()
end
local total = 0
for _, thread in ipairs(threads) do
  local _, seconds = assert(thread:join())
  total = total + seconds
end
local elapsed = concur.now() - start
say("main ends after %.2f s; the threads ran for %.2f s in sum", elapsed, total)

local lines = said()
assert(#lines == 11)
assert(lines:count "^thread" == 9 and lines:first "^main ends" == 11)
assert(elapsed >= 3 * example.pause(1) and elapsed < example.below(6) and elapsed < total)
