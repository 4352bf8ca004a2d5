---@meta
-- Queues: concur.queue, concur.lifo, concur.priority_queue; see doc/queue.md, doc/lifo.md, doc/priority_queue.md.

---@class concur
local concur = {}

--- Makes a queue, first in, first out.
--- Raises: when `maxsize` is negative or no integer.
---
--- ```lua
--- local queue = concur.queue(2)
--- queue:put "a"
--- print(queue:get()) --> a
--- ```
---@param maxsize? integer most items in it; 0, the default: any number
---@return concur.queue queue
function concur.queue(maxsize) end

--- Makes a stack, last in, first out.
--- Raises: when `maxsize` is negative or no integer.
---
--- ```lua
--- local lifo = concur.lifo()
--- lifo:put_many {1, 2}
--- print(lifo:get()) --> 2
--- ```
---@param maxsize? integer most items in it; 0, the default: any number
---@return concur.lifo lifo
function concur.lifo(maxsize) end

--- What `concur.priority_queue` takes as a table.
---@class concur.priority_queue_options
---@field maxsize? integer most items in it; 0, the default: any number
---@field key? string|fun(item: any): any what items are ordered by: a field, or what a function gives for the item

--- Makes a queue that gives the smallest item first, equal ones in order of arrival. Ordered are numbers, strings,
--- and arrays of them.
--- Raises: for a bad option.
---
--- ```lua
--- local tasks = concur.priority_queue {key = "level"}
--- tasks:put {level = 2, what = "later"}
--- tasks:put {level = 1, what = "now"}
--- print(tasks:get().what) --> now
--- ```
---@overload fun(options: concur.priority_queue_options): concur.priority_queue
---@param maxsize? integer most items in it; 0, the default: any number
---@return concur.priority_queue queue
function concur.priority_queue(maxsize) end

--- Items between any threads and processes. `#queue` is how many there are.
---@class concur.queue : concur.waitable
---@operator len: integer
local queue = {}

--- Puts a copy of any transferable value, nil and false included.
--- Raises: `cannot transfer a … (at …)`; `out of shared memory`; when cancelled; when part of a deadlock.
---
--- ```lua
--- local queue = concur.queue(1)
--- print(queue:put("a"))       --> true
--- print(queue:put("b", 0.01)) --> false  full
--- ```
---@param item any
---@param timeout? concur.timeout seconds
---@return boolean put
---@return "full"|"closed"|nil why
function queue:put(item, timeout) end

--- Takes an item. For one that is nil there is no second value.
--- Raises: for a bad timeout; when cancelled; when part of a deadlock; what the item's rebuilding raises.
---
--- ```lua
--- print(concur.queue():get(0.01)) --> nil  empty
--- ```
---@param timeout? concur.timeout seconds
---@return any item
---@return "empty"|"closed"|nil why
function queue:get(timeout) end

--- `put(item, 0)`.
--- Raises: as `put`.
---
--- ```lua
--- print(concur.queue():put_nowait(1)) --> true
--- ```
---@param item any
---@return boolean put
---@return "full"|"closed"|nil why
function queue:put_nowait(item) end

--- `get(0)`.
--- Raises: as `get`.
---
--- ```lua
--- print(concur.queue():get_nowait()) --> nil  empty
--- ```
---@return any item
---@return "empty"|"closed"|nil why
function queue:get_nowait() end

--- Puts the items of a list in order; one call costs much less than many.
--- Raises: as `put`, with nothing put.
---
--- ```lua
--- print(concur.queue(2):put_many({1, 2, 3}, 0)) --> 2  full
--- ```
---@param list any[] `list.n` items, or `#list`
---@param timeout? concur.timeout seconds, for the whole call
---@return integer n how many were put
---@return "full"|"closed"|nil why not all
function queue:put_many(list, timeout) end

--- Takes what is there, at most `max`; waits for the first only.
--- Raises: as `get`; when `max` is not a positive integer.
---
--- ```lua
--- local queue = concur.queue()
--- queue:put_many {"a", "b", "c"}
--- local list = queue:get_many(2)
--- print(list.n, list[2]) --> 2  b
--- ```
---@param max integer
---@param timeout? concur.timeout seconds
---@return any[]? list with the field `n`
---@return "empty"|"closed"|nil why
function queue:get_many(max, timeout) end

--- How many items are in it.
---
--- ```lua
--- print(concur.queue():qsize()) --> 0
--- ```
---@return integer n
function queue:qsize() end

--- Whether it has no items.
---
--- ```lua
--- print(concur.queue():empty()) --> true
--- ```
---@return boolean empty
function queue:empty() end

--- Whether it has no room.
---
--- ```lua
--- print(concur.queue():full()) --> false
--- ```
---@return boolean full
function queue:full() end

--- The most items in it; 0: any number.
---
--- ```lua
--- print(concur.queue(3):maxsize()) --> 3
--- ```
---@return integer maxsize
function queue:maxsize() end

--- Marks an item that was put as done with.
--- Raises: `task_done() called too many times`.
---
--- ```lua
--- local queue = concur.queue()
--- queue:put "job"
--- queue:get()
--- queue:task_done()
--- print(queue:join()) --> true
--- ```
function queue:task_done() end

--- Waits until every item that was put has been marked done.
--- Raises: for a bad timeout; when cancelled; when part of a deadlock.
---
--- ```lua
--- local queue = concur.queue()
--- queue:put "job"
--- print(queue:join(0.01)) --> false
--- ```
---@param timeout? concur.timeout seconds
---@return boolean done
function queue:join(timeout) end

--- No more puts. What is in it can still be taken, unless it is discarded. May be repeated.
---
--- ```lua
--- local queue = concur.queue()
--- queue:close()
--- print(queue:put(1), queue:get()) --> false  nil  closed
--- ```
---@param discard? boolean drop what is left
function queue:close(discard) end

--- Whether it is closed.
---
--- ```lua
--- print(concur.queue():closed()) --> false
--- ```
---@return boolean closed
function queue:closed() end

--- Iterates over items, waiting for them, until it is closed and drained.
--- Raises: as `get`.
---
--- ```lua
--- local queue = concur.queue()
--- queue:put_many {"a", "b"}
--- queue:close()
--- for item in queue:items() do io.write(item, " ") end --> a b
--- ```
---@return fun(): any iterator
function queue:items() end

--- A queue that gives the item that was put last.
---@class concur.lifo : concur.queue

--- A queue that gives the smallest item. `put` raises for an item without an order.
---@class concur.priority_queue : concur.queue
