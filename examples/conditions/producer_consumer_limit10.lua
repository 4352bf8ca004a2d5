-- A producer and a consumer, twenty rounds each, and a list that holds ten items at
-- most. The producer waits when the list is full, the consumer when it is empty; each
-- notifies the other after every change. The producer is twice as fast, so the list
-- fills up.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(20)
local limit = 10
local items = concur.list() -- used while the condition is held
local condition = concur.condition()

local function consume()
  for _ = 1, rounds do
    concur.sleep(example.pause(2))
    local _ <close> = condition:acquire()
    if #items == 0 then
      say "consumer: no item to consume"
      condition:wait_for(function() return #items > 0 end)
    end
    items:pop(1)
    say("consumer: consumed one, %d items left", #items)
    condition:notify()
  end
end

local function produce()
  for _ = 1, rounds do
    concur.sleep(example.pause(1))
    local _ <close> = condition:acquire()
    if #items == limit then
      condition:wait_for(function() return #items < limit end)
      say "producer: had stopped at the limit"
    end
    items:append(1)
    say("producer: produced one, %d items now", #items)
    condition:notify()
  end
end

local start = concur.now()
local producer = concur.spawn(produce)
local consumer = concur.spawn(consume)
assert(producer:join())
assert(consumer:join())
local elapsed = concur.now() - start

-- All was said while the condition was held, so the lines show each change in order.
local lines = said()
local size, made, used = 0, 0, 0
for _, line in ipairs(lines) do
  local now = tonumber(line:match "(%d+) items")
  if line:find "produced one" then
    made, size = made + 1, size + 1
    assert(now == size and size <= limit)
  elseif line:find "consumed one" then
    used, size = used + 1, size - 1
    assert(now == size and size >= 0)
  elseif line:find "stopped at the limit" then
    assert(size < limit)
  end
end
assert(made == rounds and used == rounds and size == 0)
assert(elapsed >= rounds * example.pause(2))
