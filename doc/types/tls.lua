---@meta
-- Thread-local storage: concur.tls; see doc/tls.md.

---@class concur
local concur = {}

--- Makes a tls. `init()` is called in each thread that uses it, and returns the table that the thread begins with.
--- Raises: when `init` is no function.
---
--- ```lua
--- local tls = concur.tls(function() return {n = 1} end)
--- tls.n = tls.n + 1
--- print(tls.n, select(2, concur.spawn(function() return tls.n end):join())) --> 2  1
--- ```
---@param init? fun(): table
---@return concur.tls tls
function concur.tls(init) end

--- A table of which each thread sees its own: `tls.key`, `tls.key = value`, `pairs(tls)`. Nothing is copied. It has
--- no methods.
---
--- ```lua
--- local tls = concur.tls()
--- tls.name = "main"
--- print(tls.name, select(2, concur.spawn(function() return tls.name end):join())) --> main  nil
--- ```
---@class concur.tls
---@field [any] any
