-- The producer and the consumer of producer_consumer_log.lua in scoped style: the
-- condition is held to the end of a block, or while a function runs, and `wait_for`
-- waits until there is something. Who holds the condition is alone, as before.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(10)

local Producer = concur.thread:extend "Producer"

function Producer:init(integers, condition) self.integers, self.condition = integers, condition end

function Producer:run()
  for i = 1, rounds do
    do
      local _ <close> = self.condition:acquire()
      say("condition acquired by %s", self.name)
      local integer = 1000 * i + math.random(0, 256)
      self.integers:append(integer)
      say("%d appended to list by %s", integer, self.name)
      self.condition:notify()
      say("condition notified by %s", self.name)
      say("condition released by %s", self.name)
    end
    concur.sleep(example.pause(1))
  end
end

local Consumer = concur.thread:extend "Consumer"

function Consumer:init(integers, condition) self.integers, self.condition = integers, condition end

function Consumer:pop()
  say("condition acquired by %s", self.name)
  self.condition:wait_for(function()
    if #self.integers > 0 then return true end
    say("condition wait by %s", self.name)
    return false
  end)
  say("%d popped from list by %s", self.integers:pop(1), self.name)
  say("condition released by %s", self.name)
end

function Consumer:run()
  for _ = 1, rounds do self.condition:with(self.pop, self) end
end

local integers = concur.list() -- used while the condition is held
local condition = concur.condition()
local producer = Producer(integers, condition)
local consumer = Consumer(integers, condition)
consumer:start()
example.until_waiting(consumer)
producer:start()
assert(producer:join())
assert(consumer:join())

local lines = said()
lines:one_at_a_time()
assert(lines:first "^condition wait by Consumer%-1$" == 2) -- the list was empty
local appended, popped = {}, {}
for _, line in ipairs(lines) do
  appended[#appended + 1] = line:match "^(%d+) appended"
  popped[#popped + 1] = line:match "^(%d+) popped"
end
assert(#popped == rounds and table.concat(popped, " ") == table.concat(appended, " "))
