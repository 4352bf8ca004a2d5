-- Asynchronous input and output: one thread has many requests under way at once. A server on this machine answers
-- each after a delay; one after the other they take the sum of the delays, together about one of them.

package.path = arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path
local concur = require "concur"
local example = require "example"
local async = concur.async

local n, delay = 20, example.pause(0.2)

local function serve(stream)
  local path = stream:read():match "^GET (%S+)"
  repeat local line = stream:read() until line == nil or line == "\r" or line == ""
  async.sleep(delay)
  local body = "page " .. path
  stream:write("HTTP/1.0 200 OK\r\nContent-Length: ", #body, "\r\n\r\n", body)
end

local function fetch(address, path)
  local stream <close> = assert(async.connect(address))
  stream:write("GET ", path, " HTTP/1.0\r\n\r\n")
  local length
  assert(stream:read():find "200 OK")
  for line in stream:lines() do
    if line == "\r" then break end
    length = length or tonumber(line:match "^Content%-Length: (%d+)")
  end
  return stream:read(length)
end

local function seconds(fn)
  local start = concur.now()
  fn()
  return concur.now() - start
end

async.run(function()
  local server <close> = assert(async.listen("127.0.0.1:0", serve))
  local address = server:address()

  local sequential = seconds(function()
    for i = 1, n do assert(fetch(address, "/" .. i) == "page /" .. i) end
  end)
  print(("one after the other: %.3f s"):format(sequential))

  local concurrent = seconds(function()
    local requests = {}
    for i = 1, n do requests[i] = function() return fetch(address, "/" .. i) end end
    local pages = async.gather(requests)
    for i = 1, n do assert(pages[i] == "page /" .. i) end
  end)
  print(("all at once:         %.3f s"):format(concurrent))
  print(("factor:              %.1f"):format(sequential / concurrent))
  assert(sequential >= n * delay * 0.99 and concurrent < sequential / 2)
end)
