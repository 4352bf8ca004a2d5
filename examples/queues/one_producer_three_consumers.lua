-- One producer and three consumers at one queue, and nobody needs a lock. Each number
-- goes to one consumer, whoever has waited longest, and is marked as done there. The
-- consumers would wait for more for ever; so main waits until as many numbers are
-- marked as were put, and closes the queue, which ends their loops.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local count = example.count(10)

local Producer = concur.thread:extend "Producer"

function Producer:init(queue) self.queue = queue end

function Producer:run()
  for item = 0, count - 1 do
    say("item %d put by %s", item, self.name)
    self.queue:put(item)
    concur.sleep(example.pause(1))
  end
end

local Consumer = concur.thread:extend "Consumer"

function Consumer:init(queue) self.queue = queue end

function Consumer:run()
  local got = {}
  for item in self.queue:items() do
    say("item %d got by %s", item, self.name)
    got[#got + 1] = item
    self.queue:task_done()
  end
  return got
end

local queue = concur.queue()
local producer = Producer(queue):start()
local consumers = {}
for i = 1, 3 do consumers[i] = Consumer(queue):start() end
assert(producer:join())
assert(queue:join())
local lines = said()
assert(#lines == 2 * count) -- whoever marks an item has handled it
queue:close()

-- Each item was got once, and nobody got an item before an earlier one.
local times = {}
for i, consumer in ipairs(consumers) do
  local _, got = assert(consumer:join())
  print(("%s got %d items"):format(consumer.name, #got))
  for k, item in ipairs(got) do
    assert(k == 1 or item > got[k - 1])
    times[item] = (times[item] or 0) + 1
    assert(lines:count(("^item %d got by Consumer%%-%d$"):format(item, i)) == 1)
  end
end
for item = 0, count - 1 do
  assert(times[item] == 1)
  assert(lines:first(("^item %d put by Producer%%-1$"):format(item)) < lines:first(("^item %d got"):format(item)))
end
