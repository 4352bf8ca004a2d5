--- Stream: bytes to and from a libuv stream (a socket, a pipe), read and written by tasks that wait.
-- @module concur.async.stream
local concur = require "concur"
local loops = require "concur.async.loop"

local MOST = 65536 -- bytes

local Stream = {}
Stream.__index = Stream
Stream.__name = "concur.stream"

local streams = {Stream = Stream}

--- Tells of a handle that has a socket now: children of this process are not to have that.
function streams.own(handle)
  local fd = handle:fileno()
  if fd then concur._inherit_not(fd) end
end

--- Closes a handle that owns its socket.
function streams.close_handle(handle)
  if handle:is_closing() then return end
  local fd = handle:fileno()
  if fd then concur._inherit_cut(fd) end
  handle:close()
end

--- Makes a stream of a libuv handle, which belongs to it from then on.
function streams.new(handle)
  local loop = loops.need(2)
  streams.own(handle)
  local stream = setmetatable({
    handle = handle, loop = loop,
    -- what has come: pieces first…last, less `at` bytes of the first one; of so many bytes
    pieces = {}, first = 1, last = 0, at = 0, size = 0,
    ended = false,
    ahead = MOST, -- bytes read ahead of who reads
  }, Stream)
  loop.streams[stream] = true
  return stream
end

--- Suspends the calling task until what libuv was asked for is done. `start` gets the callback. Returns what the
-- callback was given.
function streams.await(start)
  local me = loops.need_task(2)
  local results
  local function callback(...)
    if results then return end
    results = table.pack(...)
    if me.awaits == start then loops.wake(me) end
  end
  local request, message = start(callback)
  if request == nil and message ~= nil then return message end
  me.awaits = start
  while not results do loops.wait() end
  me.awaits = nil
  return table.unpack(results, 1, results.n)
end

