---@meta concur.async
-- Tasks in one thread: concur.async, which needs luv; see doc/async.md.

---@class concur
---@field async concur.async
local concur = {}

--- An event loop of coroutines inside one thread. In a task every blocking call of concur suspends the task, not the
--- thread.
---@class concur.async
local async = {}

--- Runs `fn(...)` as the first task of a loop until it has ended; what is left then is cancelled.
--- Raises: what `fn` raises; `concur.CANCELLED` when it was cancelled; in a thread whose loop runs.
---
--- ```lua
--- print(concur.async.run(function(a) return a + 1 end, 1)) --> 2
--- ```
---@param fn function
---@param ... any
---@return any ... what it returns
function async.run(fn, ...) end

--- Makes a task, which runs when the caller next waits.
--- Raises: outside a loop.
---
--- ```lua
--- local async = concur.async
--- async.run(function() print(async.spawn(math.max, 1, 2):await()) end) --> 2
--- ```
---@param fn function
---@param ... any
---@return concur.task task
function async.spawn(fn, ...) end

--- The running task.
---
--- ```lua
--- print(concur.async.current()) --> nil
--- ```
---@return concur.task? task
function async.current() end

--- Whether the caller is in a task and could suspend it.
---
--- ```lua
--- print(concur.async.in_task(), concur.async.run(concur.async.in_task)) --> false  true
--- ```
---@return boolean in_task
function async.in_task() end

--- Suspends the task.
--- Raises: for a negative time; outside a task; when cancelled.
---
--- ```lua
--- concur.async.run(concur.async.sleep, 0.01)
--- ```
---@param seconds number
function async.sleep(seconds) end

--- Lets the other tasks run that are ready.
--- Raises: outside a task; when cancelled.
---
--- ```lua
--- concur.async.run(concur.async.yield)
--- ```
function async.yield() end

--- Waits for several tasks; functions are spawned first. When one fails, the others are cancelled.
--- Raises: the error of the one that failed; when cancelled.
---
--- ```lua
--- local async = concur.async
--- print(async.run(function()
---   return async.gather(function() return "a" end, function() return "b" end)
--- end)) --> a  b
--- ```
---@param ... concur.task|function|(concur.task|function)[] tasks and functions, or one list of them
---@return any ... the first result of each; for a list a list with `n`
function async.gather(...) end

--- Runs `fn(...)` in the calling task, and cancels it after that time.
--- Raises: what `fn` raises; for a negative time; outside a task.
---
--- ```lua
--- local async = concur.async
--- print(async.run(async.timeout, 0.01, async.sleep, 10)) --> nil  timeout
--- ```
---@param seconds number
---@param fn function
---@param ... any
---@return any ... results; or `nil, "timeout"`
function async.timeout(seconds, fn, ...) end

--- Runs `fn(...)` in a thread of a pool; what crosses is copied.
--- Raises: what `fn` raises; outside a task; when cancelled.
---
--- ```lua
--- local async = concur.async
--- print(async.run(async.to_thread, string.rep, "ab", 2)) --> abab
--- ```
---@param fn function
---@param ... any
---@return any ... its results
function async.to_thread(fn, ...) end

--- Connects to `"host:port"`, `"[host]:port"` or `"unix:/path"`; or to a host and a port.
--- Raises: for a malformed address; outside a task; when cancelled.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local listener <close> = async.listen("127.0.0.1:0", function(stream) stream:write "hello\n" end)
---   local stream <close> = assert(async.connect(listener:address()))
---   print(stream:read()) --> hello
--- end)
--- ```
---@param address string
---@param port? integer
---@return concur.stream? stream
---@return string? why
function async.connect(address, port) end

--- Listens; `handler(stream)` runs in a task of its own for each connection.
--- Raises: for a malformed address; outside a loop.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local listener <close> = assert(async.listen "127.0.0.1:0")
---   print(listener:address():match "^(.-):") --> 127.0.0.1
--- end)
--- ```
---@param address string as for `connect`; port 0: any free one
---@param handler? fun(stream: concur.stream)
---@return concur.listener? listener
---@return string? why
function async.listen(address, handler) end

--- The addresses of a name.
--- Raises: outside a task; when cancelled.
---
--- ```lua
--- print(concur.async.run(concur.async.resolve, "127.0.0.1")[1].ip) --> 127.0.0.1
--- ```
---@param host string
---@return { ip: string, family: "inet"|"inet6" }[]? addresses
---@return string? why
function async.resolve(host) end

--- Starts a program, with streams to its three pipes.
--- Raises: for bad options; outside a loop.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local program <close> = assert(async.popen {"echo", "hello"})
---   print(program.stdout:read()) --> hello
--- end)
--- ```
---@param options concur.async_popen_options
---@return concur.async_program? program
---@return string? why
function async.popen(options) end

--- What `async.popen` takes: the program and its arguments by position, and these.
---@class concur.async_popen_options
---@field [integer] string
---@field cwd? string its working directory
---@field env? table<string, string|number> its whole environment

--- A coroutine that the loop runs.
---@class concur.task
local task = {}

--- Waits for its results.
--- Raises: its error, `concur.CANCELLED` if it was cancelled; in the task itself; for a negative time.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local task = async.spawn(async.sleep, 10)
---   print(task:await(0.01)) --> nil  timeout
--- end)
--- ```
---@param timeout? concur.timeout seconds
---@return any ... results; or `nil, "timeout"`
function task:await(timeout) end

--- The same without raising.
--- Raises: in the task itself; for a negative time.
---
--- ```lua
--- local async = concur.async
--- print(async.run(function() return async.spawn(error, "no"):join() end)) --> false  no
--- ```
---@param timeout? concur.timeout seconds
---@return boolean? ok nil at the timeout
---@return any ... results; or the error; or `"timeout"`
function task:join(timeout) end

--- What it waits for, and each later wait, raises `concur.CANCELLED`.
---
--- ```lua
--- local async = concur.async
--- async.run(function()
---   local task = async.spawn(async.sleep, 10)
---   print(task:cancel(), task:join()) --> true  false  concur.CANCELLED
--- end)
--- ```
---@return boolean alive whether it had not ended
function task:cancel() end

--- Whether it has ended.
---
--- ```lua
--- print(concur.async.run(function() return concur.async.current():done() end)) --> false
--- ```
---@return boolean done
function task:done() end

--- What it is doing.
---
--- ```lua
--- print(concur.async.run(function() return concur.async.current():status() end)) --> running
--- ```
---@return "ready"|"running"|"waiting"|"done"|"failed"|"cancelled" status
function task:status() end

--- Where its error came from, through all tasks that awaited it.
---
--- ```lua
--- print(concur.async.run(function() return concur.async.current():traceback() end)) --> nil
--- ```
---@return string? traceback
function task:traceback() end
