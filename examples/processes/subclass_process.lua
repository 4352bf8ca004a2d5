-- A class of processes: each instance prints its name and process id ten times. The two stay
-- together, whatever the order of the lines.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local rounds = example.count(10)

local Printer = concur.process:extend "printer"
function Printer:init(pause) self.pause = pause end

function Printer:run()
  for _ = 1, rounds do
    say("name %s", self.name)
    say("%s has id %d", self.name, self.pid)
    concur.sleep(self.pause)
  end
  return self.pid
end

local one, two = Printer(0.001):start(), Printer(0.002):start()
local _, first = assert(one:join())
local _, second = assert(two:join())

local lines = said()
assert(one.name == "printer-1" and two.name == "printer-2" and first ~= second)
assert(#lines == 4 * rounds)
assert(lines:count("^printer%-1 has id " .. first .. "$") == rounds)
assert(lines:count("^printer%-2 has id " .. second .. "$") == rounds)
