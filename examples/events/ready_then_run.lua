-- Three threads announce that they are ready and wait for the common signal; when it
-- comes they run, in any order.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Runner = concur.thread:extend()

function Runner:init(signal) self.signal = signal end

function Runner:run()
  say("thread %s is ready", self.name)
  self.signal:wait()
  say("thread %s runs", self.name)
end

local signal = concur.event()
local start = concur.now()
local threads = {}
for i = 1, 3 do
  threads[i] = Runner(signal)
  threads[i]:start()
end
for _, thread in ipairs(threads) do example.until_waiting(thread) end
concur.sleep(example.pause(3))
local elapsed = concur.now() - start
say("after %.2f s", elapsed)
signal:set()
for _, thread in ipairs(threads) do assert(thread:join()) end

local lines = said()
assert(#lines == 7)
assert(lines:count "is ready$" == 3 and lines:count "runs$" == 3)
assert(lines:first "^after" == 4)
assert(elapsed >= example.pause(3))
