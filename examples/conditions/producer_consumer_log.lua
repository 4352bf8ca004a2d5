-- A producer and a consumer with a line for each step that they take with the
-- condition: who has acquired it is alone until it releases it or waits. Look at the
-- consumer's wait, which lets the producer in.
--
-- The producer puts a mark at the end, and the consumer ends when it finds that.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(10)
local mark = -1

local Producer = concur.thread:extend "Producer"

function Producer:init(integers, condition) self.integers, self.condition = integers, condition end

function Producer:append(integer)
  self.condition:acquire()
  say("condition acquired by %s", self.name)
  self.integers:append(integer)
  say("%d appended to list by %s", integer, self.name)
  say("condition notified by %s", self.name)
  self.condition:notify()
  say("condition released by %s", self.name)
  self.condition:release()
end

function Producer:run()
  for i = 1, rounds do
    self:append(1000 * i + math.random(0, 256))
    concur.sleep(example.pause(1))
  end
  self:append(mark)
end

local Consumer = concur.thread:extend "Consumer"

function Consumer:init(integers, condition) self.integers, self.condition = integers, condition end

function Consumer:run()
  repeat
    self.condition:acquire()
    say("condition acquired by %s", self.name)
    while #self.integers == 0 do
      say("condition wait by %s", self.name)
      self.condition:wait()
    end
    local integer = self.integers:pop(1)
    say("%d popped from list by %s", integer, self.name)
    say("condition released by %s", self.name)
    self.condition:release()
  until integer == mark
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
assert(lines:count "^condition notified by Producer%-1$" == rounds + 1)
-- Each number is popped once, after it was appended, and in order.
local waiting, popped = {}, 0
for _, line in ipairs(lines) do
  waiting[#waiting + 1] = line:match "^(%S+) appended"
  local number = line:match "^(%S+) popped"
  if number then
    assert(number == table.remove(waiting, 1))
    popped = popped + 1
  end
end
assert(popped == rounds + 1 and #waiting == 0)
