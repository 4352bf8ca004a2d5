--- A small server of managers for specs of the client: it speaks the protocol over luv, within a
-- thread of its own, and serves what a spec needs to see, not what a server should.
local link_server = {}

-- {== the thread's function

local function serve(options, ready)
  local concur, uv, sodium = require "concur", require "luv", require "concur.sodium"
  local objects = { [1] = concur.queue(), [2] = concur.lock(), [3] = concur.dict(), [4] = concur.list(),
    [5] = concur.value(0), [6] = concur.condition(), [7] = concur.event() }
  local log = { released = {}, withdrawn = 0, ended = 0, connections = 0, closed = 0 }
  local listener
  local functions = {}

  local function handle(id) return { handle = id } end
  for id, name in ipairs { "queue", "lock", "dict", "list", "value", "condition", "event" } do
    functions[name] = function() return handle(id) end
  end
  function functions.echo(...) return ... end
  function functions.several() return 1, handle(1), nil, handle(2) end
  function functions.log()
    return { withdrawn = log.withdrawn, ended = log.ended, connections = log.connections, closed = log.closed,
      released = log.released }
  end
  function functions.fail(what) error(what or "it failed", 0) end

  local function respond(c, id, status, body)
    if not c.tcp:is_closing() then c.tcp:write(c.session:seal(string.pack("<B I8 B", 1, id, status) .. body)) end
  end

  local function respond_results(c, id, own, ...)
    local results, head, count = table.pack(...), "", 0
    for i = 1, results.n do
      local r = results[i]
      local object = type(r) == "table" and r.handle or concur.type(r) and own
      if object then
        head = head .. string.pack("<B I8 s1", i, object, concur.type(objects[object]))
        count, results[i] = count + 1, nil
      end
    end
    respond(c, id, 0, string.char(count) .. head .. concur._network_pack(table.unpack(results, 1, results.n)))
  end

  -- What would block waits in c.waiting until it is withdrawn, or a put brings it something.
  local function retry(c)
    for id, try in pairs(c.waiting) do
      if try() then c.waiting[id] = nil end
    end
  end

  local waits = { get = true, acquire = true, wait = true }

  local function call(c, id, object, name, ...)
    if object == 0 then
      local fn = functions[name]
      if name == "hang" then c.waiting[id] = function() end return end
      if name == "drop" then c.tcp:close() return end
      if name == "garbage" then c.tcp:write(("\xff"):rep(100)) return end
      if name == "silence" then c.silent = true return end
      if not fn then return respond(c, id, 1, concur._network_pack(("no function '%s'"):format(name))) end
      local function reply(ok, ...)
        if ok then return respond_results(c, id, nil, ...) end
        respond(c, id, 1, concur._network_pack((...), "stack traceback:\n\tthe server's"))
      end
      return reply(pcall(fn, ...))
    end
    local o = objects[object]
    local mt = { __index = function(t, k) return t[k] end, __newindex = function(t, k, v) t[k] = v end,
      __len = function(t) return #t end,
      __close = function(t) t:release() end }
    local method = mt[name] or o[name]
    local arguments = table.pack(...)
    if waits[name] and object ~= 3 and object ~= 5 then -- timeouts are for real servers: absent, or 0
      local forever = arguments[1] == nil or arguments[1] == true
      local function try()
        local results = table.pack(pcall(method, o, 0))
        local vain = results[2] == nil and results[3] == "empty" or results[1] and results[2] == false
        if forever and vain then return end
        respond_results(c, id, object, table.unpack(results, 2, results.n))
        return true
      end
      if not try() then c.waiting[id] = try end
      return
    end
    local function reply(ok, ...)
      if ok then return respond_results(c, id, object, ...) end
      respond(c, id, 1, concur._network_pack((...), "stack traceback:\n\tthe server's"))
    end
    reply(pcall(method, o, ...))
    for _, other in pairs(c.all) do retry(other) end
  end

  local function frame(c, s)
    local kind, at = s:byte(), 2
    if kind == 1 then
      local id, object, name, _
      id, _, object, name, at = string.unpack("<I8 I8 I8 s1", s, at)
      call(c, id, object, name, concur._network_unpack(s, at))
    elseif kind == 2 then
      local id = string.unpack("<I8", s, at)
      log.withdrawn = log.withdrawn + 1
      if c.waiting[id] then
        c.waiting[id] = nil
        respond(c, id, 2, "")
      end
    elseif kind == 3 then
      local id, count = string.unpack("<I8 I4", s, at)
      log.released[id] = (log.released[id] or 0) + count
    elseif kind == 4 then
      log.ended = log.ended + 1
    end
  end

  local all = {}
  local function accept()
    local tcp = options.pipe and uv.new_pipe(false) or uv.new_tcp()
    local c = { tcp = tcp, session = sodium.server(options.authkey), buffer = "", stage = "hello", waiting = {},
      all = all }
    listener:accept(tcp)
    if not options.pipe then tcp:nodelay(true) end -- else an answer behind a ping waits for its receipt
    all[c] = c
    log.connections = log.connections + 1
    local function drop()
      if not tcp:is_closing() then tcp:close() end
      if all[c] then log.closed = log.closed + 1 end
      all[c] = nil
    end
    tcp:read_start(function(err, data)
      if err or not data then return drop() end
      if options.mute or c.silent then return end
      if c.stage == "open" then
        c.session:feed(data)
      else
        c.buffer = c.buffer .. data
        if c.stage == "hello" and #c.buffer >= 40 then
          local answer = c.session:hello(c.buffer:sub(1, 40))
          if not answer then return drop() end
          tcp:write(answer)
          c.buffer, c.stage = c.buffer:sub(41), "prove"
        end
        if c.stage == "prove" and #c.buffer >= 64 then
          local proof = c.session:prove(c.buffer:sub(1, 64))
          if options.full then tcp:write "\2" return drop() end
          if not proof then tcp:write "\0" return drop() end
          tcp:write("\1" .. proof)
          c.session:feed(c.buffer:sub(65))
          c.stage = "open"
        end
      end
      if c.stage ~= "open" then return end
      for s in function() return c.session:next() or nil end do frame(c, s) end
    end)
  end

  if options.pipe then
    listener = uv.new_pipe(false)
    assert(listener:bind(options.pipe))
  else
    listener = uv.new_tcp()
    assert(listener:bind(options.host or "127.0.0.1", 0))
  end
  assert(listener:listen(100, accept))
  local heart = uv.new_timer()
  heart:start(20, 20, function()
    if options.over:is_set() then return uv.stop() end
    for c in pairs(all) do
      if c.stage == "open" and not c.silent then c.tcp:write(c.session:seal "\0") end
    end
  end)
  ready:put(options.pipe and "unix:" .. options.pipe or
    (options.host and "[%s]:%d" or "%s:%d"):format(options.host or "127.0.0.1", listener:getsockname().port))
  uv.run()
  uv.walk(function(x) if not x:is_closing() then x:close() end end)
  uv.run()
end

-- ==}

local running = {}

--- Ends all that were started: a thread that runs luv must not be stopped in a callback.
function link_server.stop_all()
  for _, server in ipairs(running) do
    server.over:set()
    assert(server.thread:join(20))
  end
  running = {}
end

--- Starts one; its address. Options: authkey, pipe (a path), host (of version 6), full, mute.
function link_server.start(options)
  local concur = require "concur"
  local ready = concur.queue()
  options.over = concur.event()
  options.authkey = options.authkey or "abc"
  local thread = concur.thread { target = serve, args = { options, ready }, daemon = true, name = "server" }:start()
  local address, why = ready:get(10)
  if not address then error("no server: " .. tostring(why) .. tostring(select(2, thread:join(1)))) end
  running[#running + 1] = { over = options.over, thread = thread }
  return address
end

return link_server
