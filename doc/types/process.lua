---@meta
-- Processes: concur.process; see doc/process.md.

---@class concur
---@field process concur.process_constructor makes processes and classes of processes
local concur = {}

--- What `concur.process` is: call it to make a process, not started, that will run `fn(...)`.
--- Raises: when `fn` is no function; for an unknown option and one of a wrong type.
---
--- ```lua
--- print(concur.process(function(n) return n + 1 end, 41):start():join()) --> true  42
--- ```
---@class concur.process_constructor
---@overload fun(fn: function, ...: any): concur.process
---@overload fun(options: concur.process_options): concur.process
local process_constructor = {}

--- What `concur.process` takes as a table.
---@class concur.process_options
---@field target? function what to run
---@field args? table its arguments; `n` says how many
---@field name? string default `Process-1`, `Process-2`, …
---@field daemon? boolean whether it is terminated at the script's end; default: as the creator
---@field globals? table fields to set in the process's globals first
---@field stack? integer bytes of C stack; all have 8 MiB, and cannot have more
---@field affinity? integer[] processors that it may run on, numbered from 1

--- Makes a subclass: define `Class:init(...)` and `Class:run()`.
--- Raises: when `name` is no string.
---
--- ```lua
--- local Adder = concur.process:extend("adder")
--- function Adder:init(a, b) self.a, self.b = a, b end
--- function Adder:run() return self.a + self.b end
--- print(Adder(1, 2):start():join()) --> true  3
--- ```
---@param name? string unnamed instances are called `name-1`, `name-2`, …
---@return concur.process_class class
function process_constructor:extend(name) end

--- A child process with the interface of a thread; handles work in it as in threads. `join` gives
--- `false, "killed by signal 9 (SIGKILL)"` or `false, "exited with code 3"` for one that did not end by itself.
---
--- ```lua
--- local process = concur.process(os.exit, 3):start()
--- print(process:join())   --> false  exited with code 3
--- print(process.exitcode) --> 3
--- ```
---@class concur.process : concur.thread
---@field pid integer? nil before the start
---@field exitcode integer? nil while it runs; 0, 1 after an error, the code of `os.exit`, or a signal's number negated
local process = {}

--- Sends SIGTERM.
--- Raises: before the start.
---
--- ```lua
--- local process = concur.process(concur.sleep, 3600):start()
--- process:terminate()
--- print(process:join()) --> false  killed by signal 15 (SIGTERM)
--- ```
---@return boolean sent whether the process was there
function process:terminate() end

--- Sends SIGKILL.
--- Raises: before the start.
---
--- ```lua
--- local process = concur.process(concur.sleep, 3600):start()
--- process:kill()
--- print(process:join()) --> false  killed by signal 9 (SIGKILL)
--- ```
---@return boolean sent whether the process was there
function process:kill() end

--- Sends the signal with that number; 0 sends nothing.
--- Raises: before the start; for what is no signal.
---
--- ```lua
--- local process = concur.process(concur.sleep, 3600):start()
--- print(process:signal(0), process:signal(9)) --> true  true
--- ```
---@param n integer
---@return boolean sent whether the process was there
function process:signal(n) end

--- The calling process.
---
--- ```lua
--- print(concur.current_process().name) --> MainProcess
--- ```
---@return concur.process process
function concur.current_process() end

--- The process that started the calling one; nil in the main process.
---
--- ```lua
--- print(concur.parent_process()) --> nil
--- ```
---@return concur.process? process
function concur.parent_process() end

--- The calling process's children that live.
---
--- ```lua
--- print(#concur.active_children()) --> 0
--- ```
---@return concur.process[] processes
function concur.active_children() end
