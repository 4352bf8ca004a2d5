-- Five threads, each joined right after its start. They run one after the other, so
-- the numbers come in order: joining inside the loop that starts gives away what
-- threads could gain.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local function report(i)
  say("function called by thread %d\n", i)
end

for i = 0, 4 do
  local thread = concur.thread(report, i)
  thread:start()
  assert(thread:join())
  assert(not thread:is_alive())
end

local lines = said()
assert(#lines == 5)
for i = 0, 4 do
  assert(lines[i + 1] == ("function called by thread %d\n"):format(i))
end
