---@meta
-- Arrays: concur.array; see doc/array.md.

---@class concur
local concur = {}

--- What an array holds: integers with and without sign, floats, of so many bits.
---@alias concur.array_type "i8"|"u8"|"i16"|"u16"|"i32"|"u32"|"i64"|"f32"|"f64"

--- Makes an array of `n` zeros, or of the numbers in a list.
--- Raises: for another type, a negative or fractional `n`, values that do not fit; `out of shared memory`.
---
--- ```lua
--- local array = concur.array("f64", 3)
--- array[1] = 0.5
--- print(array[1], #array) --> 0.5  3
--- ```
---@param type concur.array_type
---@param n integer|number[]
---@return concur.array array
function concur.array(type, n) end

--- Numbers of one type in shared memory: `a[i]`, `a[i] = n`, `#a`, `pairs(a)` (live). Out of bounds or out of range
--- raises.
---@class concur.array : concur.handle
---@field [integer] number
---@operator len: integer
local array = {}

--- Adds to an element, atomically.
--- Raises: out of bounds; when the sum is out of range, with nothing changed.
---
--- ```lua
--- print(concur.array("i32", 2):add(1, 5)) --> 5
--- ```
---@param i integer
---@param n number
---@return number sum
function array:add(i, n) end

--- Sets the elements from `i` to `j`, by default all.
--- Raises: out of bounds; for a value out of range.
---
--- ```lua
--- local array = concur.array("u8", 3)
--- array:fill(7)
--- print(array[3]) --> 7
--- ```
---@param v number
---@param i? integer
---@param j? integer
function array:fill(v, i, j) end

--- A new array with the same type and content.
--- Raises: `out of shared memory`.
---
--- ```lua
--- print(#concur.array("u8", 3):copy()) --> 3
--- ```
---@return concur.array copy
function array:copy() end

--- A view on the elements from `i` to `j` of the same memory.
--- Raises: out of bounds.
---
--- ```lua
--- local array = concur.array("u8", {1, 2, 3})
--- array:slice(2, 3)[1] = 9
--- print(array[2]) --> 9
--- ```
---@param i? integer
---@param j? integer
---@return concur.array view
function array:slice(i, j) end

--- The elements from `i` to `j` as bytes, in the machine's own form.
--- Raises: out of bounds.
---
--- ```lua
--- print(#concur.array("f64", 2):bytes()) --> 16
--- ```
---@param i? integer
---@param j? integer
---@return string bytes
function array:bytes(i, j) end

--- Writes the elements that are in a string, beginning at position `i`.
--- Raises: for no whole number of elements; when they do not fit.
---
--- ```lua
--- local array = concur.array("u8", 3)
--- array:write(2, "\1\2")
--- print(array[3]) --> 2
--- ```
---@param i integer
---@param bytes string
function array:write(i, bytes) end
