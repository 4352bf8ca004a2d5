--- Server: what offers objects to the network, as its owner sees it. Two daemon threads of its own do the work:
-- see serve.lua.
-- @module concur.manager.server
local concur = require "concur"
local address_of = require "concur.async.address"

local Server = {}
Server.__index = Server
Server.__name = "concur.manager.server"

local servers = {Server = Server}

local START_TIMEOUT = 30 -- seconds

-- Options with their defaults; `number`: what a value must be at least.
local options = {
  max_message = { default = 64 << 20, integer = true, number = 1024 },
  max_depth = { default = 200, integer = true, number = 1 },
  max_connections = { default = 4096, integer = true, number = 1 },
  max_unauthenticated = { default = 1024, integer = true, number = 104 },
  max_handshakes = { default = 128, integer = true, number = 1 },
  handshake_timeout = { default = 10, number = 0 },
  idle_timeout = { default = math.huge, number = 0 },
  heartbeat = { default = 1, number = 0.05 },
}

local function check_options(given)
  if type(given) ~= "table" then
    error(("bad argument #1 to 'server' (table expected, got %s)"):format(type(given)), 3)
  end
  local checked = { address = given.address, authkey = given.authkey }
  local at, wrong = address_of(given.address)
  if not at then error(("bad option 'address' (%s)"):format(wrong), 3) end
  if type(given.authkey) ~= "string" or given.authkey == "" then
    error("bad option 'authkey' (a string that is not empty expected)", 3)
  end
  for name, value in pairs(given) do
    local option = options[name]
    if not option and name ~= "address" and name ~= "authkey" then
      error(("unknown option '%s' for a manager's server"):format(tostring(name)), 3)
    end
    if option and (math.type(value) == nil or option.integer and not math.tointeger(value)
        or value < option.number or value ~= value) then
      error(("bad option '%s' (a number of at least %s expected)"):format(name, option.number), 3)
    end
  end
  for name, option in pairs(options) do
    local value = given[name] or option.default
    checked[name] = option.integer and math.tointeger(value) or value
  end
  return checked
end

--- Makes a server, not started.
-- @tparam table given `address` ("host:port", "[host]:port", "unix:/path"; port 0: any free one) and `authkey`;
-- optional are `max_message`, `max_depth`, `max_connections`, `max_handshakes`, `max_unauthenticated`,
-- `handshake_timeout`, `idle_timeout`, `heartbeat`
-- @treturn server
function servers.new(given)
  local checked = check_options(given)
  require "concur.sodium" -- raises here where it is missing
  require "concur.async"
  return setmetatable({ options = checked, functions = {}, state = "new" }, Server)
end

--- Has clients call fn by that name. It runs in a thread of the server, in which its copy lives on; it returns
-- handles, which become proxies, or plain values.
-- @string name
-- @tparam function fn
-- @treturn server itself
function Server:register(name, fn)
  if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" or #name > 200 then
    error("bad argument #1 to 'register' (a name expected)", 2)
  end
  if type(fn) ~= "function" then
    error(("bad argument #2 to 'register' (function expected, got %s)"):format(type(fn)), 2)
  end
  if self.state == "over" then error("the server was shut down", 2) end
  self.functions[name] = fn
  if self.state == "running" then
    local done = concur.future()
    self.calls:put { register = name, fn = fn, done = done }
    done:result()
    self.control:put { "register", name }
  end
  return self
end

--- Begins to serve. Raises when it cannot listen there.
-- @treturn server itself
function Server:start()
  if self.state ~= "new" then error("a server can be started only once", 2) end
  local ready = concur.future()
  self.control, self.calls = concur.queue(), concur.queue()
  local names = {}
  for name in pairs(self.functions) do names[name] = true end
  self.worker = concur.thread {
    name = "manager-functions", daemon = true, args = { self.functions, self.calls },
    target = function(...) return require "concur.manager.functions" (...) end,
  }
  self.thread = concur.thread {
    name = "manager", daemon = true, args = { self.options, names, self.control, self.calls, ready },
    target = function(...) return require "concur.manager.serve" (...) end,
  }
  self.worker:start()
  self.thread:start()
  local ok, address = ready:wait(START_TIMEOUT)
  if not ok then
    self:shutdown()
    error(("cannot listen on %s: %s"):format(self.options.address, tostring(address)), 2)
  end
  self.state, self.at = "running", address
  return self
end

--- Where it listens, as connect takes it; nil before the start.
function Server:address() return self.at end

--- How many clients are connected, and how many are at the handshake.
function Server:connections()
  if self.state ~= "running" then return 0, 0 end
  local answer = concur.future()
  self.control:put { "count", answer }
  return answer:result()
end

--- Ends it: all connections are closed, what clients held is given back, a Unix socket's file is removed. May be
-- repeated.
function Server:shutdown()
  if self.control and self.state ~= "over" then
    self.control:put { "stop" }
    self.calls:close(true)
    self.thread:join(START_TIMEOUT)
    self.worker:cancel()
    self.worker:join(START_TIMEOUT)
  end
  self.state = "over"
end

Server.__close = Server.shutdown
Server.__gc = function(self)
  if self.state ~= "running" then return end
  self.control:put { "stop" }
  self.calls:close(true)
end

function Server:__tostring() return ("concur.manager.server: %p (%s)"):format(self, self.at or self.state) end

return servers
