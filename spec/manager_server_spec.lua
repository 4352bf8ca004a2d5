-- concur.manager.server: what it does for clients, decent and other.
local concur = require "concur"
local kit = require "spec.support.kit"
local link = require "spec.support.link"

local new_server = require "concur.manager.server".new
local async = concur.async
local T = kit.TIMEOUT
local KEY = "a key"

local function run(fn)
  local results = table.pack(async.run(function() return async.timeout(T, function() return "in time", fn() end) end))
  assert(results[1] == "in time", "the loop takes too long")
  return table.unpack(results, 2, results.n)
end

local function start(functions, options)
  options = options or {}
  options.address, options.authkey = options.address or "127.0.0.1:0", KEY
  local server = new_server(options)
  for name, fn in pairs(functions or {}) do server:register(name, fn) end
  return server:start()
end

-- A server with one object of each kind in `objects`, and a link to it with what it gave for each.
local function with(objects, fn, options)
  local functions = {}
  for name, object in pairs(objects) do functions[name] = function() return object end end
  local server <close> = start(functions, options)
  return run(function()
    local client = assert(link.connect(server:address(), KEY))
    local ids = {}
    for name in pairs(objects) do ids[name] = client:call(1, 0, name).object end
    return fn(client, ids, server)
  end)
end

local function eventually(what, fn)
  local deadline = concur.now() + T
  while not fn() do
    assert(concur.now() < deadline, "not in time: " .. what)
    async.sleep(0.001)
  end
end

