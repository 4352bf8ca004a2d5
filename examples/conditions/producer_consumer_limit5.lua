-- A producer that is twice as fast as the consumer, ten rounds each, and a list that
-- holds five items at most: soon the producer makes one only when one is taken.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(10)
local limit = 5
local items = concur.list() -- used while the condition is held
local condition = concur.condition()

local function produce()
  for _ = 1, rounds do
    concur.sleep(example.pause(1))
    local _ <close> = condition:acquire()
    condition:wait_for(function() return #items < limit end)
    items:append(1)
    say("produced one, now %d", #items)
    condition:notify()
  end
end

local function consume()
  for _ = 1, rounds do
    concur.sleep(example.pause(2))
    local _ <close> = condition:acquire()
    condition:wait_for(function() return #items > 0 end)
    items:pop(1)
    say("consumed one, now %d", #items)
    condition:notify()
  end
end

local start = concur.now()
local producer = concur.spawn(produce)
local consumer = concur.spawn(consume)
assert(producer:join())
assert(consumer:join())
local elapsed = concur.now() - start

local lines = said()
local size = 0
for _, line in ipairs(lines) do
  size = size + (line:find "^produced" and 1 or -1)
  assert(tonumber(line:match "%d+$") == size and size >= 0 and size <= limit)
end
assert(lines:count "^produced" == rounds and lines:count "^consumed" == rounds and size == 0)
assert(elapsed >= rounds * example.pause(2))
