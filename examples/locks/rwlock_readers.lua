-- A table that many read and few change. Readers hold the lock together; a writer holds
-- it alone, and is not kept waiting for ever by readers that keep coming.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local rounds = example.count(20)
local rwlock = concur.rwlock()
local first, second = concur.value(0), concur.value(0) -- always equal, outside a change
local readers = concur.value(0)
local all_reading = concur.barrier(4)

local function read()
  do -- all at once: each waits for the others, and for main, while it holds the lock
    local _ <close> = rwlock:read()
    all_reading:wait()
  end
  local most = 0
  for _ = 1, rounds do
    local _ <close> = rwlock:read()
    most = math.max(most, readers:add(1))
    assert(first:get() == second:get())
    concur.sleep(0.001)
    readers:add(-1)
  end
  return most
end

local function write()
  for _ = 1, rounds do
    local _ <close> = rwlock:write()
    assert(readers:get() == 0)
    first:add(1)
    concur.yield()
    second:add(1)
  end
end

local threads = {}
for i = 1, 3 do threads[i] = concur.spawn(read) end
all_reading:wait() -- a writer in line would keep out those who come later
local writer = concur.spawn(write)
for i, thread in ipairs(threads) do
  local _, most = assert(thread:join())
  print(("reader %d saw %d readers at once"):format(i, most))
  assert(most <= 3)
end
assert(writer:join())
print("changes", first:get())
assert(first:get() == rounds and second:get() == rounds)

-- While one reads no other can write; a try says so at once.
local hold = rwlock:read()
local _, denied = assert(concur.spawn(function() return rwlock:write(0) end):join())
hold:release()
print("writing while another reads", denied)
assert(denied == false)
