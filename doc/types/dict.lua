---@meta
-- Dicts: concur.dict; see doc/dict.md.

---@class concur
local concur = {}

--- Makes a shared table with copies of the keys and values of a table or dict.
--- Raises: for a key that is no string, number or boolean; `cannot transfer a … (at …)`.
---
--- ```lua
--- local ages = concur.dict {anna = 30}
--- ages.ben = 41
--- print(ages.anna, #ages) --> 30  2
--- ```
---@param table? table|concur.dict
---@return concur.dict dict
function concur.dict(table) end

--- A shared table: `d[k]`, `d[k] = v` (nil removes), `#d`, `pairs(d)` (a snapshot). What is read is a copy. Methods win
--- over keys in `d.name`.
---@class concur.dict : concur.handle
---@field [string|number|boolean] any
---@operator len: integer
local dict = {}

--- The value of a key, whatever its name.
--- Raises: for a key that is no string, number or boolean.
---
--- ```lua
--- print(concur.dict():get("k", "none")) --> none
--- ```
---@param k string|number|boolean
---@param default? any
---@return any value
function dict:get(k, default) end

--- Stores a copy of `v`; nil removes the key.
--- Raises: for nil, NaN and other types as key; `cannot transfer a … (at …)`.
---
--- ```lua
--- local dict = concur.dict()
--- dict:set("get", 1)
--- print(dict:get "get") --> 1
--- ```
---@param k string|number|boolean
---@param v any
function dict:set(k, v) end

--- Whether there is such a key.
---
--- ```lua
--- print(concur.dict {a = false}:has "a") --> true
--- ```
---@param k string|number|boolean
---@return boolean has
function dict:has(k) end

--- Removes a key and returns its value.
---
--- ```lua
--- print(concur.dict {a = 1}:pop "a") --> 1
--- ```
---@param k string|number|boolean
---@param default? any
---@return any value
function dict:pop(k, default) end

--- Stores a copy of `v` unless the key is there.
--- Raises: when `v` is nil; `cannot transfer a … (at …)`.
---
--- ```lua
--- print(concur.dict {a = 1}:setdefault("a", 2)) --> 1
--- ```
---@param k string|number|boolean
---@param v any
---@return any value what is there now
function dict:setdefault(k, v) end

--- Stores what `fn(value, ...)` returns, nil removing the key; other changes of the key wait meanwhile.
--- Raises: what `fn` raises, leaving the value as it was; when its result cannot cross.
---
--- ```lua
--- local counts = concur.dict()
--- counts:update("word", function(n) return (n or 0) + 1 end)
--- print(counts.word) --> 1
--- ```
---@param k string|number|boolean
---@param fn fun(value: any, ...: any): any
---@param ... any
---@return any ... what `fn` returned
function dict:update(k, fn, ...) end

--- The keys, in no order, of one moment.
---
--- ```lua
--- print(concur.dict {a = 1}:keys()[1]) --> a
--- ```
---@return (string|number|boolean)[] keys
function dict:keys() end

--- The values, in no order, of one moment.
---
--- ```lua
--- print(concur.dict {a = 1}:values()[1]) --> 1
--- ```
---@return any[] values
function dict:values() end

--- A plain table with what was there at one moment.
---
--- ```lua
--- print(concur.dict {a = 1}:copy().a) --> 1
--- ```
---@return table copy
function dict:copy() end

--- Removes all keys.
---
--- ```lua
--- local dict = concur.dict {a = 1}
--- dict:clear()
--- print(#dict) --> 0
--- ```
function dict:clear() end

--- Stores all keys and values of a table or dict, one by one.
--- Raises: for bad keys and `cannot transfer a … (at …)`, with nothing changed.
---
--- ```lua
--- local dict = concur.dict {a = 1}
--- dict:merge {b = 2}
--- print(#dict) --> 2
--- ```
---@param table table|concur.dict
function dict:merge(table) end
