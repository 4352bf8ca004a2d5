-- Two threads of one class print their name and the id that the kernel gave them,
-- ten times each. A name goes with the same id every time: a thread of concur is a
-- thread of the system from start to end.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local Teller = concur.thread:extend()

-- Waits until both are there: a thread that ends before the other begins may leave
-- its kernel thread, and so its id, to it.
function Teller:init(arrived, go) self.arrived, self.go = arrived, go end

function Teller:run()
  self.arrived:put(self.name)
  self.go:wait()
  local ids = {}
  for _ = 1, 10 do
    say("%s", self.name)
    say("%d", self.native_id)
    ids[self.native_id] = true
  end
  return ids
end

local arrived, go = concur.queue(), concur.event()
local thread1 = Teller(arrived, go)
local thread2 = Teller(arrived, go)
thread1:start()
thread2:start()
for _ = 1, 2 do arrived:get() end
go:set()
local _, ids1 = assert(thread1:join())
local _, ids2 = assert(thread2:join())

local lines = said()
assert(#lines == 40)
assert(lines:count "^Thread%-1$" == 10 and lines:count "^Thread%-2$" == 10)
local id1, id2 = next(ids1), next(ids2)
assert(id1 ~= id2)
assert(next(ids1, id1) == nil and next(ids2, id2) == nil) -- one id each, all the time
assert(lines:count("^" .. id1 .. "$") == 10 and lines:count("^" .. id2 .. "$") == 10)
