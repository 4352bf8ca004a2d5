-- Start and join in the same loop: each thread has the stage to itself, the numbers
-- come in groups, and the whole takes three times as long as in join_after_all.lua.
-- It might as well have been written without threads.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Counter = concur.thread:extend()

function Counter:run()
  for i = 0, 2 do
    say("thread %s, number: %d", self.name, i)
    concur.sleep(example.pause(1))
  end
end

local start = concur.now()
say("main begins")
for _ = 1, 3 do
  local thread = Counter()
  thread:start()
  assert(thread:join())
end
local elapsed = concur.now() - start
say("main ends after %.2f s", elapsed)

local lines = said()
assert(#lines == 11)
for thread = 1, 3 do
  for i = 0, 2 do
    assert(lines[2 + 3 * (thread - 1) + i] == ("thread Thread-%d, number: %d"):format(thread, i))
  end
end
assert(elapsed >= 9 * example.pause(1) and elapsed < example.below(18))
