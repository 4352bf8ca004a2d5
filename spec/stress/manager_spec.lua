-- Managers at length: a thousand connections at a time, clients that come and go, threads that call and close, and a
-- server that is shut down while calls are in the middle.
local concur = require "concur"
local kit = require "spec.support.kit"

if not (pcall(require, "concur.sodium") and pcall(require, "luv")) then
  return it("concur.manager needs libsodium and luv, of which one is missing here", function() end)
end

local async = require "concur.async"
local link = require "spec.support.link"
local resident = require "spec.support.resident"

local T = 60
local KEY = "a key"

local function serve(objects, options)
  options = options or {}
  options.address, options.authkey = options.address or "127.0.0.1:0", KEY
  local server = concur.manager.server(options)
  for name, object in pairs(objects) do server:register(name, function() return object end) end
  return server:start()
end

local function connect(address, heartbeat)
  return concur.manager.connect { address = address, authkey = KEY, timeout = T, heartbeat = heartbeat or 1 }
end

describe("a thousand connections", function()
  -- Each needs a descriptor here and one there, which are of one process.
  local ENOUGH = 2200
  local limit = io.popen "ulimit -n":read "a"
  if not (limit:find "unlimited" or (tonumber(limit) or 0) >= ENOUGH) then
    print(("a thousand connections: the limit of descriptors is %s, and not %d: left out"):format(limit:gsub("%s", ""),
      ENOUGH))
    return
  end

  it("work, and leave nothing behind", function()
    local q, lock = concur.queue(), concur.lock()
    local server <close> = serve({ q = q, lock = lock }, { heartbeat = 30, max_handshakes = 2000 })
    local grown
    for round = 1, 3 do
      collectgarbage()
      if round == 2 then grown = resident() end
      async.run(function()
        local clients, connects = {}, {}
        for i = 1, 1000 do
          connects[i] = function() clients[i] = assert(link.connect(server:address(), KEY)) end
        end
        async.gather(connects)
        assert.are.equal(1000, (server:connections()))
        local calls = {}
        for i, client in ipairs(clients) do
          calls[i] = function()
            local id = client:call(1, 0, "q").object
            assert(client:call(1, id, "put", i))
            return client:call(1, id, "get", T)
          end
        end
        local sum = 0
        for _, item in ipairs(async.gather(calls)) do sum = sum + item end
        assert.are.equal(1000 * 1001 // 2, sum)
        for i, client in ipairs(clients) do
          if i % 2 == 0 then client:begin(1, client:call(2, 0, "q").object, "get") end -- a call is in the middle
          client:close()
        end
      end)
      kit.eventually("all have gone", function() return server:connections() == 0 end, T)
      q:put(round)
      assert.are.equal(round, q:get(0)) -- none was waiting for it
    end
    assert((resident() - grown) < 64 << 20)
  end)

  it("of clients proper work, too", function()
    local q = concur.queue()
    local server <close> = serve({ q = q }, { heartbeat = 30, max_handshakes = 2000 })
    local clients = {}
    for i = 1, 1000 do clients[i] = assert(connect(server:address(), 30)) end
    for i, m in ipairs(clients) do assert(m:q():put(i)) end
    assert.are.equal(1000, #q)
    for i = 1, 1000 do clients[i] = clients[i]:close() end
    collectgarbage()
    collectgarbage()
    kit.eventually("all have gone", function() return server:connections() == 0 end, T)
  end)
end)

describe("threads of one client", function()
  it("call, are cancelled and close at the same time", function()
    local q, counter, lock = concur.queue(), concur.value(0), concur.lock()
    local server <close> = serve { q = q, counter = counter, lock = lock }
    for _ = 1, 40 do
      local m = assert(connect(server:address()))
      local pq, pv, pl = m:q(), m:counter(), m:lock()
      local threads = {}
      for i = 1, 8 do
        threads[i] = concur.spawn(function()
          for n = 1, 20 do
            pl:with(function() pv:add(1) end)
            if i % 4 == 0 then pq:put(n) else pv:get() end
            if i % 4 == 1 and n == 10 then m:close() end
            if i % 4 == 2 and n == 10 then pq:get() end
          end
        end)
      end
      for i = 2, 8, 4 do threads[i]:cancel() end
      for i = 1, 8 do assert(threads[i]:join(T) ~= nil) end
      assert.is_false(lock:locked())
    end
  end)
end)

describe("a server that is shut down in the middle of calls", function()
  it("ends them all, and can be started again", function()
    local address = "127.0.0.1:0"
    for round = 1, 30 do
      local q, waits = concur.queue(5), concur.event()
      local server = serve({ q = q, waits = waits }, { address = address })
      address = server:address()
      local m = assert(connect(address))
      local pq, pe = m:q(), m:waits()
      local begun, threads = concur.latch(6), {}
      for i = 1, 6 do
        threads[i] = concur.spawn(function()
          begun:count_down()
          local result, why
          repeat
            if i % 3 == 0 then
              result, why = pe:wait()
            elseif i % 3 == 1 then
              result, why = pq:put("x")
            else
              result, why = pq:get()
            end
          until result == nil
          return why
        end)
      end
      assert(begun:wait(T))
      if round % 2 == 0 then concur.yield() end
      server:shutdown()
      for i = 1, 6 do assert.are.equal("connection lost", (kit.join(threads[i]))) end
    end
  end)
end)
