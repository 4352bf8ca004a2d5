-- A pool of three connections, and six workers that each need one for a while. The
-- semaphore counts the free ones: three workers get theirs at once, the others when
-- those are given back. What the semaphore lets in, the list always has.
--
-- A connection is an object with a text form; it travels as a copy, methods and all.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local say, said = example.transcript()

local Connection = {}
Connection.__index = Connection
Connection.__tostring = function(self) return ("connection %d"):format(self.number) end

local Pool = {}
Pool.__index = Pool

function Pool.new(n)
  local self = setmetatable({ free = concur.semaphore(n), connections = concur.list() }, Pool)
  for i = 0, n - 1 do self.connections:append(setmetatable({ number = i }, Connection)) end
  return self
end

function Pool:get()
  self.free:acquire()
  return assert(self.connections:pop(1))
end

function Pool:give_back(connection)
  self.connections:append(connection)
  self.free:release()
end

local pool = Pool.new(3)
local start = concur.now()
local held = concur.value(0)
local all_taken = concur.barrier(3) -- nobody is done before the others have theirs

local function work(name)
  local connection = pool:get()
  local seconds = concur.now() - start
  say("%s got %s; %d in use", name, connection, held:add(1))
  all_taken:wait()
  concur.sleep(example.pause(3))
  held:add(-1)
  pool:give_back(connection)
  return seconds
end

local threads = {}
for i = 1, 6 do threads[i] = concur.spawn(work, "worker " .. i) end
local times = {}
for i, thread in ipairs(threads) do times[i] = select(2, assert(thread:join())) end
local elapsed = concur.now() - start
table.sort(times)
print(("all done after %.2f s"):format(elapsed))

local lines = said()
assert(#lines == 6 and pool.free:value() == 3 and #pool.connections == 3)
for _, line in ipairs(lines) do
  assert(tonumber(line:match "got connection %d; (%d) in use$") <= 3)
end
for number = 0, 2 do
  local got = ("got connection %d;"):format(number)
  assert(lines:count(got) == 2 and lines:first(got) <= 3 and lines:last(got) > 3) -- once in each half
end
assert(times[4] >= times[1] + example.pause(3))
assert(elapsed >= 2 * example.pause(3))
