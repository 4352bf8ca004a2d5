-- Three workers load their parts, each at its own pace, and none serves before all have
-- loaded: they meet at a barrier. Its action runs once, in the worker that comes last,
-- before anybody goes on.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local parts = { "users", "prices", "pictures" }
local loaded = concur.value(0)

local barrier = concur.barrier(#parts, function()
  say("all is ready: %d parts", loaded:get())
end)

local function work(i)
  concur.sleep(example.pause(i))
  loaded:add(1)
  say("loaded %s", parts[i])
  local index = barrier:wait()
  say("serving %s", parts[i])
  return index
end

local threads, indices = {}, {}
for i in ipairs(parts) do threads[i] = concur.spawn(work, i) end
for i, thread in ipairs(threads) do indices[i] = select(2, assert(thread:join())) end

local lines = said()
assert(#lines == 7)
assert(lines:count "^loaded" == 3 and lines:count "^serving" == 3)
assert(lines:first "^all is ready: 3 parts$" == 4)
table.sort(indices)
assert(table.concat(indices) == "123")
