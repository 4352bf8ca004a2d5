-- How a queue works inside: one lock, and three conditions on it, one for each thing
-- that somebody may wait for. Who gets waits until it is not empty, who puts until it is
-- not full, who joins until all tasks are done. Each wakes those whom it concerns.
--
-- The items are in a list and the number of unfinished tasks is a value, both used while the
-- lock is held.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local Queue = {}
Queue.__index = Queue

function Queue.new(maxsize)
  local mutex = concur.lock()
  return setmetatable({
    maxsize = maxsize or 0,
    mutex = mutex,
    not_empty = concur.condition(mutex),
    not_full = concur.condition(mutex),
    all_done = concur.condition(mutex),
    items = concur.list(),
    unfinished = concur.value(0),
  }, Queue)
end

function Queue:qsize() return #self.items end

function Queue:put(item)
  local _ <close> = self.not_full:acquire()
  while self.maxsize > 0 and self:qsize() == self.maxsize do self.not_full:wait() end
  self.items:append(item)
  self.unfinished:add(1)
  self.not_empty:notify()
end

function Queue:get()
  local _ <close> = self.not_empty:acquire()
  while self:qsize() == 0 do self.not_empty:wait() end
  local item = self.items:pop(1)
  self.not_full:notify()
  return item
end

function Queue:task_done()
  local _ <close> = self.all_done:acquire()
  local left = self.unfinished:get() - 1
  if left < 0 then error("task_done() called too many times", 2) end
  self.unfinished:set(left)
  if left == 0 then self.all_done:notify_all() end
end

function Queue:join()
  local _ <close> = self.all_done:acquire()
  while self.unfinished:get() > 0 do self.all_done:wait() end
end

-- A thread that calls a method, and is blocked in it.
local function blocked(queue, method, ...)
  local thread = concur.spawn(function(...) return queue[method](queue, ...) end, ...)
  example.until_waiting(thread)
  return thread
end

-- What can be said of the hand-built one can be said of concur's own.
local function check(name, new)
  print("-- " .. name)

  -- Empty: getters block, and each put lets one of them go on, the longest waiting one.
  local queue = new(2)
  local getters = {}
  for i = 1, 2 do getters[i] = blocked(queue, "get") end
  for i, item in ipairs { "first", "second" } do
    queue:put(item)
    local _, got = assert(getters[i]:join())
    print("a getter that waited got the " .. got)
    assert(got == item)
    if i == 1 then assert(getters[2]:is_alive()) end
  end

  -- Full: a putter blocks until a get makes room. The order stays.
  queue:put(1)
  queue:put(2)
  local putter = blocked(queue, "put", 3)
  assert(queue:qsize() == 2 and putter:is_alive())
  assert(queue:get() == 1)
  assert(putter:join())
  print("a putter that waited has put its item", queue:qsize() .. " items")
  assert(queue:qsize() == 2 and queue:get() == 2 and queue:get() == 3)

  -- Five items were put. Empty does not mean done: join waits for the fifth mark.
  local joiner = blocked(queue, "join")
  for _ = 1, 4 do queue:task_done() end
  assert(queue:qsize() == 0 and joiner:is_alive())
  queue:task_done()
  assert(joiner:join())
  queue:join() -- all is done: it does not wait
  local ok, message = pcall(function() queue:task_done() end)
  print("one mark too many", message)
  assert(not ok and message:find "called too many times")
end

check("hand-built", Queue.new)
check("concur's own", concur.queue)

-- The three conditions have one lock: who holds one of them keeps the others out.
local queue = Queue.new()
queue.not_full:acquire()
assert(queue.mutex:locked() and not queue.not_empty:acquire(0) and not queue.all_done:acquire(0))
queue.mutex:release()
