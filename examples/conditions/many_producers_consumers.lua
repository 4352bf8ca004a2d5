-- Three producers and two consumers at one stack of six. All say what they do while
-- they hold the condition, so the lines replay exactly what happened to the stack.
--
-- Without a pause after each turn, who holds the condition is likely to get it again,
-- and one thread fills or empties the stack on end; with a pause, fixed or at random,
-- the turns mix. Look at the last line of each part.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local limit = 6
local per_producer, per_consumer = example.count(10) * 2, example.count(10) * 3
local stack = concur.list() -- used while the condition is held
local condition = concur.condition()

local function rest(pause)
  if pause == "random" then
    concur.sleep(math.random() * example.pause(1))
  elseif pause == "fixed" then
    concur.sleep(example.pause(1))
  end
end

local function produce(pause)
  for _ = 1, per_producer do
    do
      local _ <close> = condition:acquire()
      condition:wait_for(function() return #stack < limit end)
      local element = math.random(0, 99)
      stack:append(element)
      say("%s: pushed %d, size %d", concur.current().name, element, #stack)
      condition:notify_all()
    end
    rest(pause)
  end
end

local function consume(pause)
  for _ = 1, per_consumer do
    do
      local _ <close> = condition:acquire()
      condition:wait_for(function() return #stack > 0 end)
      local element = stack:pop()
      say("%s: popped %d, size %d", concur.current().name, element, #stack)
      condition:notify_all()
    end
    rest(pause)
  end
end

local function run(pause)
  print("-- pause: " .. pause)
  local from = #said() + 1
  local threads = {}
  for i = 1, 3 do threads[i] = concur.spawn(produce, pause) end
  for i = 4, 5 do threads[i] = concur.spawn(consume, pause) end
  for _, thread in ipairs(threads) do assert(thread:join()) end

  local lines = said()
  local replay, longest, streak, last = {}, 0, 0, nil
  for i = from, #lines do
    local name, what, element, size = lines[i]:match "^(%S+): (%a+) (%d+), size (%d+)$"
    if what == "pushed" then
      replay[#replay + 1] = element
    else
      assert(table.remove(replay) == element)
    end
    assert(#replay == tonumber(size) and #replay <= limit)
    streak = name == last and streak + 1 or 1
    longest, last = math.max(longest, streak), name
  end
  assert(#lines - from + 1 == 3 * per_producer + 2 * per_consumer)
  assert(#replay == 0 and #stack == 0)
  print(("at most %d turns on end"):format(longest))
end

run "none"
run "fixed"
run "random"
