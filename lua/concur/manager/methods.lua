--- Methods: what a client may do with an object, and what it is taken to hold.
-- @module concur.manager.methods
local concur = require "concur"

local methods = {}

-- Kinds that are offered.
local offered = {
  queue = true, lifo = true, priority_queue = true, dict = true, list = true, value = true,
  lock = true, rlock = true, semaphore = true, bounded_semaphore = true, event = true, barrier = true,
  condition = true, latch = true,
}

-- What makes no sense from afar.
local kept = {
  fileno = true, pollfd = true, events = true, timeout = true, id = true, with = true, wait_for = true, items = true,
  update = true,
}

local found = {} -- by kind and name

local special = {
  __len = function(handle) return #handle end,
  __close = function(handle) return getmetatable(handle).__close(handle) end,
  __index = function(handle, key)
    if concur.type(handle) == "dict" then return handle:get(key) end
    return handle[key]
  end,
  __newindex = function(handle, key, value)
    if concur.type(handle) == "dict" then handle:set(key, value) else handle[key] = value end
  end,
}

-- How the positions of the calls below begin.
local places = { "concur.manager:", debug.getinfo(1, "S").short_src .. ":" }

local function pass(...) return ... end

-- A call by name, so that errors about arguments have that name and count as the caller does.
local function by_name(method)
  local code = "local pass = ... return function(handle, ...) return pass(handle:%s(...)) end"
  return load(code:format(method), "=concur.manager")(pass)
end

--- An error of a method: without its position, if that is where the method was called here; and whether it was.
function methods.without_place(err)
  if type(err) ~= "string" then return err end
  for _, place in ipairs(places) do
    if err:sub(1, #place) == place then
      local text = err:match("^%d+: (.*)$", #place + 1)
      if text then return text, true end
    end
  end
  return err
end

--- The function behind a method's name, or nil.
function methods.find(kind, name)
  if not offered[kind] or kept[name] then return nil end
  local of = found[kind]
  if not of then
    of = {}
    found[kind] = of
    for method in pairs(concur._methods[kind]) do of[method] = by_name(method) end
    for method, fn in pairs(special) do of[method] = fn end
  end
  return of[name]
end

--- Has the client know the object by the number returned, once more.
function methods.export(connection, handle, kind)
  if not offered[kind] then error(("cannot offer a concur.%s over the network"):format(kind), 0) end
  local id = handle:id()
  local export = connection.exports[id]
  if not export then
    export = { handle = handle, kind = kind, count = 0 }
    connection.exports[id] = export
  end
  export.count = export.count + 1
  return id
end

--- The client has dropped so many of what it was given.
function methods.release(connection, id, count)
  local export = connection.exports[id]
  if not export then return end
  export.count = export.count - count
  if export.count <= 0 then connection.exports[id] = nil end
end

-- Kinds of which a thread can hold something.
local held = { lock = true, rlock = true, condition = true, semaphore = true, bounded_semaphore = true }

--- Notes what the actor has acquired: that belongs to nobody else. Returns the results of the call.
function methods.noted(actor, export, name, ...)
  if (name == "acquire" or name == "wait") and held[export.kind] then
    actor.acquired[export.handle:id()] = export.handle
  end
  return ...
end

--- The actor, whose task runs, is that of a thread that has ended: its rlocks are abandoned. Returns whether it holds
-- anything else, which stays so until the connection ends or somebody releases it.
function methods.outlives(actor)
  local any = false
  for id, handle in pairs(actor.acquired) do
    local kind = concur._holds(handle)
    if kind == "rlock" then concur._leave(handle) end
    if kind == nil or kind == "rlock" then actor.acquired[id] = nil else any = true end
  end
  return any
end

--- Gives up the locks that the actor, whose task runs, still holds.
function methods.leave(actor)
  for _, handle in pairs(actor.acquired) do concur._leave(handle) end
end

return methods
