--- Net: connections, servers and names, for tasks of a loop.
-- @module concur.async.net
local concur = require "concur"
local address_of = require "concur.async.address"
local loops = require "concur.async.loop"
local streams = require "concur.async.stream"

local uv = loops.uv

local net = {}

local BACKLOG = 511

-- Raises at the caller's caller.
local function parse(name, text, port)
  local to, wrong = address_of(text, port)
  return to or error(("bad argument #1 to '%s' (%s)"):format(name, wrong), 3)
end

--- The addresses of a host: a list of {ip=, family="inet" or "inet6"}, or nil and a message.
function net.resolve(host)
  if type(host) ~= "string" then error("bad argument #1 to 'resolve' (string expected)", 2) end
  loops.need_task()
  local err, found = streams.await(function(callback)
    return uv.getaddrinfo(host, nil, {socktype = "stream"}, callback)
  end)
  if err then return nil, err end
  local list, seen = {}, {}
  for _, entry in ipairs(found) do
    if not seen[entry.addr] then
      seen[entry.addr] = true
      list[#list + 1] = {ip = entry.addr, family = entry.family}
    end
  end
  return list
end

-- A handle that is closed when its task is left by an error.
local function guarded(handle)
  local guard = setmetatable({handle = handle}, {__close = function(self)
    if self.handle and not self.handle:is_closing() then self.handle:close() end
  end})
  return guard
end

local function connect_to(start, handle)
  local held <close> = guarded(handle)
  local err = streams.await(start)
  if err then return nil, err end
  held.handle = nil
  return streams.new(handle)
end

--- Connects to a server; tries all addresses of a name.
-- @string address "host:port", "[host]:port" or "unix:path"; or the host
-- @int[opt] port
-- @treturn stream or nil and a message
function net.connect(address, port)
  local to = parse("connect", address, port)
  loops.need_task()
  if to.path then
    local pipe = uv.new_pipe(false)
    return connect_to(function(callback) return pipe:connect(to.path, callback) end, pipe)
  end
  local list, err = net.resolve(to.host)
  for _, entry in ipairs(list or {}) do
    local tcp = uv.new_tcp()
    tcp:nodelay(true)
    local stream
    stream, err = connect_to(function(callback) return tcp:connect(entry.ip, to.port, callback) end, tcp)
    if stream then return stream end
  end
  return nil, err or "no address"
end

local Server = {}
Server.__index = Server
Server.__name = "concur.listener"

local function on_connection(server, err)
  if err or server.closed then return end
  local handle = server.path and uv.new_pipe(false) or uv.new_tcp()
  if not server.handle:accept(handle) then return handle:close() end
  if not server.path then handle:nodelay(true) end
  local stream = streams.new(handle)
  if server.handler then
    server.loop:spawn(function()
      local _ <close> = stream
      server.handler(stream)
    end)
    return
  end
  server.waiting[#server.waiting + 1] = stream
  local task = server.accepting
  if task and task.awaits == server then loops.wake(task) end
end

-- Binds a pipe to a path. The file of a server that was killed, at which nobody listens, makes room.
local function bind(pipe, path)
  local ok, err, name = pipe:bind(path)
  if name == "EADDRINUSE" and concur._socket_left(path) then
    os.remove(path)
    ok, err = pipe:bind(path)
  end
  return ok, err
end

--- Listens; handler(stream) runs in a task of its own for each connection, which is closed when that
-- returns. Without handler server:accept() gives the connections.
-- @string address as for connect; port 0: any free one, see server:address()
-- @tparam[opt] function handler
-- @treturn server or nil and a message
function net.listen(address, handler)
  local at = parse("listen", address)
  if handler ~= nil and type(handler) ~= "function" then
    error(("bad argument #2 to 'listen' (function expected, got %s)"):format(type(handler)), 2)
  end
  local loop = loops.need()
  local handle = at.path and uv.new_pipe(false) or uv.new_tcp()
  local ok, err
  if at.path then
    ok, err = bind(handle, at.path)
  else
    local found
    found, err = uv.getaddrinfo(at.host ~= "" and at.host or "0.0.0.0", nil, {socktype = "stream"})
    if found then ok, err = handle:bind(found[1].addr, at.port) end
  end
  local server = setmetatable({handle = handle, loop = loop, path = at.path, handler = handler, waiting = {}}, Server)
  if ok then ok, err = handle:listen(BACKLOG, function(failure) on_connection(server, failure) end) end
  if not ok then
    handle:close()
    return nil, err
  end
  streams.own(handle)
  loop.streams[server] = true
  return server
end

--- The next connection, or nil when the server was closed.
function Server:accept()
  local me = loops.need_task()
  if self.handler then error("the server has a handler", 2) end
  while not self.waiting[1] and not self.closed do
    self.accepting, me.awaits = me, self
    loops.wait()
  end
  self.accepting, me.awaits = nil, nil
  return table.remove(self.waiting, 1)
end

--- Where it listens, as connect takes it.
function Server:address()
  if self.closed then return nil end
  return self.path and "unix:" .. self.path or streams.text_of(self.handle:getsockname())
end

--- Takes no more connections; those that there are stay.
function Server:close()
  if self.closed then return end
  self.closed = true
  self.loop.streams[self] = nil
  streams.close_handle(self.handle)
  local task = self.accepting
  if task and task.awaits == self then loops.wake(task) end
end

Server.__close = Server.close

-- {== other programs

local Program = {}
Program.__index = Program
Program.__name = "concur.program"

--- Starts a program, as concur.subprocess.popen does, with pipes that tasks read and write.
-- @tparam table options {"prog", "arg", …, cwd=, env= (a table of names to values)}
-- @treturn program or nil and a message. Fields: stdin, stdout, stderr (streams), pid
function net.popen(options)
  if type(options) ~= "table" or type(options[1]) ~= "string" then
    error("bad argument #1 to 'popen' (a table that begins with the program's name expected)", 2)
  end
  local loop = loops.need()
  local pipes = {uv.new_pipe(false), uv.new_pipe(false), uv.new_pipe(false)}
  local env
  if options.env then
    env = {}
    for name, value in pairs(options.env) do env[#env + 1] = name .. "=" .. value end
  end
  local program = setmetatable({loop = loop}, Program)
  local handle, pid = uv.spawn(options[1], {
    args = table.move(options, 2, #options, 1, {}),
    stdio = pipes, cwd = options.cwd, env = env,
  }, function(code, signal)
    program.ended = {code = signal == 0 and code or nil, signal = signal ~= 0 and signal or nil}
    program.handle:close()
    if program.waiter and program.waiter.awaits == program then loops.wake(program.waiter) end
  end)
  if not handle then
    for _, pipe in ipairs(pipes) do pipe:close() end
    return nil, pid
  end
  program.handle, program.pid = handle, pid
  program.stdin, program.stdout, program.stderr =
    streams.new(pipes[1]), streams.new(pipes[2]), streams.new(pipes[3])
  return program
end

--- Waits for its end: {code=, signal=}.
function Program:wait()
  local me = loops.need_task()
  while not self.ended do
    self.waiter, me.awaits = me, self
    loops.wait()
  end
  self.waiter, me.awaits = nil, nil
  return self.ended
end

--- Sends it a signal (9, SIGKILL, unless told).
function Program:kill(signal)
  if self.ended then return false end
  return self.handle:kill(signal or 9) == 0
end

--- Ends it if it runs, and closes its streams.
function Program:close()
  self:kill()
  self.stdin:close()
  self.stdout:close()
  self.stderr:close()
end

Program.__close = Program.close

-- ==}

return net
