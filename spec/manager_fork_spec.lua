-- concur.manager and forks: what children of a server's process and of a client's have of the connections, which is
-- nothing, and clients that are killed again and again.
local concur = require "concur"
local kit = require "spec.support.kit"

if not (pcall(require, "concur.sodium") and pcall(require, "luv")) then
  return it("concur.manager needs libsodium and luv, of which one is missing here", function() end)
end

local T = kit.TIMEOUT
local KEY = "a key"

local function serve(objects, options)
  options = options or {}
  options.address, options.authkey = options.address or "127.0.0.1:0", KEY
  local server = concur.manager.server(options)
  for name, object in pairs(objects) do server:register(name, function() return object end) end
  return server:start()
end

local function connect(address, options)
  options = options or {}
  options.address, options.authkey, options.timeout = address, KEY, T
  return concur.manager.connect(options)
end

-- A child process that lives until `go` is set.
local function bystander(go)
  local there = concur.event()
  local p = concur.process(function()
    there:set()
    go:wait(T)
  end):start()
  assert(there:wait(T))
  return p
end

describe("a child of a server's process", function()
  for _, where in ipairs { "127.0.0.1:0", "unix" } do
    it("does not keep its sockets open: " .. where, function()
      local address = where == "unix" and "unix:" .. os.tmpname() .. ".socket" or where
      local go = concur.event()
      local server = serve({ q = concur.queue() }, { address = address, heartbeat = 60 })
      local m = assert(connect(server:address(), { heartbeat = 60 }))
      local pq = m:q()
      local child = bystander(go)
      local getter = concur.spawn(function() return pq:get() end)
      kit.until_waiting(getter)
      address = server:address()
      server:shutdown()
      kit.same({ nil, "connection lost" }, { kit.join(getter) })
      assert.is_nil((connect(address)))
      local again <close> = serve({ q = concur.queue() }, { address = address }) -- the port is free
      assert(connect(again:address())):q():put(1)
      go:set()
      kit.join(child)
    end)
  end

  it("does not keep them open when the server is killed", function()
    local go, addresses = concur.event(), concur.queue()
    for _ = 1, 5 do
      local process = concur.process(function()
        local server <close> = serve({ q = concur.queue() }, { heartbeat = 60 })
        addresses:put(server:address())
        bystander(go)
        addresses:put "there is one"
        go:wait(T)
      end)
      process:start()
      local m = assert(connect(addresses:get(T), { heartbeat = 60 }))
      local pq = m:q()
      addresses:get(T)
      local getter = concur.spawn(function() return pq:get() end)
      kit.until_waiting(getter)
      local child = bystander(go) -- has the client's, too
      process:kill()
      kit.same({ nil, "connection lost" }, { kit.join(getter) })
      assert.is_nil(child.exitcode)
    end
    go:set()
  end)

  it("is a client as others are", function()
    local q, answers = concur.queue(), concur.queue()
    local server <close> = serve { q = q, answers = answers }
    local address = server:address()
    local children = {}
    for i = 1, 4 do
      children[i] = concur.process(function()
        local m = assert(connect(address))
        local from, to = m:q(), m:answers()
        local threads = {}
        for j = 1, 3 do
          threads[j] = concur.spawn(function()
            for item in from:items() do to:put(item) end
          end)
        end
        kit.join_all(threads)
      end):start()
    end
    for i = 1, 300 do q:put(i) end
    local sum = 0
    for _ = 1, 300 do sum = sum + answers:get(T) end
    q:close()
    kit.join_all(children)
    assert.are.equal(300 * 301 // 2, sum)
    kit.eventually("all connections are closed", function() return server:connections() == 0 end)
  end)
end)

describe("clients that are killed", function()
  it("lose no item that they had not got, and leave nothing behind", function()
    local from, to, lock, units = concur.queue(), concur.queue(), concur.lock(), concur.semaphore(3)
    local server <close> = serve { from = from, to = to, lock = lock, units = units }
    local address = server:address()
    local next_item, put, got = 0, 0, {}
    for round = 1, 12 do
      local p = concur.process(function()
        local m = assert(connect(address))
        local pf, pt, pl, pu = m:from(), m:to(), m:lock(), m:units()
        for i = 1, 4 do
          concur.spawn(function()
            while true do
              pu:acquire()
              if i % 2 == 0 then
                local item = pf:get()
                pl:with(function() return pt:put(item) end)
              else
                pt:put_many(pf:get_many(5))
              end
              pu:release()
            end
          end)
        end
        concur.event():wait(T)
      end):start()
      for _ = 1, 40 do
        next_item = next_item + 1
        from:put(next_item)
      end
      for _ = 1, 10 + round do -- in the middle of its work
        got[#got + 1] = to:get(T)
      end
      p:kill()
      p:join(T)
      kit.eventually("the server knows", function() return server:connections() == 0 end)
      assert.are.equal(3, units:value())
      assert(lock:acquire(T)):release()
      put = next_item
    end
    for i = from:qsize(), 1, -1 do got[#got + 1] = from:get(0) or error(i) end
    while to:qsize() > 0 do got[#got + 1] = to:get(0) end
    local seen, lost = {}, 0
    for _, item in ipairs(got) do
      assert(not seen[item], "an item twice")
      seen[item] = true
    end
    for i = 1, put do lost = lost + (seen[i] and 0 or 1) end
    assert(lost <= 12 * (2 + 2 * 5), "more are lost than clients had in hand: " .. lost)
  end)

  it("take no item once the server knows", function()
    local q = concur.queue()
    local server <close> = serve({ q = q }, { heartbeat = 0.3 })
    local address = server:address()
    for round = 1, 6 do
      local ready = concur.queue()
      local p = concur.process(function()
        local m = assert(connect(address, { heartbeat = 0.3 }))
        local pq = m:q()
        for i = 1, 5 do
          concur.spawn(function()
            ready:put "ready"
            if i % 2 == 0 then pq:get() else pq:get_many(10) end
          end)
        end
        concur.event():wait(T)
      end):start()
      for _ = 1, 5 do assert(ready:get(T)) end
      local STOP, CONTINUE = 19, 18
      p:signal(round % 2 == 0 and STOP or 9) -- one that is stopped falls silent
      kit.eventually("the server knows", function() return server:connections() == 0 end)
      for i = 1, 10 do q:put(i) end
      local m = assert(connect(address))
      m:q() -- behind whatever the server still had to do
      for i = 1, 10 do assert.are.equal(i, q:get(0)) end
      p:signal(CONTINUE)
      p:kill()
      p:join(T)
      m:close()
      m = nil
      collectgarbage()
      assert.is_nil(m)
      kit.eventually("nobody is connected", function() return server:connections() == 0 end)
    end
  end)
end)
