---@meta
-- Conditions: concur.condition; see doc/condition.md.

---@class concur
local concur = {}

--- Makes a condition over a lock, by default a new rlock.
--- Raises: when `lock` is neither a lock nor an rlock.
---
--- ```lua
--- local lock = concur.lock()
--- local full, empty = concur.condition(lock), concur.condition(lock)
--- print(concur.type(full)) --> condition
--- ```
---@param lock? concur.lock|concur.rlock
---@return concur.condition condition
function concur.condition(lock) end

--- Waiting until something holds that a lock protects. `__close` releases the lock.
---@class concur.condition : concur.handle
local condition = {}

--- Acquires the lock.
--- Raises: as the lock's.
---
--- ```lua
--- local condition = concur.condition()
--- local held <close> = condition:acquire()
--- print(held == condition) --> true
--- ```
---@param timeout? concur.timeout seconds
---@return concur.condition|false condition itself; `false` at the timeout
---@return "abandoned"? state when the holder ended while it held the lock
function condition:acquire(timeout) end

--- Releases the lock.
--- Raises: when it is not held.
---
--- ```lua
--- local condition = concur.condition()
--- condition:acquire()
--- condition:release()
--- ```
function condition:release() end

--- Whether the lock is held.
---
--- ```lua
--- print(concur.condition():locked()) --> false
--- ```
---@return boolean locked
function condition:locked() end

--- The name of the lock's holder.
---
--- ```lua
--- print(concur.condition():owner()) --> nil
--- ```
---@return string? name
function condition:owner() end

--- Acquires, calls `fn(...)` and releases, also on error.
--- Raises: what `fn` raises, and as `acquire`.
---
--- ```lua
--- local condition = concur.condition()
--- print(condition:with(function() return condition:notify() end)) --> 0
--- ```
---@param fn function
---@param ... any
---@return any ... what it returns
function condition:with(fn, ...) end

--- Gives the lock up, waits for a notification, and acquires the lock again, however it ends.
--- Raises: when the calling thread does not hold the lock; for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- local condition = concur.condition()
--- local held <close> = condition:acquire()
--- print(condition:wait(0.01)) --> false
--- ```
---@param timeout? concur.timeout seconds
---@return boolean notified `false` at the timeout
function condition:wait(timeout) end

--- Waits until `predicate()` is true, which is called with the lock held.
--- Raises: as `wait`; what the predicate raises.
---
--- ```lua
--- local condition, ready = concur.condition(), concur.value(false)
--- concur.spawn(function()
---   local held <close> = condition:acquire()
---   ready:set(true)
---   condition:notify()
--- end)
--- local held <close> = condition:acquire()
--- print(condition:wait_for(function() return ready:get() end, 10)) --> true
--- ```
---@param predicate fun(): any
---@param timeout? concur.timeout seconds, for the whole call
---@return any last what the predicate returned last
function condition:wait_for(predicate, timeout) end

--- Wakes up to `n` threads that wait, the longest waiting first.
--- Raises: when the calling thread does not hold the lock; when `n` is negative or no integer.
---
--- ```lua
--- local condition = concur.condition()
--- local held <close> = condition:acquire()
--- print(condition:notify(2)) --> 0
--- ```
---@param n? integer default 1
---@return integer woken
function condition:notify(n) end

--- Wakes all threads that wait.
--- Raises: when the calling thread does not hold the lock.
---
--- ```lua
--- local condition = concur.condition()
--- local held <close> = condition:acquire()
--- print(condition:notify_all()) --> 0
--- ```
---@return integer woken
function condition:notify_all() end
