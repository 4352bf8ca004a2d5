---@meta
-- Pools: concur.pool, concur.thread_pool, concur.process_pool; see doc/pool.md.

---@class concur
local concur = {}

--- What the constructors of pools take as a table.
---@class concur.pool_options
---@field workers? integer how many are at work at a time; default `concur.cpu_count()`
---@field kind? "thread"|"process" what they are; default `"thread"`
---@field initializer? function called in each worker first
---@field initargs? table its arguments; may have `n`
---@field max_tasks? integer a worker is replaced after so many tasks
---@field max_queue? integer so many calls may stand in line; default: any number
---@field idle_timeout? number seconds after which an idle worker ends; default 10
---@field name? string default `Pool-1`, …

--- Makes a pool. `__close` closes and joins it.
--- Raises: for an unknown option and a bad value; when the initializer cannot cross.
---
--- ```lua
--- local pool <close> = concur.pool {workers = 2}
--- local squares = pool:map(function(x) return x * x end, {1, 2, 3})
--- print(table.concat(squares, " ")) --> 1 4 9
--- ```
---@param options? concur.pool_options
---@return concur.pool pool
function concur.pool(options) end

--- Makes a pool of threads.
--- Raises: as `concur.pool`.
---
--- ```lua
--- local pool <close> = concur.thread_pool(2)
--- print(pool:apply(math.max, 1, 2)) --> 2
--- ```
---@param options? integer|concur.pool_options the number of workers, or options
---@return concur.pool pool
function concur.thread_pool(options) end

--- Makes a pool of processes.
--- Raises: as `concur.pool`.
---
--- ```lua
--- local pool <close> = concur.process_pool(2)
--- print(pool:apply(math.max, 1, 2)) --> 2
--- ```
---@param options? integer|concur.pool_options the number of workers, or options
---@return concur.pool pool
function concur.process_pool(options) end

--- Workers that do what is submitted.
---@class concur.pool : concur.handle
local pool = {}

--- What maps take.
---@class concur.map_options
---@field chunk? integer items that a worker gets at a time
---@field timeout? number seconds, for the whole
---@field progress? true|fun(done: integer, total: integer) shown on stderr, or told

--- What `imap` and `imap_unordered` take.
---@class concur.imap_options : concur.map_options
---@field ahead? integer most items that are read and not given out

--- Has a worker call `fn(...)`.
--- Raises: when they cannot cross; when the pool is closed, was terminated or is broken.
---
--- ```lua
--- local pool <close> = concur.pool()
--- print(pool:submit(string.rep, "ab", 2):result()) --> abab
--- ```
---@param fn function
---@param ... any
---@return concur.future future
function pool:submit(fn, ...) end

--- Submits and waits.
--- Raises: the task's error; as `submit`.
---
--- ```lua
--- local pool <close> = concur.pool()
--- print(pool:apply(math.max, 1, 2)) --> 2
--- ```
---@param fn function
---@param ... any
---@return any ... the results
function pool:apply(fn, ...) end

--- Submits. Callbacks run in the submitting thread while it waits for a pool or a future, or calls `pool:poll()`.
--- Raises: as `submit`.
---
--- ```lua
--- local pool <close> = concur.pool()
--- local future = pool:apply_async(math.max, {1, 2}, function(n) print("got", n) end)
--- future:wait() --> got  2
--- ```
---@param fn function
---@param args? table its arguments; may have `n`
---@param callback? fun(...: any) is given the results
---@param error_callback? fun(err: any) is given the error
---@return concur.future future
function pool:apply_async(fn, args, callback, error_callback) end

--- Calls the callbacks that are due in this thread.
---
--- ```lua
--- local pool <close> = concur.pool()
--- print(pool:poll()) --> 0
--- ```
---@return integer n how many those were
function pool:poll() end

