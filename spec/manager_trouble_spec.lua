-- A manager's server and clients that are slow, idle, too many or gone while their calls run.
local concur = require "concur"
local kit = require "spec.support.kit"

if not (pcall(require, "concur.sodium") and pcall(require, "luv")) then
  return it("concur.manager needs libsodium and luv, of which one is missing here", function() end)
end

local async = require "concur.async"
local link = require "spec.support.link"
local Server = require "concur.manager.server"
local sodium = require "concur.sodium"

local T = kit.TIMEOUT
local KEY = "a key"
local PING = "\0"

local function start(functions, options)
  options = options or {}
  options.address, options.authkey = "127.0.0.1:0", KEY
  local server = Server.new(options)
  for name, fn in pairs(functions or {}) do server:register(name, fn) end
  return server:start()
end

local function run(fn)
  local results = table.pack(async.run(function() return async.timeout(T, function() return "in time", fn() end) end))
  assert(results[1] == "in time", "the loop takes too long")
end

local function eventually(what, fn)
  local deadline = concur.now() + T
  while not fn() do
    assert(concur.now() < deadline, "not in time: " .. what)
    async.sleep(0.001)
  end
end

-- Sends pings until the connection ends.
local function live(client)
  return async.spawn(function()
    while not client.stream.closed and client:send(PING) do async.sleep(0.02) end
  end)
end

