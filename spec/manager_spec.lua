-- concur.manager: clients and servers together, in threads and processes.
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT
local KEY = "a key"

local function serve(objects, options)
  options = options or {}
  options.address, options.authkey = options.address or "127.0.0.1:0", KEY
  local server = concur.manager.server(options)
  for name, object in pairs(objects) do server:register(name, function() return object end) end
  return server:start()
end

local function connect(server)
  return concur.manager.connect { address = server:address(), authkey = KEY, timeout = T }
end

describe("a proxy", function()
  it("does what its object does", function()
    local q, d, l, v = concur.queue(2), concur.dict(), concur.list(), concur.value(1)
    local lock, rlock, s, e, c, b = concur.lock(), concur.rlock(), concur.semaphore(1), concur.event(),
      concur.condition(), concur.latch(2)
    local server <close> = serve { q = q, d = d, l = l, v = v, lock = lock, rlock = rlock, s = s, e = e, c = c, b = b }
    local m <close> = assert(connect(server))
    local pq, pd, pl = m:q(), m:d(), m:l()
    assert.are.equal("proxy", concur.type(pq))
    assert.is_true(pq == m:q() and pq ~= pd)
    kit.same({ true, true, false, "full" }, { pq:put(1), pq:put({ 2 }), pq:put(3, 0.01) })
    kit.same({ 2, 2, 1, { 2 } }, { #pq, pq:qsize(), pq:get(), pq:get() })
    kit.same({ nil, "empty", n = 2 }, table.pack(pq:get(0)))
    pd.key = "value"
    kit.same({ "value", 1, nil, true }, { d.key, #pd, pd.none, pd:has "key" })
    pl:append "a"
    pl[2] = "b"
    local read = {}
    for i, x in ipairs(pl) do read[i] = x end
    kit.same({ "a", "b" }, read)
    assert.are.equal(6, m:v():add(5))
    do
      local held <close> = m:lock():acquire()
      assert.is_true(lock:locked() and held == m:lock())
    end
    assert.is_false(lock:locked())
    assert.are.equal(7, m:rlock():with(function(x) assert(rlock:locked()) return x end, 7))
    assert(m:s():acquire())
    assert.is_false(m:s():acquire(0))
    m:s():release()
    m:e():set()
    assert.is_true(e:is_set())
    assert.is_false(m:c():with(function() return m:c():wait(0.01) end))
    m:b():count_down(2)
    assert.is_true(b:wait(0))
    kit.raises("cannot transfer a function (at the value itself)", function() pq:put(print) end)
    kit.raises("bad argument #1 to 'get' (time must not be negative)", function() pq:get(-1) end)
  end)

  it("is used by many threads at once, none of which delays another", function()
    local q, answers = concur.queue(), concur.queue()
    local server <close> = serve { q = q, answers = answers }
    local m = assert(connect(server))
    local pq, pa = m:q(), m:answers()
    local threads = {}
    for i = 1, 8 do
      threads[i] = concur.spawn(function()
        for item in pq:items() do pa:put(item * 2) end
      end)
    end
    local sum = 0
    for i = 1, 400 do pq:put(i) end
    for _ = 1, 400 do sum = sum + pa:get(T) end
    pq:close()
    kit.join_all(threads)
    assert.are.equal(400 * 401, sum)
  end)

  it("holds what it holds when its thread ends, as the object itself does", function()
    local lock, rlock, units, c = concur.lock(), concur.rlock(), concur.semaphore(2), concur.condition(concur.lock())
    local server <close> = serve { lock = lock, rlock = rlock, units = units, c = c }
    local m = assert(connect(server))
    local pl, pr, pu, pc = m:lock(), m:rlock(), m:units(), m:c()
    local function acquire_all()
      for _, object in ipairs { pl, pr, pu, pc } do object:acquire() end
    end
    for _ = 1, 3 do
      kit.join(concur.spawn(acquire_all))
      local _, note = pr:acquire(T)
      assert.are.equal("abandoned", note)
      pr:release()
      assert.is_true(pl:locked() and pc:locked() and lock:locked())
      assert.are.equal(1, units:value())
      kit.join(concur.spawn(function() -- others may release them
        pl:release()
        pc:release()
        pu:release()
      end))
      assert.are.equal(2, units:value())
      assert.is_false(pl:locked() or pc:locked())
      units:acquire()
      units:release()
    end
    kit.join(concur.spawn(acquire_all))
    pl, pr, pu, pc, m = nil, nil, nil, nil, m:close()
    collectgarbage()
    collectgarbage()
    assert.are.equal("abandoned", select(2, lock:acquire(T)))
    assert.are.equal("abandoned", select(2, c:acquire(T)))
    assert.is_nil(pl or pr or pu or pc or m)
  end)

  it("puts many items in one call", function()
    local q = concur.queue()
    local server <close> = serve { q = q }
    local list = {}
    for i = 1, 10000 do list[i] = i end
    local m = assert(connect(server))
    assert.are.equal(10000, m:q():put_many(list))
    assert.are.equal(10000, #q)
    assert.are.equal(10000, m:q():get_many(20000).n)
  end)
end)

describe("a client", function()
  it("says why it cannot connect", function()
    local server = serve {}
    local address = server:address()
    kit.same({ nil, "authentication failed" }, { concur.manager.connect { address = address, authkey = "wrong" } })
    kit.raises("bad option 'authkey' (a string that is not empty expected)", function()
      concur.manager.connect { address = address }
    end)
    server:shutdown()
    local m, why = concur.manager.connect { address = address, authkey = KEY }
    assert(m == nil and why:find "refused", why)
  end)

  it("calls functions, and gets their errors", function()
    local server <close> = concur.manager.server { address = "127.0.0.1:0", authkey = KEY }
    server:register("add", function(a, b) return a + b end)
    server:register("fail", function() error("on the server", 0) end)
    server:start()
    local m <close> = assert(connect(server))
    assert.are.equal(3, m:add(1, 2))
    assert(tostring(kit.error_of(function() m:fail() end)):find "on the server")
    assert(tostring(kit.error_of(function() m:nothing() end)):find "no function 'nothing' is registered")
  end)

  it("learns at once that the server has gone", function()
    local q, waits = concur.queue(), concur.latch(4)
    local server = serve { q = q }
    local m = assert(connect(server))
    local pq = m:q()
    local threads = {}
    for i = 1, 4 do
      threads[i] = concur.spawn(function()
        waits:count_down()
        return pq:get()
      end)
    end
    assert(waits:wait(T))
    for i = 1, 4 do kit.until_waiting(threads[i]) end
    server:shutdown()
    for i = 1, 4 do kit.same({ nil, "connection lost" }, { kit.join(threads[i]) }) end
    kit.same({ nil, "connection lost", n = 2 }, table.pack(pq:qsize()))
  end)

  it("that is killed gives back all, and no item is taken for it", function()
    local q, lock, ready = concur.queue(), concur.lock(), concur.queue()
    local server <close> = serve { q = q, lock = lock, ready = ready }
    local address = server:address()
    for i = 1, 5 do
      local p = concur.process(function()
        local m = assert(concur.manager.connect { address = address, authkey = KEY })
        m:lock():acquire()
        m:ready():put "ready"
        m:q():get()
      end):start()
      assert.are.equal("ready", ready:get(T))
      p:kill()
      local _, note = lock:acquire(T)
      assert.are.equal("abandoned", note)
      lock:release()
      p:join(T)
      q:put(i)
      assert.are.equal(i, q:get(T))
    end
  end)

  it("that is cancelled takes nothing any more", function()
    local q = concur.queue()
    local server <close> = serve { q = q }
    local pq = assert(connect(server)):q()
    for i = 1, 20 do
      local t = concur.spawn(function() return pq:get() end)
      kit.until_waiting(t)
      t:cancel()
      kit.same({ false, concur.CANCELLED }, { t:join(T) })
      q:put(i)
      assert.are.equal(i, q:get(0))
    end
  end)
end)
