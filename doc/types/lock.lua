---@meta
-- Locks: concur.lock, concur.rlock; see doc/lock.md and doc/rlock.md.

---@class concur
local concur = {}

--- Makes an unlocked lock.
---
--- ```lua
--- local lock = concur.lock()
--- do
---   local held <close> = lock:acquire()
---   print(lock:locked()) --> true
--- end
--- print(lock:locked()) --> false
--- ```
---@return concur.lock lock
function concur.lock() end

--- Makes an unlocked rlock.
---
--- ```lua
--- local rlock = concur.rlock()
--- rlock:acquire():acquire()
--- print(rlock:count()) --> 2
--- ```
---@return concur.rlock rlock
function concur.rlock() end

--- Mutual exclusion. It belongs to no thread: any may release it. `__close` releases.
---@class concur.lock : concur.waitable
local lock = {}

--- Acquires the lock.
--- Raises: for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- local lock = concur.lock()
--- local held <close> = lock:acquire()
--- print(lock:acquire(0)) --> false
--- ```
---@param timeout? concur.timeout seconds
---@return concur.lock|false lock itself, to be closed; `false` at the timeout
---@return "abandoned"? state when a process ended while it held the lock
function lock:acquire(timeout) end

--- Releases the lock.
--- Raises: `release of an unlocked lock`.
---
--- ```lua
--- local lock = concur.lock()
--- lock:acquire()
--- lock:release()
--- ```
function lock:release() end

--- Whether it is held now.
---
--- ```lua
--- print(concur.lock():locked()) --> false
--- ```
---@return boolean locked
function lock:locked() end

--- The name of the holder: `"Thread-1"`, of another process `"Process-1/MainThread"`.
---
--- ```lua
--- print(concur.lock():acquire():owner()) --> MainThread
--- ```
---@return string? name nil when it is free
function lock:owner() end

--- Acquires, calls `fn(...)` and releases, also on error.
--- Raises: what `fn` raises, and as `acquire`.
---
--- ```lua
--- print(concur.lock():with(function(a, b) return a + b end, 1, 2)) --> 3
--- ```
---@param fn function
---@param ... any
---@return any ... what it returns
function lock:with(fn, ...) end

--- A lock that its owner, a thread, may acquire again, and only it may release.
---@class concur.rlock : concur.lock
local rlock = {}

--- How often the owner has acquired it; 0 when it is free.
---
--- ```lua
--- print(concur.rlock():count()) --> 0
--- ```
---@return integer count
function rlock:count() end
