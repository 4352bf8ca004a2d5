-- A producer that signals each number with an event, and a consumer that waits for
-- the signal: one wake-up for each number. A new event is not set, so the consumer
-- waits from the start; `set` is the signal, and `clear` only makes ready for the
-- next one.
--
-- An event alone does not promise one wake-up for each `set`. A producer that does
-- not find the consumer waiting signals in vain, and a consumer that waits again
-- before `clear` is woken twice. Here each tells the other when it is ready.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(5)

local Consumer = concur.thread:extend "Consumer"

function Consumer:init(integers, event, ready, cleared)
  self.integers, self.event, self.ready, self.cleared = integers, event, ready, cleared
end

function Consumer:run()
  for _ = 1, rounds do
    self.ready:put(true)
    self.event:wait()
    say("%d popped from list by %s", self.integers:pop(1), self.name)
    self.cleared:get()
  end
end

local Producer = concur.thread:extend "Producer"

function Producer:init(consumer)
  self.integers, self.event = consumer.integers, consumer.event
  self.ready, self.cleared = consumer.ready, consumer.cleared
  self.consumer = consumer
end

function Producer:run()
  for _ = 1, rounds do
    self.ready:get()
    example.until_waiting(self.consumer)
    local integer = math.random(0, 256)
    self.integers:append(integer)
    say("%d appended to list by %s", integer, self.name)
    say("event set by %s", self.name)
    self.event:set()
    self.event:clear()
    say("event cleared by %s", self.name)
    self.cleared:put(true)
    concur.sleep(example.pause(1))
  end
end

local event = concur.event()
assert(not event:is_set())

local consumer = Consumer(concur.list(), event, concur.queue(), concur.queue())
local producer = Producer(consumer)
consumer:start()
producer:start()
assert(producer:join())
assert(consumer:join())

local lines = said()
assert(#lines == 4 * rounds)
assert(lines:count "appended to list by Producer%-1$" == rounds)
assert(lines:count "^event set by Producer%-1$" == rounds)
assert(lines:count "^event cleared by Producer%-1$" == rounds)
assert(lines:count "popped from list by Consumer%-1$" == rounds)