describe("a manager's server", function()
  it("calls registered functions, which keep their state", function()
    local n = 0
    local server <close> = start {
      add = function(a, b) return a + b end,
      count = function() n = n + 1 return n end,
      fail = function() error { code = 7 } end,
      table = function(t) return t, nil, "x", nil end,
    }
    server:register("later", function() return "registered later" end)
    run(function()
      local client = assert(link.connect(server:address(), KEY))
      assert.are.equal(3, client:call(1, 0, "add", 1, 2))
      for i = 1, 3 do assert.are.equal(i, client:call(i, 0, "count")) end
      kit.same({ { 1, { 2 } }, nil, "x", nil, n = 4 }, table.pack(client:call(1, 0, "table", { 1, { 2 } })))
      kit.same({ code = 7 }, kit.error_of(function() client:call(1, 0, "fail") end))
      assert.are.equal("registered later", client:call(1, 0, "later"))
      assert(kit.error_of(function() client:call(1, 0, "nothing") end):find "no function 'nothing' is registered")
      assert(kit.error_of(function() client:call(1, 99, "get") end):find "no such object")
    end)
  end)

  it("offers objects with their methods", function()
    with({ q = concur.queue(2), d = concur.dict(), l = concur.lock(), v = concur.value(5) }, function(client, id)
      assert.is_true(client:call(1, id.q, "put", "one"))
      assert.are.equal(1, client:call(1, id.q, "__len"))
      assert.are.equal("one", client:call(1, id.q, "get", 1))
      kit.same({ nil, "empty", n = 2 }, table.pack(client:call(1, id.q, "get", 0.01)))
      client:call(1, id.d, "__newindex", "key", { 1 })
      kit.same({ 1 }, client:call(1, id.d, "__index", "key"))
      assert.are.equal(id.l, client:call(1, id.l, "acquire").object) -- itself
      assert.are.equal(7, client:call(1, id.v, "add", 2))
      for _, name in ipairs { "fileno", "nonsense", "__gc", "with" } do
        assert(kit.error_of(function() client:call(1, id.q, name) end):find "has no method")
      end
    end)
  end)

  it("does the calls of other threads while one waits", function()
    with({ q = concur.queue(), e = concur.event() }, function(client, id)
      local waiting = client:begin(1, id.q, "get")
      assert.is_false(client:call(2, id.e, "is_set"))
      client:begin(2, id.q, "put", "for the first")
      local results = {}
      for _ = 1, 2 do
        local number, _, value = client:result()
        results[number] = value
      end
      assert.are.equal("for the first", results[waiting])
    end)
  end)

  it("lets each thread of a client hold for itself", function()
    with({ r = concur.rlock() }, function(client, id)
      client:call(1, id.r, "acquire")
      client:call(1, id.r, "acquire")
      assert.is_false(client:call(2, id.r, "acquire", 0))
      assert.are.equal(2, client:call(1, id.r, "count"))
      assert(kit.error_of(function() client:call(2, id.r, "release") end):find "another thread holds")
      client:send(string.pack("<I1I8", 4, 1)) -- that thread has ended
      local lock, note = client:call(2, id.r, "acquire", T)
      kit.same({ id.r, "abandoned" }, { lock.object, note })
    end)
  end)

  it("withdraws a call that waits, and takes nothing for it", function()
    local q = concur.queue()
    with({ q = q }, function(client, id)
      for i = 1, 200 do
        local get = client:begin(1, id.q, "get")
        if i % 2 == 0 then assert.is_true(q:put(i)) end
        client:send(string.pack("<I1I8", 2, get))
        local number, status = client:result()
        assert.are.equal(get, number)
        if status == 2 then
          if i % 2 == 0 then assert.are.equal(i, q:get(0)) end
        else
          assert(i % 2 == 0 and status == 0)
        end
        assert.are.equal(0, q:qsize())
      end
    end)
  end)

  it("gives back what a client held that vanishes, and drops its waits", function()
    local l, r, s = concur.lock(), concur.rlock(), concur.semaphore(1)
    local c, q = concur.condition(concur.lock()), concur.queue()
    with({ l = l, r = r, s = s, c = c, q = q }, function(client, id, server)
      for i, name in ipairs { "l", "r", "s", "c" } do client:call(i, id[name], "acquire") end
      client:begin(9, id.q, "get")
      client:begin(10, id.l, "acquire")
      client:close()
      local _, note = l:acquire(T)
      assert.are.equal("abandoned", note)
      _, note = r:acquire(T)
      assert.are.equal("abandoned", note)
      assert(s:acquire(T) and c:acquire(T))
      eventually("no client is left", function() return server:connections() == 0 end)
      q:put("not for the dead")
      -- the server does the call of another client after it has had the item, and with it time to give it away
      assert(link.connect(server:address(), KEY)):call(1, 0, "q")
      assert.are.equal("not for the dead", q:get(0))
    end)
  end)

  it("notices a client that is silent", function()
    local l = concur.lock()
    with({ l = l }, function(client, id)
      client:call(1, id.l, "acquire")
      local start_time = concur.now()
      local _, note = l:acquire(T) -- the client's stream stays open, but it sends nothing
      assert.are.equal("abandoned", note)
      assert(concur.now() - start_time < 5)
      while client:next() do end
    end, { heartbeat = 0.2 })
  end)

  it("refuses a wrong key, and whoever comes as one too many", function()
    local server <close> = start({}, { max_connections = 2 })
    run(function()
      kit.same({ nil, "\0" }, { link.connect(server:address(), "another key") })
      local a = assert(link.connect(server:address(), KEY))
      local b = assert(link.connect(server:address(), KEY))
      kit.same({ nil, "\2" }, { link.connect(server:address(), KEY) })
      a:close()
      eventually("there is room", function() return server:connections() == 1 end)
      assert(link.connect(server:address(), KEY))
      b:close()
    end)
  end)

  it("bounds what strangers can use", function()
    local server <close> = start({}, { max_handshakes = 8, handshake_timeout = 0.3 })
    run(function()
      local strangers = {}
      for i = 1, 40 do
        strangers[i] = assert(async.connect(server:address()))
        if i % 2 == 0 then strangers[i]:write("c") end -- slow ones
      end
      assert(link.connect(server:address(), KEY)) -- comes through nevertheless
      for i = 1, 40 do assert.is_nil(strangers[i]:read_some()) end -- all are thrown out
      local _, handshakes = server:connections()
      assert.are.equal(0, handshakes)
    end)
  end)

  it("drops who sends garbage, at any time", function()
    with({ q = concur.queue() }, function(client, id, server)
      local garbage = { "", "\0", ("x"):rep(100), ("\255"):rep(5000), "concur\0\1" .. ("\0"):rep(32) .. ("y"):rep(64) }
      for _, bytes in ipairs(garbage) do
        local stream = assert(async.connect(server:address()))
        stream:write(bytes)
        stream:shutdown()
        while stream:read_some() do end
      end
      -- from one who knows the key
      local frames = {
        "", "\9", "\1", "\1" .. ("\0"):rep(24),
        string.pack("<I1I8I8I8s1", 1, 1, 1, id.q, "put") .. "garbage",
        "\2\1", "\3\1",
      }
      for i, frame in ipairs(frames) do
        local other = assert(link.connect(server:address(), KEY))
        if #frame > 0 then other:send(frame) else other.stream:write(string.pack("<I4", 1 << 31) .. ("x"):rep(100)) end
        if i ~= 5 then assert.is_nil(other:next()) else assert.are.equal(1, select(2, other:result())) end
        other:close()
      end
      assert.is_true(client:call(1, id.q, "put", "still here"))
    end)
  end)

  it("refuses deep tables and large messages", function()
    with({ q = concur.queue() }, function(client, id, server)
      local deep = {}
      for _ = 1, 300 do deep = { deep } end
      assert(tostring(kit.error_of(function() client:call(1, id.q, "put", deep) end)):find "malformed data")
      local other = assert(link.connect(server:address(), KEY))
      assert(other:send(string.pack("<I1I8I8I8s1", 1, 1, 1, id.q, "put") .. concur._network_pack(("x"):rep(100000))))
      assert.is_nil(other:next())
    end, { max_message = 50000 })
  end)

  it("works over IPv6 and Unix sockets, whose files go with it", function()
    local path = os.tmpname() .. ".socket"
    for _, address in ipairs { "unix:" .. path, io.open "/proc/net/if_inet6" and "[::1]:0" } do
      local server = start({ hello = function() return "hello" end }, { address = address })
      run(function()
        local client = assert(link.connect(server:address(), KEY))
        assert.are.equal("hello", client:call(1, 0, "hello"))
      end)
      server:shutdown()
      server:shutdown()
    end
    assert.is_nil((io.open(path)))
  end)

  it("takes the place of a server whose process was killed and left its socket's file, and of nothing else", function()
    local path = os.tmpname()
    local address = "unix:" .. path
    local function listening() return start({ hello = function() return "hello" end }, { address = address }) end
    assert.is_truthy(kit.error_of(listening):find("EADDRINUSE", 1, true)) -- a file that is no socket
    assert(os.remove(path))
    local ready = concur.event()
    local process = concur.process(function()
      local _ = listening()
      ready:set()
      concur.sleep(60)
    end):start()
    assert(ready:wait(kit.TIMEOUT))
    assert.is_truthy(kit.error_of(listening):find("EADDRINUSE", 1, true)) -- somebody listens
    process:kill()
    assert.is_false((process:join(kit.TIMEOUT)))
    local server = listening()
    run(function() assert.are.equal("hello", assert(link.connect(address, KEY)):call(1, 0, "hello")) end)
    server:shutdown()
    assert.is_nil((io.open(path)))
  end)

  it("can be many, and says when it cannot listen", function()
    local servers = {}
    for i = 1, 5 do servers[i] = start { which = function() return i end } end
    run(function()
      for i, server in ipairs(servers) do
        assert.are.equal(i, assert(link.connect(server:address(), KEY)):call(1, 0, "which"))
      end
    end)
    local again = new_server { address = servers[1]:address(), authkey = KEY }
    assert(kit.error_of(function() again:start() end):find "cannot listen on 127.0.0.1:%d+: EADDRINUSE")
    for _, server in ipairs(servers) do server:shutdown() end
    run(function() assert.is_nil((async.connect(servers[1]:address() or "127.0.0.1:1"))) end)
  end)

  it("checks its options", function()
    kit.raises("bad option 'authkey' (a string that is not empty expected)", function()
      new_server { address = "x:1" }
    end)
    kit.raises("bad option 'address' (string expected, got nil)", function() new_server { authkey = KEY } end)
    for _, bad in ipairs { "", "a", "a:x", "a:70000", "/tmp/socket", "unix:", "::1:5" } do
      kit.raises([[bad option 'address' ("host:port", "[host]:port" or "unix:path" expected)]], function()
        new_server { authkey = KEY, address = bad }
      end)
    end
    kit.raises("bad option 'address' (a path of at most 107 bytes expected)", function()
      new_server { authkey = KEY, address = "unix:/" .. ("x"):rep(200) }
    end)
    kit.raises("unknown option 'adress' for a manager's server", function()
      new_server { address = "x:1", authkey = KEY, adress = "" }
    end)
    kit.raises("bad option 'max_message' (a number of at least 1024 expected)", function()
      new_server { address = "x:1", authkey = KEY, max_message = 1 }
    end)
  end)

  it("ends the connections of clients when it is shut down", function()
    local server = start {}
    run(function()
      local client = assert(link.connect(server:address(), KEY))
      server:shutdown()
      assert.is_nil(client:next())
    end)
  end)
end)
