-- A producer appends a number to a stack, sets the event and clears it at once. A
-- consumer that is waiting at that moment wakes, although the event is clear again
-- when it looks; a consumer that is asleep misses it. So fewer numbers may be taken
-- than are made, and the one taken is the newest.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(10)
local numbers = concur.list()
local lock = concur.lock()
local event = concur.event()
local finished = concur.value(false)

-- Both say what they do while they hold the lock, so that the lines come in the same
-- order as the changes.
local function append(number, name)
  local _ <close> = lock:acquire()
  numbers:append(number)
  say("%d appended to stack by %s", number, name)
end

local function pop(name)
  local _ <close> = lock:acquire()
  say("%d popped from stack by %s", numbers:pop(), name)
end

local Producer = concur.thread:extend "Producer"

function Producer:run()
  for i = 1, rounds do
    concur.sleep(example.pause(2))
    append(1000 * i + math.random(0, 256), self.name)
    say("event set by %s", self.name)
    event:set()
    event:clear()
    say("event cleared by %s", self.name)
  end
  finished:set(true)
  event:set() -- and left so, for the consumer to see the end
end

local Consumer = concur.thread:extend "Consumer"

function Consumer:run()
  while true do
    concur.sleep(example.pause(2))
    event:wait()
    if finished:get() then return end
    pop(self.name)
  end
end

local producer = Producer()
local consumer = Consumer()
producer:start()
consumer:start()
assert(producer:join())
assert(consumer:join())

local lines = said()
local popped = lines:count "popped from stack by Consumer%-1$"
print(("%d numbers appended, %d popped"):format(rounds, popped))
assert(lines:count "appended to stack by Producer%-1$" == rounds)
assert(lines:count "^event set" == rounds and lines:count "^event cleared" == rounds)
assert(popped <= rounds and (popped >= 1 or rounds < 3))
-- what is popped was appended before, and is the newest by then
local list = {}
for _, line in ipairs(lines) do
  list[#list + 1] = line:match "^(%d+) appended"
  local number = line:match "^(%d+) popped"
  if number then assert(number == table.remove(list)) end
end
