--- Address: what "host:port", "[host]:port" and "unix:path" mean.
-- @module concur.async.address

local LONGEST_PATH = 107 -- bytes that Linux has room for

--- Returns {path=} or {host=, port=}; or nil and what is wrong with it.
-- @string text the address, or a host when `port` is given
-- @int[opt] port
return function(text, port)
  if type(text) ~= "string" then return nil, ("string expected, got %s"):format(type(text)) end
  local path = text:match "^unix:(.+)$"
  if path then
    if #path > LONGEST_PATH or path:find "\0" then
      return nil, ("a path of at most %d bytes expected"):format(LONGEST_PATH)
    end
    return { path = path }
  end
  local host = text
  if port == nil then
    host, port = text:match "^%[(.-)%]:(%d+)$"
    if not host then host, port = text:match "^([^:]*):(%d+)$" end
    port = math.tointeger(tonumber(port))
  end
  if not host or math.type(port) ~= "integer" or port < 0 or port > 65535 then
    return nil, '"host:port", "[host]:port" or "unix:path" expected'
  end
  return { host = host, port = port }
end
