---@meta
-- Lists: concur.list; see doc/list.md.

---@class concur
local concur = {}

--- Makes a shared array with copies of the values of an array or list.
--- Raises: for nil in it; `cannot transfer a … (at …)`.
---
--- ```lua
--- local list = concur.list {"a", "b"}
--- list[3] = "c"
--- print(#list, list[3]) --> 3  c
--- ```
---@param array? any[]|concur.list
---@return concur.list list
function concur.list(array) end

--- A shared array: `l[i]`, `l[i] = v` (1 to `#l + 1`), `#l`, `ipairs(l)` (live), `pairs(l)` (a snapshot). What is read
--- is a copy.
---@class concur.list : concur.handle
---@field [integer] any
---@operator len: integer
local list = {}

--- Appends a copy of `v`.
--- Raises: for nil; `cannot transfer a … (at …)`.
---
--- ```lua
--- concur.list():append "a"
--- ```
---@param v any
function list:append(v) end

--- Inserts a copy of `v` before position `i`, 1 to `#l + 1`.
--- Raises: `position out of range`; for nil; `cannot transfer a … (at …)`.
---
--- ```lua
--- local list = concur.list {"b"}
--- list:insert(1, "a")
--- print(list[1]) --> a
--- ```
---@param i integer
---@param v any
function list:insert(i, v) end

--- Removes a value, by default the last, and returns it.
--- Raises: `position out of range`.
---
--- ```lua
--- print(concur.list {"a", "b"}:pop(1)) --> a
--- ```
---@param i? integer
---@return any value
function list:pop(i) end

--- Appends all values of an array or list at once.
--- Raises: for nil; `cannot transfer a … (at …)`, with nothing changed.
---
--- ```lua
--- local list = concur.list {1}
--- list:extend {2, 3}
--- print(#list) --> 3
--- ```
---@param array any[]|concur.list
function list:extend(array) end

--- The first position of a boolean, number, string or handle.
--- Raises: for a table or function.
---
--- ```lua
--- print(concur.list {"a", "b"}:index "b") --> 2
--- ```
---@param v boolean|number|string|userdata
---@return integer? position
function list:index(v) end

--- Sorts as `table.sort`; other changes wait meanwhile.
--- Raises: what `less` or `table.sort` raises, with nothing changed.
---
--- ```lua
--- local list = concur.list {3, 1, 2}
--- list:sort()
--- print(list[1]) --> 1
--- ```
---@param less? fun(a: any, b: any): boolean
function list:sort(less) end

--- A plain array with what was there at one moment.
---
--- ```lua
--- print(#concur.list {1, 2}:copy()) --> 2
--- ```
---@return any[] copy
function list:copy() end

--- Removes everything.
---
--- ```lua
--- local list = concur.list {1}
--- list:clear()
--- print(#list) --> 0
--- ```
function list:clear() end
