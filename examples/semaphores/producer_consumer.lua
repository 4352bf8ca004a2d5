-- Five rounds of a consumer that waits for a semaphore until a producer has made a
-- number. The semaphore begins at 0: there is nothing to take yet.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(5)
local semaphore = concur.semaphore(0) -- 1 without the argument; less than 0 is refused
local item = concur.value()

local function consume()
  say "consumer: waiting"
  semaphore:acquire()
  say("consumer: consumed item number %d", item:get())
end

local function produce()
  concur.sleep(example.pause(1))
  item:set(math.random(0, 1000))
  say("producer: produced item number %d", item:get())
  semaphore:release()
end

for _ = 1, rounds do
  local consumer = concur.spawn(consume)
  example.until_waiting(consumer)
  local producer = concur.spawn(produce)
  assert(producer:join())
  assert(consumer:join())
end
say "program terminated"

local ok, message = pcall(concur.semaphore, -1)
print("concur.semaphore(-1)", message)

local lines = said()
assert(#lines == 3 * rounds + 1 and lines[#lines] == "program terminated")
for i = 1, 3 * rounds, 3 do
  assert(lines[i] == "consumer: waiting")
  local number = lines[i + 1]:match "^producer: produced item number (%d+)$"
  assert(lines[i + 2] == "consumer: consumed item number " .. number)
end
assert(not ok and message:find "negative")
