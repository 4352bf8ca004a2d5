-- The dialogue of dialogue.lua with a numbered line for each step that is taken with
-- the lock. Each `wait` lets the lock go, and the other one goes on; `notify` does not,
-- the thread that it woke goes on only when the lock is free. So there is one order of
-- the lines, and only one.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Speaker = concur.thread:extend()

function Speaker:init(name, condition) self.name, self.condition = name, condition end

function Speaker:acquire(step)
  self.condition:acquire()
  say("%2d. %s: holds the condition's lock", step, self.name)
end

function Speaker:wait(before, after)
  say("    %s: will wait", self.name)
  say("%2d. %s: joins the line, and gives the lock away", before, self.name)
  self.condition:wait()
  say("%2d. %s: was woken, and holds the lock again", after, self.name)
end

function Speaker:notify(step)
  say("    %s: notifies", self.name)
  self.condition:notify()
  say("%2d. %s: has woken the other one, and still holds the lock", step, self.name)
end

local Answerer = Speaker:extend()

function Answerer:run()
  self:acquire(1)
  self:wait(2, 6)
  self:notify(7)
  self:wait(8, 12)
  self:notify(13)
  self.condition:release()
end

local Asker = Speaker:extend()

function Asker:run()
  self:acquire(3)
  self:notify(4)
  self:wait(5, 9)
  self:notify(10)
  self:wait(11, 14)
  self.condition:release()
end

local condition = concur.condition()
local juergen = Answerer("Jürgen", condition)
local zoe = Asker("Zoë", condition)
juergen:start()
example.until_waiting(juergen)
zoe:start()
assert(juergen:join())
assert(zoe:join())

local lines = said()
assert(#lines == 22)
local step = 0
local speakers = {}
for i, line in ipairs(lines) do
  local number, name = line:match "^%s*(%d*)%.?%s+(%S+):"
  if number ~= "" then
    step = step + 1
    assert(tonumber(number) == step)
    speakers[step] = name == "Zoë" and "Z" or "J"
  else
    -- a line without a number belongs to the step that follows
    assert(lines[i + 1]:find(name, 1, true))
  end
end
assert(step == 14 and table.concat(speakers) == "JJZZZJJJZZZJJZ")
