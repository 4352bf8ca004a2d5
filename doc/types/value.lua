---@meta
-- Values: concur.value; see doc/value.md.

---@class concur
local concur = {}

--- Makes a shared cell with a copy of `initial`.
--- Raises: `cannot transfer a … (at …)`.
---
--- ```lua
--- local value = concur.value(1)
--- print(value:add(2)) --> 3
--- ```
---@param initial? any
---@return concur.value value
function concur.value(initial) end

--- One shared cell for any transferable value. What is read is a copy.
---@class concur.value : concur.handle
local value = {}

--- The content.
---
--- ```lua
--- print(concur.value("x"):get()) --> x
--- ```
---@return any content
function value:get() end

--- Stores a copy of `v`.
--- Raises: `cannot transfer a … (at …)`; without an argument.
---
--- ```lua
--- concur.value():set {1, 2}
--- ```
---@param v any
function value:set(v) end

--- Adds atomically. Two integers give an integer, which wraps around.
--- Raises: when the content, or `n`, is no number.
---
--- ```lua
--- print(concur.value(40):add(2)) --> 42
--- ```
---@param n number
---@return number sum the new content
function value:add(n) end

--- Stores a copy of `v`, and returns what was there.
--- Raises: `cannot transfer a … (at …)`.
---
--- ```lua
--- print(concur.value("old"):swap("new")) --> old
--- ```
---@param v any
---@return any old
function value:swap(v) end

--- Stores a copy of `v` if the content equals `expected`: nil, booleans, numbers, strings and handles are compared.
--- Raises: for a table or function as `expected`; `cannot transfer a … (at …)`.
---
--- ```lua
--- print(concur.value(1):compare_swap(1, 2)) --> true
--- ```
---@param expected any
---@param v any
---@return boolean stored
function value:compare_swap(expected, v) end

--- Stores what `fn(content, ...)` returns; every other change waits meanwhile.
--- Raises: what `fn` raises, leaving the content as it was; when its result cannot cross.
---
--- ```lua
--- local log = concur.value {}
--- log:update(function(list) list[#list + 1] = "entry"; return list end)
--- print(log:get()[1]) --> entry
--- ```
---@param fn fun(content: any, ...: any): any
---@param ... any
---@return any ... what `fn` returned
function value:update(fn, ...) end
