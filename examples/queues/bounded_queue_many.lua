-- Three producers and two consumers at a queue that holds four. A producer that finds it
-- full waits, as does a consumer that finds it empty. Each tells the size that it sees
-- after its turn: never more than four, but the sizes of two lines that follow each
-- other need not fit, since others go on between the turn and the look. (In
-- conditions/many_producers_consumers.lua one lock is held for both.)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local limit = 4
local per_producer = example.count(20)
local queue = concur.queue(limit)

local Producer = concur.thread:extend "Producer"

function Producer:run()
  for i = 1, per_producer do
    queue:put { producer = self.name, number = i }
    say("%s: put %d, the size is now %d", self.name, i, queue:qsize())
  end
end

local Consumer = concur.thread:extend "Consumer"

function Consumer:run()
  local got = {}
  for item in queue:items() do
    queue:task_done()
    say("%s: got %s's %d, the size is now %d", self.name, item.producer, item.number, queue:qsize())
    got[#got + 1] = item
  end
  return got
end

local producers, consumers = {}, {}
for i = 1, 3 do producers[i] = Producer():start() end
for i = 1, 2 do consumers[i] = Consumer():start() end
for _, producer in ipairs(producers) do assert(producer:join()) end
queue:close()

-- Nothing is lost, nothing comes twice, and the items of each producer keep their order.
local seen, total = {}, 0
for _, consumer in ipairs(consumers) do
  local _, got = assert(consumer:join())
  local last = {}
  for _, item in ipairs(got) do
    local key = item.producer .. " " .. item.number
    assert(not seen[key] and item.number > (last[item.producer] or 0))
    seen[key], last[item.producer] = true, item.number
  end
  total = total + #got
end
assert(total == 3 * per_producer and queue:join(0))

local lines = said()
assert(#lines == 2 * total)
for _, line in ipairs(lines) do
  local size = tonumber(line:match "the size is now (%d+)$")
  assert(size >= 0 and size <= limit)
end
