---@meta
-- Pipes: concur.pipe; see doc/pipe.md.

---@class concur
local concur = {}

--- Makes two connected ends. With `duplex = false` the first one receives and the second one sends.
--- Raises: for other types; when `maxsize` is negative.
---
--- ```lua
--- local here, there = concur.pipe()
--- concur.spawn(function() there:send("hello " .. there:recv()) end)
--- here:send "you"
--- print(here:recv()) --> hello you
--- ```
---@param duplex? boolean default `true`
---@param maxsize? integer most messages on their way in each direction; 0, the default: any number
---@return concur.connection first
---@return concur.connection second
function concur.pipe(duplex, maxsize) end

--- An end of a pipe. It counts as closed once nobody can use it any more. `__close` closes it.
---@class concur.connection : concur.waitable
local connection = {}

--- Sends a copy of any transferable value.
--- Raises: `the connection is closed` (this end), `the connection only receives`; `cannot transfer a … (at …)`; when
--- cancelled; when part of a deadlock.
---
--- ```lua
--- local a, b = concur.pipe()
--- b:close()
--- print(a:send(1)) --> false  closed
--- ```
---@param value any
---@param timeout? concur.timeout seconds
---@return boolean sent
---@return "full"|"closed"|nil why
function connection:send(value, timeout) end

--- Takes the next message.
--- Raises: `the connection is closed` (this end), `the connection only sends`; when cancelled; when part of a deadlock.
---
--- ```lua
--- local a, b = concur.pipe()
--- print(b:recv(0.01)) --> nil  empty
--- ```
---@param timeout? concur.timeout seconds
---@return any message
---@return "empty"|"closed"|nil why
function connection:recv(timeout) end

--- Whether `recv` would return at once.
--- Raises: as `recv`.
---
--- ```lua
--- local a, b = concur.pipe()
--- a:send(1)
--- print(a:poll(), b:poll()) --> false  true
--- ```
---@param timeout? concur.timeout seconds, here 0 by default
---@return boolean ready
function connection:poll(timeout) end

--- Closes this end for all threads of this process. May be repeated.
---
--- ```lua
--- local a, b = concur.pipe()
--- a:close()
--- print(b:recv()) --> nil  closed
--- ```
function connection:close() end
