--- Thread and process classes: `concur.thread:extend([name])`, `concur.process:extend([name])`.
--
-- A class defines `Class:init(...)` and `Class:run()`. `Class(...)` makes an
-- instance, a table whose fields are copied over when the thread starts; `run` is
-- called on the copy, in the new state, and its results are `join`'s. The handle of
-- the thread stands behind the instance: `name`, `daemon`, `ident` and `native_id`
-- are the handle's, in both states, and so are `pid` and `exitcode` of a process.
--
-- Everything that instances need is in this module's table, so that it crosses by
-- name.
-- @module concur.class
local concur = require "concur"

local class = {}

-- The handle of each instance; not a field, since fields are copied.
local handles = concur._instances()

-- How many unnamed instances each class has had in this state.
local counts = setmetatable({}, {__mode = "k"})

local properties = {name = true, daemon = true, ident = true, native_id = true}

-- Those that a process has besides.
local process_properties = {pid = true, exitcode = true}

local function handle_of(instance)
  local handle = handles[instance]
  if not handle then error("not an instance of a thread or process class", 3) end
  return handle
end

--- The plain thread handle behind an instance.
function class.handle(instance) return handle_of(instance) end

function class.lookup(instance, key)
  if properties[key] then return handle_of(instance)[key] end
  local cls = getmetatable(instance)
  if process_properties[key] and cls.__concur == "process" then return handle_of(instance)[key] end
  return cls[key]
end

-- Instances that were given a name of their own.
local named = setmetatable({}, {__mode = "k"})

local function set(handle, key, value) handle[key] = value end

function class.assign(instance, key, value)
  if properties[key] or process_properties[key] and getmetatable(instance).__concur == "process" then
    local ok, message = pcall(set, handle_of(instance), key, value)
    if not ok then error((message:gsub("^[^:]+:%d+: ", "")), 2) end
    if key == "name" then named[instance] = true end
  else
    rawset(instance, key, value)
  end
end

function class.tostring(instance) return tostring(handle_of(instance)) end

function class.identity(handle) return handle end

-- Sent to another state, an instance is its handle.
function class.transfer(instance) return class.identity, handle_of(instance) end

--- What the new thread runs: `fields` becomes the instance there.
function class.run(cls, fields)
  handles[fields] = cls.__concur == "process" and concur.current_process() or concur.current()
  return setmetatable(fields, cls):run()
end

--- What every class inherits: the methods of handles, which take instances, too.
local function base(plain, names)
  local methods = {}
  for _, name in ipairs(names) do methods[name] = plain[name] end
  return methods
end

class.thread = base(concur.current(), {"join", "is_alive", "status", "cancel", "traceback", "id", "fileno", "pollfd",
                                       "events", "timeout"})
class.process = base(concur.current_process(), {"join", "is_alive", "status", "cancel", "traceback", "id", "fileno",
                                                "pollfd", "events", "timeout", "terminate", "kill", "signal"})

function class.init() end

function class.no_run() end

function class.start(self)
  local handle, fields = handle_of(self), class.starts[self]
  if fields then
    for key, value in next, self do fields[key] = value end
  end
  local ok, message = pcall(handle.start, handle)
  if not ok then error(message, 2) end
  class.starts[self] = nil
  return self
end

-- The tables that the handles of unstarted instances hold as their fields.
class.starts = setmetatable({}, {__mode = "k"})

-- The name that the next unnamed instance of a class gets.
local function next_name(cls, take)
  if not cls.__class then return concur._default_name(cls.__concur, take) end
  local count = (counts[cls] or 0) + 1
  if take then counts[cls] = count end
  return cls.__class .. "-" .. count
end

--- Makes an instance; what `Class(...)` calls.
function class.new(cls, ...)
  local fields, instance = {}, {}
  handles[instance] = concur[cls.__concur] {target = class.run, args = {cls, fields},
                                            name = next_name(cls, false)}
  class.starts[instance] = fields
  setmetatable(instance, cls)
  instance:init(...)
  if not named[instance] then handles[instance].name = next_name(cls, true) end
  return instance
end

--- Makes a subclass of `concur.thread`, of `concur.process` or of a class made by `extend`.
-- @tparam table parent `concur.thread`, `concur.process` or a class
-- @tparam[opt] string name unnamed instances are called `name-1`, `name-2`, …
-- @treturn table the class
-- @usage
-- local Greeter = concur.thread:extend("greeter")
-- function Greeter:init(whom) self.whom = whom end
-- function Greeter:run() return "hello " .. self.whom end
-- print(Greeter("world"):start():join())  --> true  hello world
function class.extend(parent, name)
  if name ~= nil and type(name) ~= "string" then
    error(("bad argument #1 to 'extend' (string expected, got %s)"):format(type(name)), 2)
  end
  local kind = parent == concur.thread and "thread" or parent == concur.process and "process" or
    parent.__concur
  local cls = {
    __index = class.lookup,
    __newindex = class.assign,
    __tostring = class.tostring,
    __transfer = class.transfer,
    __concur = kind,
    __class = name,
  }
  local inherited = parent == concur[kind] and class[kind] or parent
  return setmetatable(cls, {__index = inherited, __call = class.new})
end

for _, methods in ipairs {class.thread, class.process} do
  methods.init, methods.run, methods.start, methods.extend = class.init, class.no_run, class.start, class.extend
end

return class
