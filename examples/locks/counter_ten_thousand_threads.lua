-- A counter that locks itself in each of its methods, and ten thousand threads that
-- count up and down with it: ten million steps in all. Main looks at the number of
-- living threads now and then; when it is alone again, the counter is at 0. (The first
-- threads have ended long before the last are started.)
--
-- The counter is copied to each thread's state; its lock and value are the same ones.
-- In quick runs there are fewer threads: CONCUR_EX_SCALE=1 makes them all.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local Counter = {}
Counter.__index = Counter

function Counter.new() return setmetatable({ lock = concur.lock(), number = concur.value(0) }, Counter) end

function Counter:change(n)
  local _ <close> = self.lock:acquire()
  self.number:set(self.number:get() + n)
end

function Counter:up() self:change(1) end

function Counter:down() self:change(-1) end

function Counter:get()
  local _ <close> = self.lock:acquire()
  return self.number:get()
end

local rounds = example.count(500)

local function run(counter)
  for _ = 1, rounds do counter:up() end
  for _ = 1, rounds do counter:down() end
end

local count = example.part(10000)
local counter = Counter.new()
local threads = {}
for i = 1, count do threads[i] = concur.spawn(run, counter) end
print(("%d threads were started, %d are alive"):format(count, concur.active_count() - 1))

local looks = 0
repeat
  concur.sleep(example.pause(0.1))
  looks = looks + 1
  local alive = concur.active_count()
until alive == 1
print(("main is alone after %d looks; the counter is at"):format(looks), counter:get())

assert(counter:get() == 0)
for _, thread in ipairs(threads) do assert(thread:join()) end
