-- How a re-entrant lock works inside: a plain lock, the owner, and a count. A first
-- `acquire` takes the lock; further ones of the same thread only count. `release`
-- counts down, and the last one lets the lock go.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"

local RLock = {}
RLock.__index = RLock

function RLock.new()
  return setmetatable({ block = concur.lock(), owner = concur.value(), count = concur.value(0) }, RLock)
end

-- Only the thread itself can make itself the owner, so it may look without a lock.
function RLock:acquire(timeout)
  local me = concur.current().ident
  if self.owner:get() == me then
    self.count:add(1)
    return self
  end
  if not self.block:acquire(timeout) then return false end
  self.owner:set(me)
  self.count:set(1)
  return self
end

function RLock:release()
  if self.owner:get() ~= concur.current().ident then error("release by a thread that is not the owner", 2) end
  if self.count:add(-1) == 0 then
    self.owner:set(nil)
    self.block:release()
  end
end

local rlock = RLock.new()
local me = concur.current().ident

local function show(what) print(("%-34s owner %-5s count %d"):format(what, rlock.owner:get(), rlock.count:get())) end

local function holds(owner, count) return rlock.owner:get() == owner and rlock.count:get() == count end

show "new"
assert(holds(nil, 0))
rlock:acquire()
show "acquire"
assert(holds(me, 1))
rlock:acquire()
show "acquire again"
assert(holds(me, 2))

-- Another thread can neither take it nor release it, and changes nothing.
local function try() return rlock:acquire(0) ~= false, pcall(rlock.release, rlock) end
local _, taken, released, message = assert(concur.spawn(try):join())
show "another thread tried both"
assert(taken == false and released == false and message:find "not the owner")
assert(holds(me, 2))

-- After as many releases as acquires the thread that waits for it gets in.
local waiter = concur.spawn(function()
  local mine = rlock:acquire() and rlock.owner:get() == concur.current().ident
  rlock:release()
  return mine
end)
example.until_waiting(waiter)
rlock:release()
show "release"
assert(holds(me, 1) and waiter:is_alive())
rlock:release()
local _, mine = assert(waiter:join())
show "release again, and another's turn"
assert(mine and holds(nil, 0) and not rlock.block:locked())