describe("a manager's server", function()
  it("does not let one who reads nothing delay the others' heartbeats, and drops it", function()
    local value = concur.value(("x"):rep(8 << 20))
    local server <close> = start({ v = function() return value end }, { heartbeat = 0.1 })
    run(function()
      local deaf, other = assert(link.connect(server:address(), KEY)), assert(link.connect(server:address(), KEY))
      live(deaf)
      live(other)
      local id = deaf:call(1, 0, "v").object
      for thread = 2, 4 do deaf:begin(thread, id, "get") end -- whose results it does not read
      local heard = 0
      async.spawn(function()
        while not other.stream.closed do
          local piece = other.stream:read_some()
          if not piece then return end
          heard = heard + 1
        end
      end)
      eventually("it is dropped", function() return server:connections() == 1 end)
      local before = heard
      eventually("the other hears of the server", function() return heard > before + 4 end)
      assert.are.equal(1, (server:connections()))
      deaf:close()
      other:close()
    end)
  end)

  it("keeps who reads slowly, but reads", function()
    local value = concur.value(("x"):rep(8 << 20))
    local server <close> = start({ v = function() return value end }, { heartbeat = 0.2 })
    run(function()
      local client = assert(link.connect(server:address(), KEY))
      live(client)
      local id = client:call(1, 0, "v").object
      client:begin(1, id, "get")
      local begun, frame = concur.now(), nil
      while not frame do -- takes more than three heartbeats
        local piece = assert(client.stream:read_some())
        client.session:feed(piece)
        if concur.now() < begun + 0.7 then async.sleep(0.02) end
        repeat frame = client.session:next() until frame == nil or frame:byte() ~= 0
      end
      assert(concur.now() - begun > 0.6 and #frame > 8 << 20)
      client:close()
    end)
  end)

  it("outlives a long call of its own thread, and so do the connections", function()
    local list = concur.list()
    local numbers = {}
    for i = 1, 400000 do numbers[i] = i * 7919 % 1000003 end
    list:extend(numbers)
    local server <close> = start({ list = function() return list end }, { heartbeat = 0.05 })
    run(function()
      local client, other = assert(link.connect(server:address(), KEY)), assert(link.connect(server:address(), KEY))
      live(client)
      live(other)
      local id = client:call(1, 0, "list").object
      for _ = 1, 3 do client:call(1, id, "sort") end
      assert.is_nil((other:call(1, 0, "list")).nothing)
      client:close()
      other:close()
    end)
  end)

  it("says so when a result is too large, and goes on", function()
    local q = concur.queue()
    local server <close> = start({
      q = function() return q end,
      large = function() return ("x"):rep(20000) end,
      fail = function() error(("x"):rep(20000), 0) end,
    }, { max_message = 10000 })
    q:put(("x"):rep(20000))
    q:put "small"
    local m <close> = assert(concur.manager.connect { address = server:address(), authkey = KEY, timeout = T })
    for _, name in ipairs { "large", "fail" } do
      assert(kit.error_of(function() m[name](m) end):find "message too large")
    end
    assert(kit.error_of(function() m:q():get(0) end):find "message too large")
    assert.are.equal("small", m:q():get(0))
  end)

  it("withdraws calls of registered functions, which take nothing any more", function()
    local q, waits = concur.queue(), concur.queue()
    local server <close> = start { take = function()
      waits:put "waits"
      return q:get()
    end }
    run(function()
      for i = 1, 10 do
        local client = assert(link.connect(server:address(), KEY))
        local call = client:begin(1, 0, "take")
        assert.are.equal("waits", waits:get(T))
        if i % 2 == 0 then
          client:close()
          eventually("it has gone", function() return server:connections() == 0 end)
        else
          client:send(string.pack("<I1I8", 2, call))
          kit.same({ call, 2 }, { client:result() })
        end
        local again = assert(link.connect(server:address(), KEY)) -- behind the withdrawal
        q:put(i)
        again:begin(1, 0, "take")
        assert.are.equal("waits", waits:get(T))
        assert.are.equal(i, select(3, again:result()))
        client:close()
        again:close()
        eventually("both have gone", function() return server:connections() == 0 end)
      end
    end)
  end)

  it("gives up a call whose function computes, and the function may be called again", function()
    local begun, go = concur.event(), concur.event()
    local server <close> = start {
      compute = function()
        begun:set()
        while not go:is_set() do end
        return "done"
      end,
      hello = function() return "hello" end,
    }
    local m <close> = assert(concur.manager.connect { address = server:address(), authkey = KEY, timeout = T })
    local t = concur.spawn(function() return m:compute() end)
    assert(begun:wait(T))
    t:cancel()
    kit.same({ false, concur.CANCELLED }, { t:join(T) })
    go:set()
    assert.are.equal("hello", m:hello())
    assert.are.equal("done", m:compute())
  end)

  it("answers when a function's error cannot be told", function()
    local server <close> = start {
      odd = function() error(setmetatable({}, { __tostring = function() error "odd" end })) end,
      code = function() error(print) end,
      cancelled = function() error(require "concur".CANCELLED) end,
    }
    local m <close> = assert(concur.manager.connect { address = server:address(), authkey = KEY, timeout = T })
    for _ = 1, 2 do
      for _, name in ipairs { "odd", "code", "cancelled" } do
        assert.are.equal("string", type(kit.error_of(function() m[name](m) end)), name)
      end
    end
  end)

  it("and clients that have other heartbeats keep each other alive", function()
    for _, pair in ipairs { { 60, 0.2 }, { 0.2, 60 }, { 60, 60 } } do
      local server <close> = start({ hello = function() return "hello" end }, { heartbeat = pair[1] })
      local m <close> = assert(concur.manager.connect {
        address = server:address(), authkey = KEY, timeout = T, heartbeat = pair[2],
      })
      assert.is_false(concur.event():wait(0.7))
      assert.are.equal("hello", m:hello())
      assert.are.equal(1, (server:connections()))
    end
  end)

  it("closes who is idle, not who calls", function()
    local server <close> = start({ hello = function() return "hello" end }, { idle_timeout = 0.3, heartbeat = 0.2 })
    run(function()
      local idle, busy = assert(link.connect(server:address(), KEY)), assert(link.connect(server:address(), KEY))
      live(idle)
      live(busy)
      local before = concur.now()
      while concur.now() < before + 0.8 do
        assert.are.equal("hello", busy:call(1, 0, "hello"))
        async.sleep(0.02)
      end
      assert.are.equal(1, (server:connections()))
      assert.is_nil(idle:next())
      eventually("both are closed", function() return server:connections() == 0 end)
    end)
  end)

  it("refuses objects of kinds that clients have no methods for", function()
    local server <close> = start {
      array = function() return require "concur".array("i8", 1) end,
      rwlock = function() return require "concur".rwlock() end,
    }
    local m <close> = assert(concur.manager.connect { address = server:address(), authkey = KEY, timeout = T })
    for _, kind in ipairs { "array", "rwlock" } do
      local err = kit.error_of(function() m[kind](m) end)
      assert(err:find("cannot offer a concur." .. kind .. " over the network", 1, true))
    end
  end)
end)

describe("strangers", function()
  it("are never more than so many, also when they come all at once", function()
    local server <close> = start({}, { max_handshakes = 8, handshake_timeout = 100 })
    run(function()
      local connects, streams = {}, {}
      for i = 1, 100 do
        connects[i] = function() streams[i] = assert(async.connect(server:address())) end
      end
      async.gather(connects)
      local gone = 0
      for i = 1, 100 do
        async.spawn(function()
          if not streams[i]:read_some() then gone = gone + 1 end
        end)
      end
      eventually("92 are thrown out", function()
        local _, handshakes = server:connections()
        assert(handshakes <= 8)
        return gone == 92
      end)
    end)
  end)

  it("may send so many bytes and no more", function()
    local server <close> = start({}, { handshake_timeout = 100 })
    run(function()
      for _, bytes in ipairs { ("x"):rep(2000), "concur\0\1" .. ("x"):rep(1100), ("x"):rep(1 << 20) } do
        local stream = assert(async.connect(server:address()))
        stream:write(bytes)
        assert.is_nil(stream:read_some())
        stream:close()
      end
      local few = start({}, { max_unauthenticated = 104 })
      local stream, session = assert(async.connect(few:address())), sodium.client(KEY, 1000)
      stream:write(session:hello())
      stream:write(session:answer(stream:read(72)), "more")
      assert.is_nil(stream:read_some())
      stream:close()
      assert(link.connect(few:address(), KEY)):close()
      few:shutdown()
    end)
  end)

  it("that are thrown out while they prove the key do not count as clients", function()
    local uv = require "luv"
    local server <close> = start({}, { max_handshakes = 2 })
    local port = math.tointeger(server:address():match ":(%d+)$")
    run(function()
      for _ = 1, 200 do
        local stream, session = assert(async.connect(server:address())), sodium.client(KEY, 1000)
        stream:write(session:hello())
        local proof = session:answer(assert(stream:read(72)))
        local others = {}
        for i = 1, 4 do -- they come just before the proof
          others[i] = uv.new_tcp()
          others[i]:connect("127.0.0.1", port, function() end)
        end
        stream:write(proof)
        stream:read_some()
        for _, other in ipairs(others) do other:close() end
        stream:close()
      end
      eventually("all have gone", function()
        local connections, handshakes = server:connections()
        return connections == 0 and handshakes == 0
      end)
    end)
  end)
end)
