-- A box that is filled by one thread and emptied by another. `add` and `remove` take
-- the lock, and call a helper that takes it again: with an rlock, its owner may.
--
-- The lock belongs to the class, so all boxes share it. A box is copied to the threads
-- that use it; the count is a value, which stays the same one.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local Box = { lock = concur.rlock() }
Box.__index = Box

function Box.new() return setmetatable({ items = concur.value(0) }, Box) end

function Box:change(n)
  local held <close> = self.lock:acquire()
  self.items:set(self.items:get() + n)
  return held:count()
end

function Box:add()
  local _ <close> = self.lock:acquire()
  return self:change(1)
end

function Box:remove()
  local _ <close> = self.lock:acquire()
  return self:change(-1)
end

local function repeatedly(method, box, items)
  while items > 0 do
    say("%s one item, %d to go", method, items - 1)
    assert(box[method](box) == 2) -- so often the helper held the lock
    concur.sleep(example.pause(1))
    items = items - 1
  end
end

local rounds = example.count(5)
local box = Box.new()
local start = concur.now()
local adder = concur.spawn(repeatedly, "add", box, rounds)
local remover = concur.spawn(repeatedly, "remove", box, rounds)
assert(adder:join())
assert(remover:join())
local elapsed = concur.now() - start
say("%d items remain in the box", box.items:get())

local lines = said()
assert(lines:count "^add one item" == rounds and lines:count "^remove one item" == rounds)
assert(lines[#lines] == "0 items remain in the box")
assert(not Box.lock:locked())
assert(elapsed >= rounds * example.pause(1))
