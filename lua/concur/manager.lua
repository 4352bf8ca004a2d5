--- Objects over the network: `concur.manager.connect`.
--
-- A client calls the functions that a server has registered, and what they return that is no plain
-- value comes back as a proxy, which has the methods of the object behind it. Both sides prove that
-- they know the same key; all that they send is sealed. This module needs libsodium.
-- @module concur.manager
local concur = require "concur"

local manager = {}

local found, sodium = pcall(require, "concur.sodium")
if not found then
  error("concur.manager needs libsodium: build concur where it and its header are (on Debian: libsodium-dev)\n" ..
    tostring(sodium), 0)
end

local MAX_MESSAGE = 64 << 20
local MAX_DEPTH = 200
local LARGEST = 1 << 31

-- {== options

local function integer_option(name, least, most)
  return function(value)
    if math.type(value) ~= "integer" or value < least or value > most then
      return ("bad option '%s' (an integer from %d to %d expected)"):format(name, least, most)
    end
  end
end

local function string_option(name)
  return function(value)
    if type(value) ~= "string" or value == "" or (name == "address" and value:find("\0", 1, true)) then
      return ("bad option '%s' (a string that is not empty expected)"):format(name)
    end
  end
end

local checks = {
  address = string_option "address",
  authkey = string_option "authkey",
  max_message = integer_option("max_message", 1, LARGEST),
  max_depth = integer_option("max_depth", 1, LARGEST),
  timeout = function(value)
    if type(value) == "boolean" or type(value) == "number" and value >= 0 then return end
    return "bad option 'timeout' (a number that is not negative or a boolean expected)"
  end,
  heartbeat = function(value)
    if type(value) == "number" and value >= 0.01 and value <= 1e6 then return end
    return "bad option 'heartbeat' (seconds from 0.01 on expected)"
  end,
}

local function check(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'connect' (table expected, got %s)"):format(type(options)), 3)
  end
  for name, value in pairs(options) do
    if not checks[name] then error(("unknown option '%s' for connect"):format(tostring(name)), 3) end
    local trouble = checks[name](value)
    if trouble then error(trouble, 3) end
  end
  for _, name in ipairs { "address", "authkey" } do
    local trouble = options[name] == nil and checks[name](nil)
    if trouble then error(trouble, 3) end
  end
end

-- ==}

--- Connects to a server.
--
-- The handle calls the server's functions: `m:name(...)`; `m:close()` and `<close>` end it, but proxies keep
-- the connection. On a lost connection each call returns `nil, "connection lost"`.
-- @tparam table options `address` ("host:port", "[host]:port" or "unix:path"), `authkey` (string),
--   `timeout` (seconds, for ever), `max_message` (bytes, 64 MiB), `max_depth` (of tables that are
--   received, 200), `heartbeat` (seconds of silence after which the server is lost, 1)
-- @treturn handle|nil what `concur.type` calls "manager"
-- @treturn ?string "authentication failed", "timeout", "too many connections" or what the system says
-- @raise for a bad option
-- @usage
-- local m = assert(concur.manager.connect { address = "127.0.0.1:5000", authkey = "abc", timeout = 5 })
---@param options table
---@return userdata?, string?
function manager.connect(options)
  check(options)
  local m, why = concur._connect(sodium.cipher, options.address, options.authkey, options.timeout,
    options.max_message or MAX_MESSAGE, options.max_depth or MAX_DEPTH, options.heartbeat or 1)
  if m == false then error(("bad option 'address' (%s)"):format(why), 2) end
  if m then return m end
  return nil, (why:gsub("^%u%l", string.lower))
end

--- Makes a server, not started: `server:register(name, fn)`, `server:start()`, `server:address()`,
-- `server:shutdown()`. See manager/server.lua.
function manager.server(options) return require "concur.manager.server".new(options) end

return manager
