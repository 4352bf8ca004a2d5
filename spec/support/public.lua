--- Public: what the running module offers, found by looking at it: the fields of its tables, and the methods
-- of every kind of handle and object, of each of which one is made.
--
-- Names that begin with _ are private.
local concur = require "concur"

local public = {}

-- Kinds of objects that scripts have no handles of: parts of pools and loops.
local internal = {crew = true, job = true, loop = true}

-- Kinds whose __index is no table of methods: all names are free for keys.
local without_methods = {tls = true}

-- Kinds that a constructor of another name makes, or one that needs arguments.
local make = {
  array = function() return concur.array("u8", 1) end,
  barrier = function() return concur.barrier(2) end,
  latch = function() return concur.latch(1) end,
  connection = function() return (concur.pipe()) end,
  thread = function()
    local thread = concur.spawn(function() end)
    thread:join()
    return thread
  end,
  process = function()
    local process = concur.process(function() end):start()
    process:join()
    return process
  end,
  timer = function()
    local timer = concur.timer(0, function() end):start()
    timer:join()
    return timer
  end,
}

-- Kinds that have no handles of their own to look at; `pipe` makes connections.
local elsewhere = {pipe = true, manager = true, proxy = true}

local function is_public(name) return type(name) == "string" and name:sub(1, 1) ~= "_" end

local function names_of(t)
  local set = {}
  for name in pairs(t) do
    if is_public(name) then set[name] = true end
  end
  return set
end

--- The methods of an object, as a set: those in its __index, or in the table that its __index looks into.
function public.methods(object)
  local index = getmetatable(object).__index
  if type(index) == "function" then
    local _, methods = debug.getupvalue(index, 1)
    index = methods
  end
  assert(type(index) == "table", "no methods found")
  return names_of(index)
end

-- {== what needs more than a call to make

local function add(list, class, object, names)
  list[#list + 1] = {class = class, sample = object, names = names or public.methods(object)}
end

local function add_async(list, async)
  async.run(function()
    local task = async.spawn(function() end)
    task:await()
    add(list, "concur.task", task)
    local listener <close> = assert(async.listen "127.0.0.1:0")
    add(list, "concur.listener", listener)
    local stream <close> = assert(async.connect(listener:address()))
    add(list, "concur.stream", stream)
    local program <close> = assert(async.popen {"true"})
    program:wait()
    add(list, "concur.async_program", program)
  end)
end

local function add_manager(list, manager)
  local server <close> = manager.server {address = "127.0.0.1:0", authkey = "key"}
  server:start()
  add(list, "concur.server", server)
  local client <close> = assert(manager.connect {address = server:address(), authkey = "key", timeout = 10})
  add(list, "concur.manager", client)
end

-- What stands behind concur.NAME, which loads a module when it is first used; nil where what that needs is missing.
local function module_of(name, missing)
  local found, module = pcall(require, "concur." .. name)
  if found then return module end
  if tostring(module):find("module 'concur." .. name .. "' not found", 1, true) then return concur[name] end
  if not tostring(module):find("needs", 1, true) then error(module, 0) end
  missing[#missing + 1] = "concur." .. name
end

-- The tables in concur that are neither constructors nor values.
local function modules(missing)
  local found = {}
  for name in pairs(names_of(concur)) do
    local field = concur[name]
    if type(field) == "table" and field ~= concur.CANCELLED and not (getmetatable(field) or {}).__call then
      found[name] = module_of(name, missing)
    end
  end
  return found
end

-- ==}

--- The kinds of handles that scripts can have, sorted.
function public.kinds()
  local kinds = {}
  for kind in pairs(concur.info().objects) do
    if not internal[kind] and not elsewhere[kind] then kinds[#kinds + 1] = kind end
  end
  table.sort(kinds)
  return kinds
end

--- All public names: a list of {class=, names= (a set), sample= (an object)}, and a list of the modules that cannot be
-- loaded here.
function public.all()
  local list, missing = {}, {}
  add(list, "concur", concur, names_of(concur))
  local found = modules(missing)
  for name, module in pairs(found) do
    -- "concur.manager" is what a client is called
    add(list, name == "manager" and "concur.manager_module" or "concur." .. name, module, names_of(module))
  end
  if found.async then add_async(list, found.async) end
  if found.async and found.manager then add_manager(list, found.manager) end
  for _, kind in ipairs(public.kinds()) do
    local handle = (make[kind] or concur[kind])()
    add(list, "concur." .. kind, handle, without_methods[kind] and {} or nil)
  end
  local hold <close> = concur.rwlock():read()
  add(list, "concur.hold", hold)
  local program <close> = assert(concur.subprocess.popen {"true"})
  add(list, "concur.program", program)
  for _, kind in ipairs {"thread", "process"} do
    add(list, ("concur.%s_constructor"):format(kind), concur[kind], {extend = concur[kind].extend and true})
    local class = concur[kind]:extend()
    local instance = class():start()
    instance:join()
    add(list, ("concur.%s_class"):format(kind), instance, names_of(require "concur.class"[kind]))
  end
  return list, missing
end

--- Tables that calls return, whose fields are public: a list of {class=, names=}.
function public.records()
  local pool <close> = concur.pool()
  return {
    {class = "concur.info", names = names_of(concur.info())},
    {class = "concur.pool_stats", names = names_of(pool:stats())},
  }
end

-- What no option may be, of any type.
local function odd() return coroutine.create(print) end

--- Functions that take options by name: {class=, call=function(options)}, which raises "unknown option" for those that
-- they do not know.
function public.takers()
  local subprocess = concur.subprocess
  local list = {
    {class = "concur.thread_options", call = concur.thread},
    {class = "concur.process_options", call = concur.process},
    {class = "concur.timer_options", call = concur.timer, base = {interval = 1}},
    {class = "concur.semaphore_options", call = concur.semaphore},
    {class = "concur.priority_queue_options", call = concur.priority_queue},
    {class = "concur.pool_options", call = concur.pool},
    {class = "concur.run_options", call = subprocess.run, base = {"true"}},
    {class = "concur.popen_options", call = subprocess.popen, base = {"true"}},
    {class = "concur.log_options", call = concur.log.config},
    {class = "concur.map_options", call = function(options)
      local pool <close> = concur.pool()
      pool:map(print, {}, options)
    end},
    {class = "concur.imap_options", call = function(options)
      local pool <close> = concur.pool()
      pool:imap(print, {}, options)
    end},
  }
  local found, manager = pcall(require, "concur.manager")
  if found then
    local base = {address = "127.0.0.1:0", authkey = "key"}
    list[#list + 1] = {class = "concur.server_options", call = manager.server, base = base}
    list[#list + 1] = {class = "concur.connect_options", call = manager.connect, base = base}
  end
  return list
end

--- Whether a taker knows an option.
function public.takes(taker, name)
  local options = {}
  for key, value in pairs(taker.base or {}) do options[key] = value end
  options[name] = odd()
  local ok, err = pcall(taker.call, options)
  return ok or not tostring(err):find("unknown option", 1, true)
end

return public
