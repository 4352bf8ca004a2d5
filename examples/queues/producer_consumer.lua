-- The producer and the consumer of conditions/producer_consumer_log.lua, with a queue
-- between them. The queue holds the numbers and does all the waiting, so neither thread
-- has a lock to take or a signal to give. What comes out is what went in, in order.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say = example.transcript()
local count = example.count(10)

local Producer = concur.thread:extend "Producer"

function Producer:init(queue) self.queue = queue end

function Producer:run()
  local made = {}
  for i = 1, count do
    made[i] = math.random(0, 256)
    say("%d put into the queue by %s", made[i], self.name)
    self.queue:put(made[i])
    concur.sleep(example.pause(1))
  end
  return made
end

local Consumer = concur.thread:extend "Consumer"

function Consumer:init(queue) self.queue = queue end

function Consumer:run()
  local taken = {}
  for integer in self.queue:items() do
    say("%d taken from the queue by %s", integer, self.name)
    taken[#taken + 1] = integer
    self.queue:task_done()
  end
  return taken
end

local queue = concur.queue()
local producer, consumer = Producer(queue), Consumer(queue)
producer:start()
consumer:start()
local _, made = assert(producer:join())
queue:close() -- what is still in it comes out, and then the consumer's loop ends
local _, taken = assert(consumer:join())

assert(#made == count)
assert(table.concat(taken, " ") == table.concat(made, " "))
assert(queue:join(0)) -- all are marked as done
