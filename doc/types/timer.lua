---@meta
-- Timers: concur.timer; see doc/timer.md.

---@class concur
local concur = {}

--- What `concur.timer` takes as a table.
---@class concur.timer_options
---@field interval number seconds
---@field target? function what to run
---@field args? table its arguments; `n` says how many
---@field repeating? boolean run it every `interval` seconds
---@field name? string
---@field daemon? boolean
---@field globals? table

--- Makes a timer, not started, that will run `fn(...)` once after `interval` seconds.
--- Raises: for a negative or NaN interval, when `fn` is no function, for an unknown option.
---
--- ```lua
--- print(concur.timer(0.01, math.max, 1, 2):start():join()) --> true  2
--- ```
---@overload fun(options: concur.timer_options): concur.timer
---@param interval number seconds
---@param fn function
---@param ... any its arguments
---@return concur.timer timer
function concur.timer(interval, fn, ...) end

--- A function that runs later, to its user like a thread. `cancel` before its time: it never runs.
---
--- ```lua
--- local ticks = concur.queue()
--- local timer = concur.timer {interval = 0.01, target = function() ticks:put "tick" end, repeating = true}
--- timer:start()
--- print(ticks:get()) --> tick
--- timer:cancel()
--- ```
---@class concur.timer : concur.thread
