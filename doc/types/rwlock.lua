---@meta
-- Read-write locks: concur.rwlock; see doc/rwlock.md.

---@class concur
local concur = {}

--- Makes a free rwlock.
---
--- ```lua
--- local rwlock = concur.rwlock()
--- local hold <close> = rwlock:read()
--- print(concur.type(hold)) --> hold
--- ```
---@return concur.rwlock rwlock
function concur.rwlock() end

--- Many readers or one writer; threads enter in order of arrival.
---@class concur.rwlock : concur.handle
local rwlock = {}

--- Enters as a reader. A thread that reads already gets a further hold at once.
--- Raises: when the thread is writing; for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- local rwlock = concur.rwlock()
--- local one <close> = rwlock:read()
--- local two <close> = rwlock:read()
--- ```
---@param timeout? concur.timeout seconds
---@return concur.hold|false hold `false` at the timeout
---@return "abandoned"? state when a thread or process ended while it had a hold
function rwlock:read(timeout) end

--- Enters as the writer.
--- Raises: when the thread has a hold already; for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- local hold <close> = concur.rwlock():write(1)
--- ```
---@param timeout? concur.timeout seconds
---@return concur.hold|false hold `false` at the timeout
---@return "abandoned"? state when a thread or process ended while it had a hold
function rwlock:write(timeout) end

--- What a thread has that reads or writes an rwlock; it cannot cross to another. `__close` releases it.
---@class concur.hold
local hold = {}

--- Gives the hold up.
--- Raises: `release of a hold that was released`.
---
--- ```lua
--- local hold = concur.rwlock():write()
--- hold:release()
--- ```
function hold:release() end
