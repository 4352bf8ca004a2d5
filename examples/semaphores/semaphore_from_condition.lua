-- How a semaphore works inside: a condition on a plain lock, and a number. `acquire`
-- waits while the number is 0 and takes one; `release` adds one and wakes one. The
-- bounded kind refuses to go above where it began.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local Semaphore = {}
Semaphore.__index = Semaphore

function Semaphore.new(n)
  return setmetatable({ condition = concur.condition(concur.lock()), number = concur.value(n or 1) }, Semaphore)
end

function Semaphore:acquire(timeout)
  local _ <close> = self.condition:acquire()
  local free = self.condition:wait_for(function() return self.number:get() > 0 end, timeout)
  if not free then return false end
  self.number:add(-1)
  return self
end

function Semaphore:release()
  local _ <close> = self.condition:acquire()
  self.number:add(1)
  self.condition:notify()
end

function Semaphore:value() return self.number:get() end

local Bounded = setmetatable({}, { __index = Semaphore })
Bounded.__index = Bounded

function Bounded.new(n)
  local self = setmetatable(Semaphore.new(n), Bounded)
  self.initial = self.number:get()
  return self
end

function Bounded:release()
  local _ <close> = self.condition:acquire()
  if self.number:get() >= self.initial then error("released too many times", 2) end
  self.number:add(1)
  self.condition:notify()
end

-- What can be said of the hand-built ones can be said of concur's own.
local function check(name, semaphore, bounded)
  local limit = example.pause(0.05)
  print("-- " .. name)
  assert(semaphore.new():value() == 1)
  local three = semaphore.new(3)
  assert(three:value() == 3)
  for left = 2, 0, -1 do
    assert(three:acquire() == three and three:value() == left)
  end

  -- At 0 it blocks.
  local start = concur.now()
  local taken = three:acquire(limit)
  print(("at 0: %s after %.3f s"):format(taken, concur.now() - start))
  assert(taken == false and three:value() == 0 and concur.now() - start >= limit)

  -- Each release lets one of those who wait go on.
  local through = concur.queue()
  local waiters = {}
  for i = 1, 3 do
    waiters[i] = concur.spawn(function()
      assert(three:acquire() == three)
      through:put(i)
    end)
    example.until_waiting(waiters[i])
  end
  for i = 1, 3 do
    three:release()
    through:get()
    concur.sleep(limit)
    print(("released %d, and %d went on"):format(i, i + through:qsize()))
    assert(through:empty() and three:value() == 0)
  end
  for _, thread in ipairs(waiters) do assert(thread:join()) end

  -- One release too much: the plain kind grows, the bounded kind refuses.
  local grows, stays = semaphore.new(1), bounded.new(1)
  for _, one in ipairs { grows, stays } do
    one:acquire()
    one:release()
    assert(one:value() == 1)
  end
  grows:release()
  local ok, message = pcall(stays.release, stays)
  print(("one release too much: %d, and %d (%s)"):format(grows:value(), stays:value(), message))
  assert(grows:value() == 2 and not ok and stays:value() == 1)
end

check("hand-built", Semaphore, Bounded)
check("concur's own", { new = concur.semaphore }, { new = concur.bounded_semaphore })
