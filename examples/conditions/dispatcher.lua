-- A dispatcher hands data from a producer to a consumer. The consumer waits for a
-- notification, with a limit, so that it does not wait for ever after the last one: its
-- last receipt is an empty one. An event tells it then that the producer has stopped.
-- The event also serves for pauses: a wait with a limit that ends at once on `set`.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(10)

-- The pauses are scaled together, to keep their relation.
local unit = example.pause(0.1)
local produce_pause, consume_pause, limit = 3 * unit, 2 * unit, 30 * unit

local Dispatcher = {}
Dispatcher.__index = Dispatcher

function Dispatcher.new()
  return setmetatable({
    data = concur.value(), -- nil when there is none
    condition = concur.condition(),
    stop = concur.event(),
    idle = concur.event(), -- the consumer waits, and there is nothing for it
  }, Dispatcher)
end

function Dispatcher:produce()
  local function is_taken() return self.data:get() == nil end
  for _ = 1, rounds do
    do
      local _ <close> = self.condition:acquire()
      self.condition:wait_for(is_taken)
      local data = math.random(0, 100)
      say("produced %d", data)
      self.data:set(data)
      self.idle:clear()
      self.condition:notify_all()
    end
    self.stop:wait(produce_pause)
  end
  self.idle:wait()
  self.stop:set()
end

function Dispatcher:consume()
  local function is_there() return self.data:get() ~= nil end
  while not self.stop:is_set() do
    do
      local _ <close> = self.condition:acquire()
      if not is_there() then self.idle:set() end
      self.condition:wait_for(is_there, limit)
      say("received %s", self.data:get())
      self.data:set(nil)
      self.condition:notify_all()
    end
    self.stop:wait(consume_pause)
  end
end

local dispatcher = Dispatcher.new()
local start = concur.now()
-- Methods are functions like others, and the object is their argument.
local consumer = concur.thread { target = Dispatcher.consume, args = { dispatcher }, name = "consumer" }
local producer = concur.thread { target = Dispatcher.produce, args = { dispatcher }, name = "producer" }
consumer:start()
producer:start()
assert(producer:join())
assert(consumer:join())
local elapsed = concur.now() - start

local lines = said()
local produced, received = {}, {}
for _, line in ipairs(lines) do
  produced[#produced + 1] = line:match "^produced (%d+)$"
  received[#received + 1] = line:match "^received (%d+)$"
end
assert(#produced == rounds and table.concat(received, " ") == table.concat(produced, " "))
assert(lines:count "^received nil$" == 1 and lines[#lines] == "received nil")
assert(elapsed >= rounds * consume_pause + limit)
