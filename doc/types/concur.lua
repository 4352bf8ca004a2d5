---@meta concur
-- Definitions of concur for editors: what every handle has, and what belongs to no object.
-- The files beside this one define the objects, one each.

--- Threads, processes and the objects they share. Times are in seconds everywhere.
---
--- ```lua
--- local thread = concur.spawn(function(a, b) return a + b end, 1, 2)
--- print(thread:join()) --> true  3
--- ```
---@class concur
---@field CANCELLED concur.cancelled the error value of what was cancelled; equals only itself
---@field excepthook concur.excepthook|false called when an error leaves a thread's function; `false` silences
local concur = {}

--- What `concur.CANCELLED` is.
---@class concur.cancelled

--- Seconds, 0.25 is 250 ms. `nil`, `true` and `math.huge` wait for ever; `0` and `false` do not wait; a negative
--- one and NaN raise.
---@alias concur.timeout number|boolean

--- Called in the failing thread. The default writes name, error and traceback to stderr.
---@alias concur.excepthook fun(thread: concur.thread, err: any, traceback: string)

--- What every handle has. Two handles are `==` when they refer to the same object; `tostring` shows its state.
---@class concur.handle
local handle = {}

--- A number that no other object of the family has or had: for table keys.
---
--- ```lua
--- local lock, names = concur.lock(), {}
--- names[lock:id()] = "the first"
--- print(names[lock:id()]) --> the first
--- ```
---@return integer id
function handle:id() end

--- What can be given to `concur.wait`.
---@class concur.waitable : concur.handle
local waitable = {}

--- A descriptor for event loops: readable as long as the object is ready. It belongs to the object: poll it, and
--- leave reading and closing it alone.
--- Raises: `cannot make a descriptor: …` when the process has too many open files.
---
--- ```lua
--- local queue = concur.queue()
--- print(math.type(queue:fileno())) --> integer
--- ```
---@return integer descriptor
function waitable:fileno() end

--- The same as `fileno`, for cqueues.
---
--- ```lua
--- local queue = concur.queue()
--- print(queue:pollfd() == queue:fileno()) --> true
--- ```
---@return integer descriptor
function waitable:pollfd() end

--- What cqueues is to poll for.
---
--- ```lua
--- print(concur.queue():events()) --> r
--- ```
---@return "r" events
function waitable:events() end

--- The object's own timeout for cqueues: none.
---
--- ```lua
--- print(concur.queue():timeout()) --> nil
--- ```
---@return nil
function waitable:timeout() end

--- Blocks until one of the handles is ready: queues and connections (something to get, or closed), events (set),
--- latches (at 0), threads, processes, timers and futures (ended), semaphores and locks (could be acquired). Takes
--- nothing out.
--- Raises: for what is no such handle, a thread that was not started, a closed connection; when cancelled.
---
--- ```lua
--- local queue, event = concur.queue(), concur.event()
--- event:set()
--- local ready = concur.wait({queue, event}, 1)
--- print(#ready, ready[1] == event) --> 1  true
--- ```
---@param list concur.waitable[]
---@param timeout? concur.timeout seconds
---@return concur.waitable[] ready those that are ready, in order; `{}` at the timeout and for an empty list
function concur.wait(list, timeout) end

--- The name of a handle's type, which is that of its constructor; `"connection"`, `"hold"`, `"manager"`,
--- `"proxy"`; nil for anything else.
--- Raises: without an argument.
---
--- ```lua
--- print(concur.type(concur.queue()), concur.type(7)) --> queue  nil
--- ```
---@param v any
---@return string? kind
function concur.type(v) end

--- Seconds on the monotonic clock. Only differences mean anything.
---
--- ```lua
--- local start = concur.now()
--- concur.sleep(0.01)
--- print(concur.now() - start >= 0.01) --> true
--- ```
---@return number seconds
function concur.now() end

--- Sleeps at least that long. Ctrl-C and cancelling end it early with an error.
--- Raises: for a negative or NaN argument; when cancelled.
---
--- ```lua
--- concur.sleep(0.01)
--- ```
---@param seconds number
function concur.sleep(seconds) end

--- Gives the processor to another thread that is ready, if there is one.
---
--- ```lua
--- concur.yield()
--- ```
function concur.yield() end

--- How many processors the calling thread may use, at least 1.
---
--- ```lua
--- print(concur.cpu_count() >= 1) --> true
--- ```
---@return integer n
function concur.cpu_count() end

--- Like `print`, in one uninterrupted piece.
---
--- ```lua
--- concur.print("one", 2) --> one  2
--- ```
---@param ... any
function concur.print(...) end

--- What `concur.info` returns.
---@class concur.info
---@field version string of concur; `"scm"` when it was built from the repository
---@field platform "linux"|"macos"|"posix"
---@field threads integer alive in this process, the main one included
---@field processes integer in the family
---@field objects table<string, integer> how many objects of each kind there are
---@field shared_memory integer bytes of shared memory in use
---@field shared_resident integer bytes of real memory behind that, with what is kept for reuse
---@field shared_reserved integer bytes of address space reserved

--- About the library and what exists now; a fresh table.
---
--- ```lua
--- local queue = concur.queue()
--- print(concur.info().objects[concur.type(queue)]) --> 1
--- ```
---@return concur.info info
function concur.info() end

--- Copies of plain values as a string, in the format in which they cross: nil, booleans, numbers, strings and tables
--- of them, with cycles.
--- Raises: `cannot transfer a … (at …)` for anything else.
---
--- ```lua
--- local bytes = concur.pack({1, 2}, "x")
--- print(type(bytes), select(2, concur.unpack(bytes))) --> string  x
--- ```
---@param ... any
---@return string bytes
function concur.pack(...) end

--- The values in a string that `concur.pack` made. Safe on bytes from anywhere.
--- Raises: `malformed data`.
---
--- ```lua
--- print(concur.unpack(concur.pack(1, nil, "x"))) --> 1  nil  x
--- print(pcall(concur.unpack, "nonsense"))        --> false  malformed data
--- ```
---@param bytes string
---@return any ...
function concur.unpack(bytes) end

--- As `concur.pack`, for functions, classes and modules, too; not for handles.
--- Raises: `cannot transfer a … (at …)`.
---
--- ```lua
--- local double = concur.unpack_code(concur.pack_code(function(n) return 2 * n end))
--- print(double(21)) --> 42
--- ```
---@param ... any
---@return string bytes
function concur.pack_code(...) end

--- The values in a string that `concur.pack_code` made. For **trusted bytes only**: they can run any code.
--- Raises: `malformed data`, and what a module that is missing here raises.
---
--- ```lua
--- print(concur.unpack_code(concur.pack_code(string.len))("four")) --> 4
--- ```
---@param bytes string
---@return any ...
function concur.unpack_code(bytes) end

return concur
