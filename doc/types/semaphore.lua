---@meta
-- Semaphores: concur.semaphore, concur.bounded_semaphore; see doc/semaphore.md.

---@class concur
local concur = {}

--- What the constructors take as a table.
---@class concur.semaphore_options
---@field n? integer units, default 1
---@field owned? boolean `false`: units of a killed process do not come back

--- Makes a semaphore with `n` units.
--- Raises: when `n` is negative or no integer; for another option.
---
--- ```lua
--- local semaphore = concur.semaphore(3)
--- local unit <close> = semaphore:acquire()
--- print(semaphore:value()) --> 2
--- ```
---@overload fun(options: concur.semaphore_options): concur.semaphore
---@param n? integer default 1
---@return concur.semaphore semaphore
function concur.semaphore(n) end

--- Makes one that never has more than `n` units: releasing more raises.
--- Raises: when `n` is negative or no integer; for another option.
---
--- ```lua
--- print(pcall(concur.bounded_semaphore(1).release, concur.bounded_semaphore(1)))
--- --> false  …semaphore released too many times
--- ```
---@overload fun(options: concur.semaphore_options): concur.bounded_semaphore
---@param n? integer default 1
---@return concur.bounded_semaphore semaphore
function concur.bounded_semaphore(n) end

--- A number of units. Threads that wait are served in order of arrival. `__close` releases a unit.
---@class concur.semaphore : concur.waitable
local semaphore = {}

--- Takes a unit.
--- Raises: for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- print(concur.semaphore(0):acquire(0.01)) --> false
--- ```
---@param timeout? concur.timeout seconds
---@return concur.semaphore|false semaphore itself; `false` at the timeout
function semaphore:acquire(timeout) end

--- Adds `n` units.
--- Raises: when `n` is not a positive integer; for a bounded one `semaphore released too many times`.
---
--- ```lua
--- local semaphore = concur.semaphore(0)
--- semaphore:release(2)
--- print(semaphore:value()) --> 2
--- ```
---@param n? integer default 1
function semaphore:release(n) end

--- The units left.
---
--- ```lua
--- print(concur.semaphore(5):value()) --> 5
--- ```
---@return integer units
function semaphore:value() end

--- Acquires, calls `fn(...)` and releases, also on error.
--- Raises: what `fn` raises, and as `acquire`.
---
--- ```lua
--- print(concur.semaphore():with(function() return "inside" end)) --> inside
--- ```
---@param fn function
---@param ... any
---@return any ... what it returns
function semaphore:with(fn, ...) end

--- A semaphore that never has more than its first number of units.
---@class concur.bounded_semaphore : concur.semaphore
