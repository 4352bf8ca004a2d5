--- Serve: the thread of a server that has the connections: handshakes, frames, heartbeats, and the calls of methods,
-- each in a task. The calls of one thread of a client are done by one task, an actor, so that what that thread
-- holds is its own. The wire protocol is described in doc/manager_protocol.md.
-- @module concur.manager.serve
local concur = require "concur"
local async = require "concur.async"
local loops = require "concur.async.loop"
local streams = require "concur.async.stream"
local methods = require "concur.manager.methods"
local sodium = require "concur.sodium"

local PING, CALL, WITHDRAW, RELEASE, THREAD_ENDED = 0, 1, 2, 3, 4 -- from clients
local OK, ERROR, WITHDRAWN = 0, 1, 2 -- how a call ended
local HELLO, PROOF = 40, 64 -- bytes
local AHEAD = 65536 -- bytes read ahead of a client
local SHORTEST, LONGEST = 0.01, 1e9 -- heartbeats of clients, and the one that we tell them, in seconds
local PATIENCE = 10 -- heartbeats for which a client may take nothing of what waits to be sent
local GRACE = 1 -- seconds that a registered function has to end when its call was withdrawn
local REFUSED, ACCEPTED, TOO_MANY = "\0", "\1", "\2"

local unpack = concur._network_unpack

-- Of this state; with `options`, `names`, `calls`.
local server = { connections = 0, handshakes = 0, calls_made = 0, accepted = 0 }

-- As bytes; what it raises has no position.
local function pack(...)
  local ok, text = pcall(concur._network_pack, ...)
  if not ok then error(text, 0) end
  return text
end

