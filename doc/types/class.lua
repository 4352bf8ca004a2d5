---@meta
-- Classes of threads and processes: concur.thread:extend, concur.process:extend; see doc/class.md.

--- A class: call it to make an instance, which is not started. `Class:init(...)` and `Class:run()` are its to define.
---
--- ```lua
--- local Squarer = concur.thread:extend "squarer"
--- function Squarer:init(n) self.n = n end
--- function Squarer:run() return self.n ^ 2 end
---
--- local squarer = Squarer(3)
--- print(squarer.name, squarer:start():join()) --> squarer-1  true  9.0
--- ```
---@class concur.thread_class : concur.thread
---@overload fun(...: any): concur.thread_class
local thread_class = {}

--- Makes a subclass, as `concur.thread:extend`.
--- Raises: when `name` is no string.
---
--- ```lua
--- local Base = concur.thread:extend()
--- function Base:run() return "base" end
--- local Derived = Base:extend "derived"
--- print(Derived():start():join()) --> true  base
--- ```
---@param name? string
---@return concur.thread_class class
function thread_class:extend(name) end

--- To be defined: called with the arguments of `Class(...)`, in the state that makes the instance.
---
--- ```lua
--- local Worker = concur.thread:extend()
--- function Worker:init(jobs) self.jobs = jobs end
--- print(Worker({1, 2}).jobs[2]) --> 2
--- ```
---@param ... any
function thread_class:init(...) end

--- To be defined: runs in the new thread, on a copy of the instance's fields; its results are `join`'s.
---
--- ```lua
--- local Worker = concur.thread:extend()
--- function Worker:run() return self.name end
--- print(Worker():start():join()) --> true  Thread-1
--- ```
---@return any ...
function thread_class:run() end

--- A class of processes: the same, with the methods and fields of processes.
---
--- ```lua
--- local Child = concur.process:extend "child"
--- function Child:run() return self.name end
--- print(Child():start():join()) --> true  child-1
--- ```
---@class concur.process_class : concur.thread_class, concur.process
---@overload fun(...: any): concur.process_class
