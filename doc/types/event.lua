---@meta
-- Events, latches, barriers and onces; see doc/event.md, doc/latch.md, doc/barrier.md, doc/once.md.

---@class concur
local concur = {}

--- Makes an event that is not set.
---
--- ```lua
--- local ready = concur.event()
--- local thread = concur.spawn(function() return ready:wait(10) end)
--- ready:set()
--- print(thread:join()) --> true  true
--- ```
---@return concur.event event
function concur.event() end

--- A flag to wait for.
---@class concur.event : concur.waitable
local event = {}

--- Sets the flag and wakes all who wait, even if `clear` follows at once.
---
--- ```lua
--- concur.event():set()
--- ```
function event:set() end

--- Clears the flag.
---
--- ```lua
--- concur.event():clear()
--- ```
function event:clear() end

--- Whether the flag is set.
---
--- ```lua
--- print(concur.event():is_set()) --> false
--- ```
---@return boolean set
function event:is_set() end

--- Waits until the flag is set.
--- Raises: for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- print(concur.event():wait(0.01)) --> false
--- ```
---@param timeout? concur.timeout seconds
---@return boolean set `false` at the timeout
function event:wait(timeout) end

--- Makes a latch that stands at `n`.
--- Raises: when `n` is negative or no integer.
---
--- ```lua
--- local latch = concur.latch(2)
--- for _ = 1, 2 do concur.spawn(function() latch:count_down() end) end
--- print(latch:wait(10)) --> true
--- ```
---@param n integer
---@return concur.latch latch
function concur.latch(n) end

--- A number that is counted down to zero, once.
---@class concur.latch : concur.waitable
local latch = {}

--- Takes `k` off the number, which stops at 0.
--- Raises: when `k` is negative or no integer.
---
--- ```lua
--- local latch = concur.latch(3)
--- latch:count_down(2)
--- print(latch:count()) --> 1
--- ```
---@param k? integer default 1
function latch:count_down(k) end

--- The number now.
---
--- ```lua
--- print(concur.latch(3):count()) --> 3
--- ```
---@return integer count
function latch:count() end

--- Waits until the number is 0.
--- Raises: for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- print(concur.latch(0):wait(), concur.latch(1):wait(0.01)) --> true  false
--- ```
---@param timeout? concur.timeout seconds
---@return boolean zero `false` at the timeout
function latch:wait(timeout) end

--- Makes a barrier for `n` threads. `action()` runs in the thread that arrives last, before any is let go.
--- Raises: when `n` is not from 1 to 1,000,000; for a bad timeout; when `action` is no function.
---
--- ```lua
--- local barrier = concur.barrier(2, function() print "all here" end)
--- local thread = concur.spawn(function() return barrier:wait(10) end)
--- barrier:wait(10) --> all here
--- ```
---@param n integer
---@param action? fun()
---@param timeout? concur.timeout seconds; what `wait` uses without one
---@return concur.barrier barrier
function concur.barrier(n, action, timeout) end

--- A point where `n` threads wait for each other, again and again.
---@class concur.barrier : concur.handle
local barrier = {}

--- Waits until `n` threads have called it. A wait that times out, is cancelled or is killed breaks the barrier for all.
--- Raises: for a bad timeout; when cancelled; when part of a deadlock; what the action raises, in the thread that
--- ran it.
---
--- ```lua
--- print(concur.barrier(1):wait())     --> 1
--- print(concur.barrier(2):wait(0.01)) --> nil  broken
--- ```
---@param timeout? concur.timeout seconds
---@return integer? index the order of arrival, 1 to `n`
---@return "broken"? why
function barrier:wait(timeout) end

--- How many threads it is for.
---
--- ```lua
--- print(concur.barrier(3):parties()) --> 3
--- ```
---@return integer n
function barrier:parties() end

--- How many have come in this round.
---
--- ```lua
--- print(concur.barrier(3):n_waiting()) --> 0
--- ```
---@return integer n
function barrier:n_waiting() end

--- Whether it is broken.
---
--- ```lua
--- print(concur.barrier(3):broken()) --> false
--- ```
---@return boolean broken
function barrier:broken() end

--- Breaks it: all who wait get `nil, "broken"`, and so do all who come.
---
--- ```lua
--- local barrier = concur.barrier(2)
--- barrier:abort()
--- print(barrier:wait()) --> nil  broken
--- ```
function barrier:abort() end

--- Makes it as new; those who wait get `nil, "broken"`.
---
--- ```lua
--- local barrier = concur.barrier(2)
--- barrier:abort()
--- barrier:reset()
--- print(barrier:broken()) --> false
--- ```
function barrier:reset() end

--- Makes a once.
---
--- ```lua
--- local once = concur.once()
--- print(once:run(function() return "first" end)) --> first
--- print(once:run(function() return "again" end)) --> first
--- ```
---@return concur.once once
function concur.once() end

--- Something to be done exactly once in the family.
---@class concur.once : concur.handle
local once = {}

--- The first caller runs `fn(...)`; all get its results. If it raises, the next caller runs its own.
--- Raises: what `fn` raises; when called by the function that it runs; when cancelled; when part of a deadlock.
---
--- ```lua
--- print(concur.once():run(math.max, 1, 2)) --> 2
--- ```
---@param fn function
---@param ... any
---@return any ... the results of the one that ran
function once:run(fn, ...) end

--- Whether it was done.
---
--- ```lua
--- print(concur.once():done()) --> false
--- ```
---@return boolean done
function once:done() end