-- {== sending

-- Sends a frame and waits until the system has taken it.
local function send(connection, text)
  if connection.over then return end
  local frame = connection.session:seal(text)
  connection.sent, connection.posted = concur.now(), connection.posted + #frame
  connection.stream:write(frame)
end

-- The same without the wait.
local function post(connection, text)
  local frame = connection.session:seal(text)
  connection.sent, connection.posted = concur.now(), connection.posted + #frame
  streams.post(connection.stream, frame)
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

local function encode_error(id, err, trace, placeless)
  local ok, body = pcall(pack, err, trace, placeless)
  if not ok then body = pack(tostring(err), trace, placeless) end
  return string.pack("<I1I8I1", CALL, id, ERROR) .. body
end

-- ==} {== calls

-- An error on its way to the client: its value and its traceback; and whether it gets the position of the call there.
local Failure = {}

local function failure(err, trace, placeless) return setmetatable({ err, trace, placeless }, Failure) end

local function mistake(text) return failure(text, nil, true) end

local function traced(err)
  if err == concur.CANCELLED or getmetatable(err) == Failure then return err end
  local placeless
  err, placeless = methods.without_place(err)
  return failure(err, debug.traceback(tostring(err), 2), placeless)
end

-- As functions.lua has packed it.
local function results_of(ok, ...)
  if ok then return ... end
  local err = ...
  if err.withdrawn then error(concur.CANCELLED, 0) end
  error(failure(err[1], err[2]), 0)
end

-- The call was withdrawn, or its connection is over. The function stops in its wait, in which it takes nothing then;
-- one that computes does not stop, and what it returns is dropped.
local function withdraw_registered(connection, actor, id, done)
  server.calls:put { withdraw = id }
  if connection.over then error(concur.CANCELLED, 0) end
  actor.task.thread:uncancel()
  local results = table.pack(done:wait(GRACE))
  if results[1] == nil then error(concur.CANCELLED, 0) end
  return results_of(table.unpack(results, 1, results.n))
end

local function call_registered(connection, actor, name, ...)
  if not server.names[name] then error(mistake(("no function '%s' is registered"):format(name)), 0) end
  local done, id = concur.future(), server.calls_made + 1
  server.calls_made = id
  server.calls:put { id = id, name = name, args = table.pack(...), done = done }
  local results = table.pack(pcall(done.wait, done))
  if results[1] then return results_of(table.unpack(results, 2, results.n)) end
  if results[2] ~= concur.CANCELLED then error(results[2], 0) end
  return withdraw_registered(connection, actor, id, done)
end

local function execute(connection, actor, call)
  local max_depth = server.options.max_depth
  if call.object == 0 then
    return call_registered(connection, actor, call.name, unpack(call.frame, call.at, max_depth))
  end
  local export = connection.exports[call.object]
  if not export then error(mistake "no such object", 0) end
  local method = methods.find(export.kind, call.name)
  if not method then error(mistake(("a %s has no method '%s'"):format(export.kind, call.name)), 0) end
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
    if not ok then text = encode_error(call.id, text, nil, type(text) == "string") end
  elseif ... == concur.CANCELLED then
    text = string.pack("<I1I8I1", CALL, call.id, WITHDRAWN)
  else
    local err = ...
    if getmetatable(err) ~= Failure then err = failure(err) end
    text = encode_error(call.id, err[1], err[2], err[3])
  end
  if not pcall(send, connection, text) and not connection.over then
    send(connection, encode_error(call.id, "message too large", nil, true))
  end
end

local releases = { release = true, __close = true }

-- Something was released: of threads that have ended, perhaps.
local function wake_left(connection)
  for actor in pairs(connection.left) do
    if actor.idle then loops.wake(actor.task) end
  end
end

-- The calls of one thread of a client, one after the other. When that has ended, what it holds is still the client's.
local function act(connection, actor)
  while not connection.over do
    local call = actor[actor.first]
    if call then
      actor[actor.first] = nil
      actor.first = actor.first + 1
      actor.call = call
      finish(connection, actor, call, xpcall(execute, traced, connection, actor, call))
      if releases[call.name] then wake_left(connection) end
    elseif actor.left and not methods.outlives(actor) then
      connection.left[actor] = nil
      return
    else
      actor.idle = true
      loops.wait()
      actor.idle = nil
    end
  end
end

-- One of the connection's tasks has ended. It counts until they all have: then all that it held is given back.
local function leave_connection(connection)
  connection.tasks = connection.tasks - 1
  if connection.tasks == 0 then server.connections = server.connections - 1 end
end

local function new_actor(connection, ident)
  local actor = { first = 1, last = 0, acquired = {} }
  connection.actors[ident] = actor
  connection.tasks = connection.tasks + 1
  actor.task = async.spawn(function()
    local _ <close> = setmetatable({}, { __close = function()
      methods.leave(actor)
      leave_connection(connection)
    end })
    act(connection, actor)
  end)
  actor.task.thread:kill_at_end()
  return actor
end

local function cancel_actor(connection, actor)
  local thread = actor.task.thread
  local began = thread and thread:begun()
  if actor.task:cancel() and not began then leave_connection(connection) end
end

local function on_call(connection, frame)
  local id, ident, object, name, at = string.unpack("<I8I8I8s1", frame, 2)
  if connection.calls[id] then error "a call twice" end
  local actor = connection.actors[ident] or new_actor(connection, ident)
  connection.used = concur.now()
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
  connection.left[actor] = true
  actor.left = true
  if actor.idle then loops.wake(actor.task) end
end

-- For a client that takes a shorter silence for the end than we do.
local function beat_faster(connection, heartbeat)
  local ping = string.char(PING)
  while not connection.over do
    async.sleep(heartbeat / 4)
    if not connection.over and not connection.waits and concur.now() - connection.sent >= heartbeat / 4 then
      post(connection, ping)
    end
  end
end

-- The first one tells what silence the client takes for the end.
local function on_ping(connection, frame)
  if #frame < 9 or connection.greeted then return end
  connection.greeted = true
  local heartbeat = math.max(SHORTEST, string.unpack("<I8", frame, 2) / 1e9)
  if heartbeat < server.options.heartbeat then async.spawn(beat_faster, connection, heartbeat) end
end

local handlers = {
  [PING] = on_ping,
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
  while not connection.over do -- a handler may wait
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
  connection.stream:close()
  connection.session:close()
  for _, actor in pairs(connection.actors) do cancel_actor(connection, actor) end
  for actor in pairs(connection.left) do cancel_actor(connection, actor) end
  connection.exports = {}
  leave_connection(connection)
end

local function converse(stream, session)
  local now = concur.now()
  local connection = {
    stream = stream, session = session, sent = now, heard = now, used = now,
    tasks = 1, posted = 0, taken = 0, stuck = now, -- bytes sent, of them taken by the client, since when none were
    actors = {}, calls = {}, exports = {}, -- by idents of threads, numbers and ids
    left = {}, -- those of the actors whose threads have ended
  }
  server.list[connection] = true
  local _ <close> = setmetatable({}, { __close = function() close(connection) end })
  post(connection, string.pack("<I1I8", PING, math.floor(math.min(server.options.heartbeat, LONGEST) * 1e9)))
  while not connection.over do
    local piece = stream:read_some()
    if not piece or connection.over then return end
    connection.heard = concur.now()
    session:feed(piece)
    if not handle_frames(connection) then return end
  end
end

-- The next n bytes of a stranger, with which it is to have sent `all`; nothing when it sends less, or more than it may.
local function receive(stream, n, all)
  local bytes = stream:read(n)
  if bytes and #bytes == n and all + streams.unread(stream) <= server.options.max_unauthenticated then return bytes end
end

-- True: the client has proved that it knows the key, and is told so.
local function shake_hands(stream, session)
  stream.ahead = 0
  local hello = receive(stream, HELLO, HELLO)
  local answer = hello and session:hello(hello)
  if not answer or not stream:write(answer) then return false end
  local proof = receive(stream, PROOF, HELLO + PROOF)
  if not proof then return false end
  local mac = session:prove(proof)
  stream.ahead = AHEAD
  if not mac then
    stream:write(REFUSED)
    return false
  end
  if server.connections >= server.options.max_connections then
    stream:write(TOO_MANY)
    return false
  end
  server.connections = server.connections + 1
  local ok, sent = pcall(stream.write, stream, ACCEPTED .. mac) -- it may have been closed as one of too many
  if ok and sent then return true end
  server.connections = server.connections - 1
  return false
end

-- It is no stranger any more, or has gone.
local function forget_stranger(stranger)
  if not server.strangers[stranger] then return end
  server.strangers[stranger] = nil
  server.handshakes = server.handshakes - 1
end

-- Whoever has been a stranger longest goes when there are too many.
local function make_room()
  if server.handshakes < server.options.max_handshakes then return end
  local first
  for stranger in pairs(server.strangers) do
    if not first or stranger.number < first.number then first = stranger end
  end
  if not first then return end
  forget_stranger(first)
  first.stream:close()
end

local function serve(stream)
  local options = server.options
  server.accepted = server.accepted + 1
  local stranger = { stream = stream, number = server.accepted }
  make_room()
  server.strangers[stranger] = true
  server.handshakes = server.handshakes + 1
  local session <close> = sodium.server(options.authkey, options.max_message)
  local ok, known = pcall(async.timeout, options.handshake_timeout, shake_hands, stream, session)
  forget_stranger(stranger)
  if ok and known then converse(stream, session) end
end

-- Whether the client is there: it has sent something lately, and takes what is sent.
local function alive(connection, now, heartbeat)
  local unsent = streams.unsent(connection.stream)
  local taken = connection.posted - unsent
  if taken > connection.taken and connection.waits then connection.heard = now end -- else only the system took it
  if taken > connection.taken or unsent == 0 then connection.stuck = now end
  connection.taken, connection.waits = taken, unsent > 0
  return now - connection.heard <= heartbeat and now - connection.stuck <= PATIENCE * heartbeat
end

-- Sends what shows that we are here, and gives up who shows nothing. Waits for nobody.
local function beat()
  local heartbeat, idle = server.options.heartbeat, server.options.idle_timeout
  local ping = string.char(PING)
  local before = concur.now()
  while true do
    async.sleep(heartbeat / 4)
    local now = concur.now()
    local late = math.max(0, now - before - heartbeat / 2) -- what came meanwhile may be still to be read
    before = now
    for connection in pairs(server.list) do
      if next(connection.calls) then connection.used = now end
      connection.heard, connection.stuck = connection.heard + late, connection.stuck + late
      if not alive(connection, now, heartbeat) or now - connection.used > idle then
        close(connection)
      elseif now - connection.sent >= heartbeat / 4 and not connection.waits then
        post(connection, ping)
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