--- The first results of `fn(item)` for all items, in order.
--- Raises: the first error, a string with the prefix `task 13: `; for bad options; as `submit`.
---
--- ```lua
--- local pool <close> = concur.pool()
--- print(pool:map(string.len, {"a", "bcd"})[2]) --> 3
--- ```
---@param fn function
---@param list any[]|concur.list
---@param options? concur.map_options
---@return any[]? results with `n`
---@return "timeout"? why
function pool:map(fn, list, options) end

--- The same for `fn(table.unpack(item))`.
--- Raises: as `map`.
---
--- ```lua
--- local pool <close> = concur.pool()
--- print(pool:starmap(math.max, {{1, 2}, {4, 3}})[2]) --> 4
--- ```
---@param fn function
---@param lists any[][]
---@param options? concur.map_options
---@return any[]? results with `n`
---@return "timeout"? why
function pool:starmap(fn, lists, options) end

--- Iterates over `index, results…` in order; the input is read lazily.
--- Raises: as `map`, each error at its turn.
---
--- ```lua
--- local pool <close> = concur.pool()
--- for i, n in pool:imap(string.len, {"a", "bcd"}) do io.write(i, ":", n, " ") end --> 1:1 2:3
--- ```
---@param fn function
---@param list any[]|concur.list|fun(): any
---@param options? concur.imap_options
---@return fun(): integer?, ...any iterator
function pool:imap(fn, list, options) end

--- The same in the order in which the results come.
--- Raises: as `imap`.
---
--- ```lua
--- local pool <close> = concur.pool()
--- local sum = 0
--- for _, n in pool:imap_unordered(string.len, {"a", "bcd"}) do sum = sum + n end
--- print(sum) --> 4
--- ```
---@param fn function
---@param list any[]|concur.list|fun(): any
---@param options? concur.imap_options
---@return fun(): integer?, ...any iterator
function pool:imap_unordered(fn, list, options) end

--- Folds the results in order, in the calling thread.
--- Raises: as `map`; what `reduce` raises.
---
--- ```lua
--- local pool <close> = concur.pool()
--- print(pool:map_reduce(string.len, {"a", "bcd"}, math.max, 0)) --> 3
--- ```
---@param fn function
---@param list any[]|concur.list
---@param reduce fun(acc: any, result: any): any
---@param initial any
---@param options? concur.map_options
---@return any acc
---@return "timeout"? why
function pool:map_reduce(fn, list, reduce, initial, options) end

--- No more work from outside. May be repeated.
---
--- ```lua
--- local pool = concur.pool()
--- pool:close()
--- print(pcall(pool.submit, pool, print)) --> false  …the pool is closed
--- ```
function pool:close() end

--- Waits until a closed pool has done everything.
--- Raises: for an open pool, and in a task of the pool; for a bad timeout; when cancelled.
---
--- ```lua
--- local pool = concur.pool()
--- pool:close()
--- print(pool:join(10)) --> true
--- ```
---@param timeout? concur.timeout seconds
---@return boolean done
function pool:join(timeout) end

--- Ends the pool at once: what runs and what waits is cancelled.
---
--- ```lua
--- local pool = concur.pool()
--- local future = pool:submit(concur.sleep, 3600)
--- pool:terminate()
--- print(future:cancelled()) --> true
--- ```
function pool:terminate() end

--- What `pool:stats` returns.
---@class concur.pool_stats
---@field workers integer that there are
---@field queued integer calls in line
---@field running integer workers that are at it
---@field done integer tasks so far
---@field failed integer
---@field cancelled integer

--- Numbers about the pool.
---
--- ```lua
--- local pool <close> = concur.pool()
--- pool:apply(print) --> …
--- print(pool:stats().done) --> 1
--- ```
---@return concur.pool_stats stats
function pool:stats() end

--- The worker's traceback of the error that a call of this state to the pool raised last.
---
--- ```lua
--- local pool <close> = concur.pool()
--- pcall(pool.apply, pool, error, "no")
--- print(pool:traceback():match "no") --> no
--- ```
---@return string? traceback
function pool:traceback() end
