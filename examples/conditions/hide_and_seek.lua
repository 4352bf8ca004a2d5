-- Hide and seek: two threads notify each other in turn. The first three lines come in
-- this order, always; the last two are said after both have let go, and come in
-- either order.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Player = concur.thread:extend()

function Player:init(name, condition) self.name, self.condition = name, condition end

local Seeker = Player:extend()

function Seeker:run()
  do
    local _ <close> = self.condition:acquire()
    say("%s: my eyes are shut", self.name)
    self.condition:notify()
    self.condition:wait()
    say("%s: there you are", self.name)
    self.condition:notify()
  end
  say("%s: I won", self.name)
end

local Hider = Player:extend()

function Hider:run()
  do
    local _ <close> = self.condition:acquire()
    self.condition:wait()
    say("%s: I am hidden, come and find me", self.name)
    self.condition:notify()
    self.condition:wait()
  end
  say("%s: you found me", self.name)
end

local condition = concur.condition()
local hider = Hider("hider", condition)
local seeker = Seeker("seeker", condition)
hider:start()
example.until_waiting(hider) -- or the first notify would be lost
seeker:start()
assert(seeker:join())
assert(hider:join())

local lines = said()
assert(#lines == 5)
assert(lines[1] == "seeker: my eyes are shut")
assert(lines[2] == "hider: I am hidden, come and find me")
assert(lines[3] == "seeker: there you are")
assert(lines:count "^seeker: I won$" == 1 and lines:count "^hider: you found me$" == 1)
