-- A producer publishes a number five times, and sets and clears an event each time.
--
--   consumer first  who waits is woken although the event is clear again at once:
--                   the consumer prints 0, 1, 2, 3, 4
--   producer first  the first signal comes before anybody waits for it, and is lost;
--                   the consumer gets four, and waits for a fifth that never comes:
--                   when all others wait for it, concur reports a deadlock
--
--   lua5.4 five_signals.lua [consumer-first|producer-first]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()
local event = concur.event()
local number = concur.value()
-- What keeps the two in step where an event alone would not.
local ready = concur.queue() -- the consumer is about to wait
local cleared = concur.queue() -- the producer has cleared the event

local function consume()
  for _ = 1, 5 do
    ready:put(true)
    event:wait()
    say("consumer: got number %d", number:get())
    cleared:get()
  end
end

local function produce(consumer, first_is_lost)
  for i = 0, 4 do
    local lost = first_is_lost and i == 0
    if not lost then
      ready:get()
      example.until_waiting(consumer)
    end
    number:set(i)
    say("producer: event set, number %d", i)
    event:set()
    event:clear()
    say "producer: event cleared"
    if not lost then cleared:put(true) end
    concur.sleep(example.pause(1))
  end
end

local function consumer_first()
  local consumer = concur.spawn(consume)
  local producer = concur.spawn(produce, consumer)
  assert(producer:join())
  assert(consumer:join())
end

local function producer_first()
  local consumer = concur.thread(consume)
  local producer = concur.spawn(produce, consumer, true)
  example.until_waiting(producer) -- it has signalled, and sleeps
  consumer:start()
  assert(producer:join())
  return example.deadlock { consumer }, debug.getinfo(consume, "S").linedefined + 3
end

local function numbers(lines, from)
  local list = {}
  for i = from, #lines do list[#list + 1] = lines[i]:match "^consumer: got number (%d)$" end
  return table.concat(list, " ")
end

local order = arg[1] or "both"
local lines = said()
if order ~= "producer-first" then
  print "-- consumer first"
  consumer_first()
  assert(numbers(said(), 1) == "0 1 2 3 4")
  assert(#lines == 15)
end
if order ~= "consumer-first" then
  print "-- producer first"
  local from = #lines + 1
  local report, line = producer_first()
  assert(numbers(said(), from) == "1 2 3 4")
  assert(report:find(("waits for concur%%.event: [^\n]*, at [^\n]*five_signals%%.lua:%d"):format(line)))
end