-- {== reading

local function add(stream, piece)
  stream.last = stream.last + 1
  stream.pieces[stream.last] = piece
  stream.size = stream.size + #piece
end

local function on_read(stream, err, piece)
  if err then stream.err = err end
  if piece then add(stream, piece) else stream.ended = true end
  if (stream.ended or stream.size >= (stream.wanted or stream.ahead)) and stream.reading then
    stream.reading = false
    if not stream.handle:is_closing() then stream.handle:read_stop() end
  end
  local reader = stream.reader
  if reader and reader.awaits == stream then loops.wake(reader) end
end

-- Raises at the caller's caller unless the stream can be read.
local function check(stream)
  if stream.closed then error("the stream is closed", 3) end
  if stream.reader and stream.reader ~= loops.need_task(2) then error("another task is reading from the stream", 3) end
  stream.wanted = nil -- of a read that was cancelled
end

-- Waits for more to come. False at the end.
local function more(stream)
  if stream.ended then return false end
  local me = loops.need_task(2)
  if not stream.reading then
    stream.reading = true
    local ok, err = stream.handle:read_start(function(failure, piece) on_read(stream, failure, piece) end)
    if not ok then
      stream.reading, stream.err, stream.ended = false, err, true
      return false
    end
  end
  local size = stream.size
  stream.reader, me.awaits = me, stream
  local _ <close> = setmetatable({}, {__close = function()
    stream.reader, me.awaits = nil, nil
  end})
  while stream.size == size and not stream.ended and not stream.closed do loops.wait() end
  return stream.size > size
end

-- Takes the first n bytes of what has come, which has as many.
local function take(stream, n)
  local pieces, parts, left = stream.pieces, nil, n
  stream.size = stream.size - n
  while true do
    local piece, at = pieces[stream.first], stream.at
    local rest = piece and #piece - at or left
    if left < rest then
      stream.at = at + left
      local part = piece:sub(at + 1, at + left)
      if not parts then return part end
      parts[#parts + 1] = part
      return table.concat(parts)
    end
    local part = piece and (at > 0 and piece:sub(at + 1) or piece) or ""
    pieces[stream.first], stream.at = nil, 0
    stream.first = stream.first + 1
    if stream.first > stream.last then stream.first, stream.last = 1, 0 end
    left = left - rest
    if left == 0 and not parts then return part end
    parts = parts or {}
    parts[#parts + 1] = part
    if left == 0 then return table.concat(parts) end
  end
end

-- Looks at each piece once, however long the line, or short.
local function read_line(stream, keep)
  local i, before = stream.first, 0 -- the piece to be looked at, and the bytes before it
  while true do
    while i <= stream.last do
      local start = i == stream.first and stream.at or 0
      local at = stream.pieces[i]:find("\n", start + 1, true)
      if at then
        local line = take(stream, before + at - start)
        return keep and line or line:sub(1, -2)
      end
      before = before + #stream.pieces[i] - start
      i = i + 1
    end
    if not more(stream) then
      return stream.size > 0 and take(stream, stream.size) or nil
    end
  end
end

local function read_bytes(stream, n)
  stream.wanted = math.max(n, stream.ahead)
  while stream.size < n and more(stream) do end
  stream.wanted = nil
  if stream.size == 0 and n > 0 then return nil end
  return take(stream, math.min(n, stream.size))
end

local function read_all(stream)
  stream.wanted = math.huge
  while more(stream) do end
  stream.wanted = nil
  return take(stream, stream.size)
end

--- Reads as io's files do: "l" a line (nil at the end), "L" a line with its end, "a" all that comes, n that many
-- bytes (less at the end, nil when there are none).
-- @tparam[opt="l"] string|integer what
-- @return a string, or nil; nil and a message when the connection failed
function Stream:read(what)
  check(self)
  local result
  what = what or "l"
  if math.type(what) == "integer" and what >= 0 then
    result = read_bytes(self, what)
  elseif what == "l" or what == "L" then
    result = read_line(self, what == "L")
  elseif what == "a" then
    result = read_all(self)
  else
    error("bad argument #1 to 'read' (invalid format)", 2)
  end
  if result == nil and self.err then return nil, self.err end
  return result
end

--- Reads what there is, at most n bytes; waits for the first one. nil at the end.
function Stream:read_some(n)
  check(self)
  if self.size == 0 and not more(self) then return nil, self.err end
  return take(self, math.min(n or MOST, self.size))
end

--- For each line: `for line in stream:lines() do`.
function Stream:lines(what)
  return function() return (self:read(what)) end
end

--- How many bytes have come that nobody has read.
function streams.unread(stream) return stream.size end

-- ==} {== writing

-- Gives the system what it takes at once. Returns the rest.
local function try(stream, text)
  local n = stream.handle:get_write_queue_size() == 0 and stream.handle:try_write(text) or 0
  return n > 0 and text:sub(n + 1) or text
end

--- Writes, but does not wait: what the system does not take at once stays in memory until it does.
function streams.post(stream, text)
  if stream.closed then return end
  text = try(stream, text)
  if text ~= "" then stream.handle:write(text) end
end

--- How many bytes were written that the system has not taken.
function streams.unsent(stream) return stream.closed and 0 or stream.handle:get_write_queue_size() end

--- Writes strings and numbers; waits until the system has taken them.
-- @treturn stream itself, or nil and a message
function Stream:write(...)
  if self.closed then error("the stream is closed", 2) end
  local pieces = {...}
  for i = 1, select("#", ...) do
    local t = type(pieces[i])
    if t ~= "string" and t ~= "number" then
      error(("bad argument #%d to 'write' (string expected, got %s)"):format(i, t), 2)
    end
    if t == "number" then pieces[i] = tostring(pieces[i]) end
  end
  local text = try(self, table.concat(pieces))
  if text == "" then return self end
  local err = streams.await(function(callback) return self.handle:write(text, callback) end)
  if err then return nil, err end
  return self
end

--- Says that nothing more will be written; reading goes on.
function Stream:shutdown()
  if self.closed then error("the stream is closed", 2) end
  local err = streams.await(function(callback) return self.handle:shutdown(callback) end)
  if err then return nil, err end
  return self
end

-- ==}

--- Closes it; whoever reads gets nil. May be repeated.
function Stream:close()
  if self.closed then return end
  self.closed, self.ended, self.reading = true, true, false
  self.loop.streams[self] = nil
  streams.close_handle(self.handle)
  local reader = self.reader
  if reader and reader.awaits == self then loops.wake(reader) end
end

Stream.__close = Stream.close
Stream.__gc = Stream.close

function Stream:__tostring()
  return ("concur.stream: %p%s"):format(self, self.closed and " (closed)" or "")
end

local function text_of(name)
  if type(name) == "string" then return "unix:" .. name end
  if not name then return nil end
  return (name.family == "inet6" and "[%s]:%d" or "%s:%d"):format(name.ip, name.port)
end

--- The address of the other side, "host:port", "[host]:port" or "unix:path".
function Stream:peer() return not self.closed and text_of(self.handle:getpeername()) or nil end

--- The address of this side.
function Stream:address() return not self.closed and text_of(self.handle:getsockname()) or nil end

streams.text_of = text_of

return streams
