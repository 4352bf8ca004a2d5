-- The dialogue of dialogue.lua, and who is started first. A notify wakes those who
-- wait at that moment; it is not kept for those who come later.
--
--   asker first     the first sentence is said before anybody waits for it, and its
--                   notify is lost. Both wait for each other then: one line, and a
--                   report that names both threads
--   answerer first  four lines
--
--   lua5.4 dialogue_lost_notify.lua [asker-first|answerer-first]    (default: both)

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

concur.excepthook = false -- main shows the report
local say, said = example.transcript()

local function ask(condition, asked)
  local _ <close> = condition:acquire()
  for i = 1, 2 do
    say("Zoë: question %d", i)
    condition:notify()
    asked:set()
    condition:wait()
  end
end

local function answer(condition)
  local _ <close> = condition:acquire()
  for i = 1, 2 do
    condition:wait()
    say("Jürgen: answer %d", i)
    condition:notify()
  end
end

local function start(name, fn, ...) return concur.thread({ target = fn, args = { ... }, name = name }):start() end

local function asker_first()
  local condition, asked = concur.condition(), concur.event()
  local zoe = start("Zoë", ask, condition, asked)
  asked:wait()
  local juergen = start("Jürgen", answer, condition)
  local report = example.deadlock { zoe, juergen }
  local lines = said()
  assert(#lines == 1 and lines[1] == "Zoë: question 1")
  for _, name in ipairs { "Zoë", "Jürgen" } do
    assert(report:find(name .. " waits for concur%.condition: [^\n]*, at [^\n]*dialogue_lost_notify%.lua:%d+"))
  end
end

local function answerer_first()
  local condition = concur.condition()
  local before = #said()
  local juergen = start("Jürgen", answer, condition)
  example.until_waiting(juergen)
  local zoe = start("Zoë", ask, condition, concur.event())
  assert(zoe:join())
  assert(juergen:join())
  local lines = said()
  assert(table.concat(lines, ", ", before + 1)
    == "Zoë: question 1, Jürgen: answer 1, Zoë: question 2, Jürgen: answer 2")
end

local order = arg[1] or "both"
if order ~= "answerer-first" then
  print "-- asker first"
  asker_first()
end
if order ~= "asker-first" then
  print "-- answerer first"
  answerer_first()
end
