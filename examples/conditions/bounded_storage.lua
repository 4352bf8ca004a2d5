-- A storage that holds ten elements, and a hundred that go through it. Who finds it
-- full, or empty, enters the wait and looks again when woken. Each wait is followed by
-- its wake-up, and the numbers come out in the order in which they went in.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()
local count = example.count(100)

-- The elements are in a shared list, and all copies of a storage have the same one. It is
-- used while the condition is held.
local Storage = {}
Storage.__index = Storage

function Storage.new(size) return setmetatable({ size = size, elements = concur.list() }, Storage) end

function Storage:is_full() return #self.elements == self.size end

function Storage:is_empty() return #self.elements == 0 end

function Storage:append(element) self.elements:append(element) end

function Storage:pop() return self.elements:pop(1) end

local storage = Storage.new(10)
local condition = concur.condition()

local function wait(who)
  say("%s enters the wait", who)
  condition:wait()
  say("%s was woken", who)
end

local function produce()
  for number = 0, count - 1 do
    local _ <close> = condition:acquire()
    while storage:is_full() do wait "producer" end
    say("produce: %d", number)
    storage:append(number)
    condition:notify()
  end
end

local function consume()
  for _ = 1, count do
    local _ <close> = condition:acquire()
    while storage:is_empty() do wait "consumer" end
    say("consume: %d", storage:pop())
    condition:notify()
  end
end

local consumer = concur.spawn(consume)
local producer = concur.spawn(produce)
assert(consumer:join())
assert(producer:join())

local lines = said()
local produced, consumed = 0, 0
for _, line in ipairs(lines) do
  local what, number = line:match "^(%a+): (%d+)$"
  if what == "produce" then
    assert(tonumber(number) == produced)
    produced = produced + 1
  elseif what == "consume" then
    assert(tonumber(number) == consumed)
    consumed = consumed + 1
  end
  assert(consumed <= produced and produced - consumed <= 10)
end
assert(produced == count and consumed == count and storage:is_empty())
for _, who in ipairs { "producer", "consumer" } do
  assert(lines:count(who .. " enters") == lines:count(who .. " was woken"))
end
