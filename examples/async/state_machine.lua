-- A state machine as a coroutine: its state is the place where it waits for the next event, so there is no table of
-- states and no variable that names one. A door that locks itself when nobody comes.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"
local async = concur.async

local events, log = concur.queue(), {}

local function enter(state)
  log[#log + 1] = state
  print("the door is " .. state)
end

local function door(patience)
  while true do
    enter "locked"
    repeat
      local event = events:get()
      if event == "quit" then return end
    until event == "key"
    enter "closed"
    repeat
      local event = events:get(patience) -- nil after that time
      if event == "push" then
        enter "open"
        repeat until events:get() == "pull"
        enter "closed"
      end
    until event == nil
  end
end

async.run(function()
  local machine = async.spawn(door, example.pause(0.3))
  for _, event in ipairs { "push", "key", "push", "key", "pull" } do events:put(event) end
  while #log < 5 do async.sleep(0.001) end
  events:put "quit"
  machine:await()
end)

assert(table.concat(log, " ") == "locked closed open closed locked")
