---@meta
-- Futures: concur.future; see doc/future.md.

---@class concur
local concur = {}

--- Makes a bare future, for any thread or process to end.
---
--- ```lua
--- local future = concur.future()
--- concur.spawn(function() future:set_result("done") end)
--- print(future:result(10)) --> done
--- ```
---@return concur.future future
function concur.future() end

--- Gives each future when it has ended, in the order of their ends.
--- Raises: for what is no future; for a bad timeout; when cancelled.
---
--- ```lua
--- local pool <close> = concur.pool()
--- for future in concur.as_completed {pool:submit(math.max, 1, 2)} do print(future:result()) end --> 2
--- ```
---@param futures concur.future[]
---@param timeout? concur.timeout seconds, for the whole loop, which ends then
---@return fun(): concur.future? iterator
function concur.as_completed(futures, timeout) end

--- Waits until all have ended.
--- Raises: for what is no future; for a bad timeout; when cancelled.
---
--- ```lua
--- local future = concur.future()
--- local done, not_done = concur.wait_all({future}, 0.01)
--- print(#done, #not_done) --> 0  1
--- ```
---@param futures concur.future[]
---@param timeout? concur.timeout seconds
---@return concur.future[] done
---@return concur.future[] not_done
function concur.wait_all(futures, timeout) end

--- Waits until the first has ended.
--- Raises: for what is no future; for a bad timeout; when cancelled.
---
--- ```lua
--- local one, two = concur.future(), concur.future()
--- one:set_result(1)
--- local done, not_done = concur.wait_first {one, two}
--- print(#done, #not_done) --> 1  1
--- ```
---@param futures concur.future[]
---@param timeout? concur.timeout seconds
---@return concur.future[] done
---@return concur.future[] not_done
function concur.wait_first(futures, timeout) end

--- What a call will come to. Any number of threads and processes may wait for it.
---@class concur.future : concur.waitable
local future = {}

--- Waits for the results.
--- Raises: the task's error; `concur.CANCELLED` when it was cancelled; in the task itself; for a bad timeout.
---
--- ```lua
--- print(concur.future():result(0.01)) --> nil  timeout
--- ```
---@param timeout? concur.timeout seconds
---@return any ... results; or `nil, "timeout"`
function future:result(timeout) end

--- The same without raising.
--- Raises: for a bad timeout; when the caller is cancelled.
---
--- ```lua
--- local future = concur.future()
--- future:set_error "no"
--- print(future:wait()) --> false  no
--- ```
---@param timeout? concur.timeout seconds
---@return boolean? ok nil at the timeout
---@return any ... results; or the error; or `"timeout"`
function future:wait(timeout) end

--- Whether it has ended in any way.
---
--- ```lua
--- print(concur.future():done()) --> false
--- ```
---@return boolean done
function future:done() end

--- Whether a worker is at it.
---
--- ```lua
--- print(concur.future():running()) --> false
--- ```
---@return boolean running
function future:running() end

--- Whether it was cancelled.
---
--- ```lua
--- print(concur.future():cancelled()) --> false
--- ```
---@return boolean cancelled
function future:cancelled() end

--- A pending task never runs; a running one is cancelled as a thread.
---
--- ```lua
--- local future = concur.future()
--- print(future:cancel(), future:cancel()) --> true  false
--- ```
---@return boolean cancelled `false` when it had ended
function future:cancel() end

--- The error, if it has failed; `concur.CANCELLED` if it was cancelled.
---
--- ```lua
--- local future = concur.future()
--- future:set_error "no"
--- print(future:error()) --> no
--- ```
---@return any err
function future:error() end

--- The worker's traceback of a task that failed.
---
--- ```lua
--- print(concur.future():traceback()) --> nil
--- ```
---@return string? traceback
function future:traceback() end

--- Has `fn(future)` called once it has ended, in the calling thread while that waits for a pool or a future, or calls
--- `pool:poll()`.
--- Raises: when `fn` is no function.
---
--- ```lua
--- local future = concur.future():on_done(function(f) print(f:result()) end)
--- future:set_result(7)
--- future:wait() --> 7
--- ```
---@param fn fun(future: concur.future)
---@return concur.future future itself
function future:on_done(fn) end

--- Ends a bare future with results.
--- Raises: `the future has ended already`; for futures of a pool; when a value cannot cross.
---
--- ```lua
--- local future = concur.future()
--- future:set_result(1, 2)
--- print(future:result()) --> 1  2
--- ```
---@param ... any
function future:set_result(...) end

--- Ends a bare future with an error.
--- Raises: as `set_result`.
---
--- ```lua
--- local future = concur.future()
--- future:set_error {code = 7}
--- print(future:error().code) --> 7
--- ```
---@param err any
function future:set_error(err) end
