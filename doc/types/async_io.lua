---@meta
-- What concur.async reads and writes: streams, listeners, programs; see doc/async.md.

--- Bytes to and from a socket or a pipe. One task may read at a time, another may write. `__close` closes it.
---@class concur.stream
local stream = {}

--- Reads as files do.
--- Raises: for another format; when it is closed, or another task reads; when cancelled.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = async.popen {"echo", "hello"}
---   print(program.stdout:read "a") --> hello
---   --> 
--- end)
--- ```
---@param what? "l"|"L"|"a"|integer a line (the default), one with its end, all, so many bytes
---@return string? bytes nil at the end
---@return string? why when the connection failed
function stream:read(what) end

--- Reads what there is; waits for the first byte.
--- Raises: as `read`.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = async.popen {"echo", "hello"}
---   print(program.stdout:read_some(2)) --> he
--- end)
--- ```
---@param n? integer most bytes, default 65,536
---@return string? bytes nil at the end
---@return string? why when the connection failed
function stream:read_some(n) end

--- Iterates over what `read(what)` gives.
--- Raises: as `read`.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = async.popen {"seq", "2"}
---   for line in program.stdout:lines() do io.write(line, " ") end --> 1 2
--- end)
--- ```
---@param what? "l"|"L"|"a"|integer
---@return fun(): string? iterator
function stream:lines(what) end

--- Writes strings and numbers; waits until the system has taken them.
--- Raises: for other types; when it is closed; when cancelled.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = async.popen {"cat"}
---   program.stdin:write("hello", "\n")
---   print(program.stdout:read()) --> hello
--- end)
--- ```
---@param ... string|number
---@return concur.stream? stream itself
---@return string? why
function stream:write(...) end

--- Says that nothing more will be written.
--- Raises: when it is closed; when cancelled.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = async.popen {"cat"}
---   program.stdin:shutdown()
---   print(program.stdout:read()) --> nil
--- end)
--- ```
---@return concur.stream? stream itself
---@return string? why
function stream:shutdown() end

--- Closes it; whoever reads gets nil. May be repeated.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = async.popen {"true"}
---   program.stdin:close()
--- end)
--- ```
function stream:close() end

--- The address of the other side.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local listener <close> = async.listen "127.0.0.1:0"
---   local stream <close> = async.connect(listener:address())
---   print(stream:peer() == listener:address()) --> true
--- end)
--- ```
---@return string? address
function stream:peer() end

--- The address of this side.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local listener <close> = async.listen "127.0.0.1:0"
---   local stream <close> = async.connect(listener:address())
---   print(stream:address() == listener:accept():peer()) --> true
--- end)
--- ```
---@return string? address
function stream:address() end

--- What listens. `__close` closes it.
---@class concur.listener
local listener = {}

--- Waits for the next connection, where there is no handler.
--- Raises: with a handler; outside a task; when cancelled.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local listener <close> = async.listen "127.0.0.1:0"
---   async.spawn(function() async.connect(listener:address()):write "hello\n" end)
---   print(listener:accept():read()) --> hello
--- end)
--- ```
---@return concur.stream? stream nil once it is closed
function listener:accept() end

--- Where it listens, as `async.connect` takes it.
---
--- ```lua
--- local async = concur.async
--- print(async.run(function() return async.listen("127.0.0.1:0"):address():match "^(.-):" end)) --> 127.0.0.1
--- ```
---@return string? address nil once it is closed
function listener:address() end

--- Takes no more connections. May be repeated.
---
--- ```lua
--- local async = concur.async
--- async.run(function() async.listen("127.0.0.1:0"):close() end)
--- ```
function listener:close() end

--- A program that `async.popen` has started. `__close` closes it.
---@class concur.async_program
---@field pid integer
---@field stdin concur.stream
---@field stdout concur.stream
---@field stderr concur.stream
local async_program = {}

--- Waits for its end.
--- Raises: outside a task; when cancelled.
---
--- ```lua
--- local async = concur.async
--- print(async.run(function() return async.popen({"sh", "-c", "exit 3"}):wait().code end)) --> 3
--- ```
---@return { code: integer?, signal: integer? } result
function async_program:wait() end

--- Sends it a signal.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = async.popen {"sleep", "100"}
---   print(program:kill(15), program:wait().signal) --> true  15
--- end)
--- ```
---@param signal? integer default 9, SIGKILL
---@return boolean sent whether it was there
function async_program:kill(signal) end

--- Kills it if it runs, and closes its streams.
---
--- ```lua
--- local async = concur.async
--- async.run(function() async.popen({"sleep", "100"}):close() end)
--- ```
function async_program:close() end
