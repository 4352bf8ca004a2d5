--- Serve: the thread of a server that has the connections: handshakes, frames, heartbeats, and the calls of methods,
-- each in a task. The calls of one thread of a client are done by one task, an actor, so that what that thread
-- holds is its own. The wire protocol is described in doc/manager_protocol.md.
-- @module concur.manager.serve
local concur = require "concur"
local async = require "concur.async"
local loops = require "concur.async.loop"
local methods = require "concur.manager.methods"
local sodium = require "concur.sodium"

local PING, CALL, WITHDRAW, RELEASE, THREAD_ENDED = 0, 1, 2, 3, 4 -- from clients
local OK, ERROR, WITHDRAWN = 0, 1, 2 -- how a call ended
local HELLO, PROOF = 40, 64 -- bytes
local REFUSED, ACCEPTED, TOO_MANY = "\0", "\1", "\2"

local pack, unpack = concur._network_pack, concur._network_unpack

local server = { connections = 0, handshakes = 0 } -- of this state; with `options`, `names`, `calls`

-- {== sending

local function send(connection, text)
  if connection.over then return end
  connection.sent = concur.now()
  connection.stream:write(connection.session:seal(text))
end

-- The results of a call; those that are handles become proxies.
local function encode(connection, id, ...)
  local n = select("#", ...)
  local head, count = {}, 0
  local values
  for i = 1, n do
    local value = select(i, ...)
    local kind = concur.type(value)
    if kind then
      values = values or table.pack(...)
      values[i] = false
      count = count + 1
      head[count] = string.pack("<I1I8s1", i, methods.export(connection, value, kind), kind)
    end
  end
  if not values then return string.pack("<I1I8I1I1", CALL, id, OK, 0) .. pack(...) end
  for i = 1, n do
    if values[i] == false and concur.type((select(i, ...))) then values[i] = nil end
  end
  return string.pack("<I1I8I1I1", CALL, id, OK, count) .. table.concat(head) .. pack(table.unpack(values, 1, n))
end

local function encode_error(id, err, trace)
  local ok, body = pcall(pack, err, trace)
  if not ok then body = pack(tostring(err), trace) end
  return string.pack("<I1I8I1", CALL, id, ERROR) .. body
end

-- ==} {== calls

-- An error on its way to the client: its value and its traceback.
local Failure = {}

local function failure(err, trace) return setmetatable({ err, trace }, Failure) end

local function traced(err)
  if err == concur.CANCELLED or getmetatable(err) == Failure then return err end
  return failure(err, debug.traceback(tostring(err), 2))
end

local function results_of(ok, ...)
  if ok then return ... end
  local err = ...
  error(failure(err[1], err[2]), 0) -- as functions.lua has packed it
end

local function call_registered(name, ...)
  if not server.names[name] then error(failure(("no function '%s' is registered"):format(name)), 0) end
  local done = concur.future()
  server.calls:put { name = name, args = table.pack(...), done = done }
  return results_of(done:wait())
end

local function execute(connection, actor, call)
  local max_depth = server.options.max_depth
  if call.object == 0 then return call_registered(call.name, unpack(call.frame, call.at, max_depth)) end
  local export = connection.exports[call.object]
  if not export then error(failure "no such object", 0) end
  local method = methods.find(export.kind, call.name)
  if not method then error(failure(("a %s has no method '%s'"):format(export.kind, call.name)), 0) end
  return methods.noted(actor, export, call.name, method(export.handle, unpack(call.frame, call.at, max_depth)))
end

local function finish(connection, actor, call, ok, ...)
  actor.call = nil
  connection.calls[call.id] = nil
  if connection.over then return end
  if actor.withdrawn then
    actor.withdrawn = nil
    actor.task.thread:uncancel()
  end
  local text
  if ok then
    ok, text = pcall(encode, connection, call.id, ...)
    if not ok then text = encode_error(call.id, text) end
  elseif ... == concur.CANCELLED then
    text = string.pack("<I1I8I1", CALL, call.id, WITHDRAWN)
  else
    local err = ...
    if getmetatable(err) ~= Failure then err = failure(err) end
    text = encode_error(call.id, err[1], err[2])
  end
  send(connection, text)
end

-- The calls of one thread of a client, one after the other.
local function act(connection, actor)
  while not connection.over and not actor.leaves do
    local call = actor[actor.first]
    if call then
      actor[actor.first] = nil
      actor.first = actor.first + 1
      actor.call = call
      finish(connection, actor, call, xpcall(execute, traced, connection, actor, call))
    else
      actor.idle = true
      loops.wait()
      actor.idle = nil
    end
  end
end

local function new_actor(connection, ident)
  local actor = { first = 1, last = 0, locks = {} }
  connection.actors[ident] = actor
  actor.task = async.spawn(function()
    local _ <close> = setmetatable({}, { __close = function() methods.leave(actor) end })
    act(connection, actor)
  end)
  actor.task.thread:kill_at_end()
  return actor
end

local function on_call(connection, frame)
  local id, ident, object, name, at = string.unpack("<I8I8I8s1", frame, 2)
  if connection.calls[id] then error "a call twice" end
  local actor = connection.actors[ident] or new_actor(connection, ident)
  local call = { id = id, object = object, name = name, frame = frame, at = at, actor = actor }
  connection.calls[id] = call
  actor.last = actor.last + 1
  actor[actor.last] = call
  if actor.idle then loops.wake(actor.task) end
end

local function on_withdraw(connection, frame)
  local id = string.unpack("<I8", frame, 2)
  local call = connection.calls[id]
  if not call then return end -- its result is on its way
  local actor = call.actor
  if actor.call == call then
    if not actor.withdrawn then
      actor.withdrawn = true
      loops.interrupt(actor.task)
    end
    return
  end
  for i = actor.first, actor.last do
    if actor[i] == call then
      table.move(actor, i + 1, actor.last + 1, i)
      actor.last = actor.last - 1
    end
  end
  connection.calls[id] = nil
  send(connection, string.pack("<I1I8I1", CALL, id, WITHDRAWN))
end

local function end_actor(connection, ident, actor)
  connection.actors[ident] = nil
  actor.leaves = true
  if actor.idle then loops.wake(actor.task) else actor.task:cancel() end
end

local handlers = {
  [PING] = function() end,
  [CALL] = on_call,
  [WITHDRAW] = on_withdraw,
  [RELEASE] = function(connection, frame)
    local object, count = string.unpack("<I8I4", frame, 2)
    methods.release(connection, object, count)
  end,
  [THREAD_ENDED] = function(connection, frame)
    local ident = string.unpack("<I8", frame, 2)
    local actor = connection.actors[ident]
    if actor then end_actor(connection, ident, actor) end
  end,
}

-- ==} {== connections

local function handle_frames(connection)
  local session = connection.session
  while true do
    local frame = session:next()
    if not frame then return frame == nil end
    local handler = handlers[frame:byte()]
    if not handler or not pcall(handler, connection, frame) then return false end
  end
end

local function close(connection)
  if connection.over then return end
  connection.over = true
  server.list[connection] = nil
  server.connections = server.connections - 1
  connection.stream:close()
  connection.session:close()
  for _, actor in pairs(connection.actors) do
    actor.leaves = true
    actor.task:cancel()
  end
  connection.exports = {}
end

local function converse(stream, session)
  local now = concur.now()
  local connection = {
    stream = stream, session = session, sent = now, heard = now, used = now,
    actors = {}, calls = {}, exports = {},
  }
  server.list[connection] = true
  local _ <close> = setmetatable({}, { __close = function() close(connection) end })
  while not connection.over do
    local piece = stream:read_some()
    if not piece or connection.over then return end
    connection.heard = concur.now()
    session:feed(piece)
    if not handle_frames(connection) then return end
  end
end

-- True: the client has proved that it knows the key, and is told so.
local function shake_hands(stream, session)
  local hello = stream:read(HELLO)
  local answer = hello and #hello == HELLO and session:hello(hello)
  if not answer or not stream:write(answer) then return false end
  local proof = stream:read(PROOF)
  local mac = proof and #proof == PROOF and session:prove(proof)
  if not mac then
    stream:write(REFUSED)
    return false
  end
  if server.connections >= server.options.max_connections then
    stream:write(TOO_MANY)
    return false
  end
  server.connections = server.connections + 1
  if stream:write(ACCEPTED .. mac) then return true end
  server.connections = server.connections - 1
  return false
end

-- Whoever has been a stranger longest goes when there are too many.
local function too_many(strangers)
  if server.handshakes < server.options.max_handshakes then return end
  local first
  for stranger in pairs(strangers) do
    if not first or stranger.since < first.since then first = stranger end
  end
  if first then first.stream:close() end
end

local function serve(stream)
  local options = server.options
  local stranger = { stream = stream, since = concur.now() }
  too_many(server.strangers)
  server.strangers[stranger] = true
  server.handshakes = server.handshakes + 1
  local session <close> = sodium.server(options.authkey, options.max_message)
  local ok, known = pcall(async.timeout, options.handshake_timeout, shake_hands, stream, session)
  server.strangers[stranger] = nil
  server.handshakes = server.handshakes - 1
  if ok and known then converse(stream, session) end
end

-- Sends what shows that we are here, and gives up who shows nothing.
local function beat()
  local heartbeat, idle = server.options.heartbeat, server.options.idle_timeout
  local ping = string.char(PING)
  while true do
    async.sleep(heartbeat / 4)
    local now = concur.now()
    for connection in pairs(server.list) do
      local busy = next(connection.calls) ~= nil
      if busy then connection.used = now end
      if now - connection.heard > heartbeat or now - connection.used > idle then
        close(connection)
      elseif now - connection.sent >= heartbeat / 4 then
        pcall(send, connection, ping)
      end
    end
  end
end

-- ==}

return function(options, names, control, calls, ready)
  server.options, server.names, server.calls = options, names, calls
  server.list, server.strangers = {}, {}
  async.run(function()
    local listener, message = async.listen(options.address, serve)
    if not listener then return ready:set_error(message) end
    async.spawn(beat)
    ready:set_result(listener:address())
    for order in control:items() do
      local what = order[1]
      if what == "stop" then
        break
      elseif what == "register" then
        names[order[2]] = true
      elseif what == "count" then
        order[2]:set_result(server.connections, server.handshakes)
      end
    end
    listener:close()
    for connection in pairs(server.list) do close(connection) end
  end)
end
