---@meta
-- Threads: concur.thread and what belongs to threads; see doc/thread.md and doc/cancellation.md.

---@class concur
---@field thread concur.thread_constructor makes threads and classes of threads
local concur = {}

--- What `concur.thread` is: call it to make a thread, not started, that will run `fn(...)` in a Lua state of its own.
--- Raises: when `fn` is no function; for an unknown option and one of a wrong type.
---
--- ```lua
--- local thread = concur.thread(function(n) return n + 1 end, 41)
--- print(thread:start():join()) --> true  42
--- ```
---@class concur.thread_constructor
---@overload fun(fn: function, ...: any): concur.thread
---@overload fun(options: concur.thread_options): concur.thread
local thread_constructor = {}

--- What `concur.thread` and `concur.spawn` take as a table.
---@class concur.thread_options
---@field target? function what to run
---@field args? table its arguments; `n` says how many
---@field name? string default `Thread-1`, `Thread-2`, …
---@field daemon? boolean whether the script's end does not wait for it; default: as the creator
---@field globals? table fields to set in the thread's globals first
---@field stack? integer bytes of C stack, default 1 MiB
---@field affinity? integer[] processors that it may run on, numbered from 1

--- Makes a subclass: define `Class:init(...)` and `Class:run()`.
--- Raises: when `name` is no string.
---
--- ```lua
--- local Greeter = concur.thread:extend("greeter")
--- function Greeter:init(whom) self.whom = whom end
--- function Greeter:run() return "hello " .. self.whom end
--- print(Greeter("world"):start():join()) --> true  hello world
--- ```
---@param name? string unnamed instances are called `name-1`, `name-2`, …
---@return concur.thread_class class
function thread_constructor:extend(name) end

--- A thread of the operating system with a Lua state of its own.
---
--- ```lua
--- local thread = concur.spawn(string.rep, "ab", 2)
--- print(thread:join()) --> true  abab
--- ```
---@class concur.thread : concur.waitable
---@field name string may be written at any time; the kernel sees it, too
---@field daemon boolean may be written before the start
---@field ident integer? unique; nil before the start
---@field native_id integer? the kernel's number for it; nil before the start
local thread = {}

--- Starts it. Function, upvalues, arguments and globals are copied now.
--- Raises: `threads can only be started once`; `cannot transfer a … (at …)`; `cannot start the thread: …` when the
--- system refuses; when another state made it.
---
--- ```lua
--- print(concur.thread(print, "from a thread"):start():join())
--- --> from a thread
--- --> true
--- ```
---@return concur.thread thread itself
function thread:start() end

--- Waits for the end. May be repeated, by all who have the handle.
--- Raises: `cannot join an unstarted thread`, `a thread cannot join itself`; when cancelled; when part of a deadlock.
---
--- ```lua
--- local thread = concur.spawn(concur.sleep, 0.05)
--- print(thread:join(0)) --> nil  timeout
--- print(thread:join())  --> true
--- ```
---@param timeout? concur.timeout seconds
---@return boolean? ok `true` when its function returned, `false` when it raised, nil at the timeout
---@return any ... its results; or the error; or `"timeout"`
function thread:join(timeout) end

--- Whether it was started and has not ended.
---
--- ```lua
--- print(concur.main():is_alive()) --> true
--- ```
---@return boolean alive
function thread:is_alive() end

--- What it is doing; `"waiting"`: blocked in a call of concur.
---
--- ```lua
--- print(concur.thread(print):status()) --> new
--- ```
---@return "new"|"running"|"waiting"|"done"|"failed"|"cancelled" status
function thread:status() end

--- Asks it to stop: its current or next blocking call of concur raises `concur.CANCELLED`; running code is reached
--- within a millisecond. One that was not started never runs.
---
--- ```lua
--- local thread = concur.spawn(concur.sleep, 3600)
--- print(thread:cancel(), thread:join()) --> true  false  concur.CANCELLED
--- ```
---@return boolean alive whether it had not ended
function thread:cancel() end

--- The error and the stack at that point, of a thread that failed.
---
--- ```lua
--- concur.excepthook = false
--- local thread = concur.spawn(function() error "no" end)
--- thread:join()
--- print(thread:traceback():match "no") --> no
--- ```
---@return string? traceback
function thread:traceback() end

--- Makes a thread and starts it.
--- Raises: as `concur.thread` and `thread:start`.
---
--- ```lua
--- print(concur.spawn(math.max, 3, 9):join()) --> true  9
--- ```
---@overload fun(options: concur.thread_options): concur.thread
---@param fn function
---@param ... any its arguments
---@return concur.thread thread
function concur.spawn(fn, ...) end

--- The calling thread.
---
--- ```lua
--- print(concur.current().name) --> MainThread
--- ```
---@return concur.thread thread
function concur.current() end

--- The main thread.
---
--- ```lua
--- print(concur.main() == concur.current()) --> true
--- ```
---@return concur.thread thread
function concur.main() end

--- The threads of this process that are alive, the main one included.
---
--- ```lua
--- print(#concur.threads()) --> 1
--- ```
---@return concur.thread[] threads
function concur.threads() end

--- How many threads of this process are alive.
---
--- ```lua
--- print(concur.active_count()) --> 1
--- ```
---@return integer n
function concur.active_count() end

--- Ends the calling thread, with those results, from any depth of calls.
--- Raises: in the main thread.
---
--- ```lua
--- local thread = concur.spawn(function() concur.exit("early") end)
--- print(thread:join()) --> true  early
--- ```
---@param ... any
function concur.exit(...) end

--- Raises `concur.CANCELLED` if the calling thread was asked to stop and nothing holds that back.
--- Raises: `concur.CANCELLED`.
---
--- ```lua
--- concur.checkpoint()
--- ```
function concur.checkpoint() end

--- Calls `fn(...)`; cancelling of the calling thread is held back until it has returned.
--- Raises: when `fn` is no function; what it raises.
---
--- ```lua
--- print(concur.shield(function() return "whole" end)) --> whole
--- ```
---@param fn function
---@param ... any
---@return any ... what it returns
function concur.shield(fn, ...) end

--- As `pcall`, but `concur.CANCELLED` and `concur.exit` pass through.
--- Raises: without an argument; `concur.CANCELLED`.
---
--- ```lua
--- print(concur.pcall(error, "no")) --> false  no
--- ```
---@param fn function
---@param ... any
---@return boolean ok
---@return any ... results, or the error
function concur.pcall(fn, ...) end
