-- concur.manager.connect and proxies, against a small server of their own. They need libsodium, and
-- the server needs luv: where one is missing there is nothing to test.
local concur = require "concur"
local kit = require "spec.support.kit"
local link_server = require "spec.support.link_server"

local T = kit.TIMEOUT

if not pcall(require, "concur.sodium") then
  describe("concur.manager without libsodium", function()
    it("says what is missing", function()
      local ok, err = pcall(function() return concur.manager.connect end)
      assert.is_false(ok)
      assert.is_truthy(err:find "libsodium")
    end)
  end)
  return
end

if not pcall(require, "luv") then
  describe("concur.manager without luv to test it", function()
    it("is there", function() assert.equal("function", type(concur.manager.connect)) end)
  end)
  return
end

local function connect(address, options)
  options = options or {}
  options.address, options.authkey, options.timeout = address, options.authkey or "abc", options.timeout or T
  return concur.manager.connect(options)
end

describe("a manager's client", function()
  local address, m

  before_each(function()
    concur.excepthook = false
    address = link_server.start {}
    m = assert(connect(address))
  end)

  after_each(function()
    m = nil
    collectgarbage()
    link_server.stop_all()
  end)

  -- {== connecting

  it("connects, over TCP and Unix sockets, and prints usefully", function()
    assert.equal("manager", concur.type(m))
    assert.is_truthy(tostring(m):find("^concur.manager: 0x%x+ %(127.0.0.1:%d+%)$"))
    local path = os.tmpname()
    os.remove(path)
    local unix = link_server.start { pipe = path }
    local other = assert(connect(unix))
    assert.equal(7, other:echo(7))
    os.remove(path)
  end)

  it("says why it could not", function()
    kit.same({ nil, "authentication failed" }, { connect(address, { authkey = "abd" }) })
    kit.same({ nil, "connection refused" }, { connect "127.0.0.1:1" })
    kit.same({ nil, "no such file or directory" }, { connect "unix:/nonexistent/socket" })
    local full = link_server.start { full = true }
    kit.same({ nil, "too many connections" }, { connect(full) })
    local mute = link_server.start { mute = true }
    local took, m2, why = kit.seconds(function() return connect(mute, { timeout = 0.1 }) end)
    kit.same({ nil, "timeout" }, { m2, why })
    assert.is_true(took >= 0.1 and took < 5)
  end)

  it("can be cancelled while it connects", function()
    local mute = link_server.start { mute = true }
    local t = concur.spawn(function() return connect(mute, { timeout = T }) end)
    kit.until_waiting(t)
    t:cancel()
    kit.same({ false, concur.CANCELLED }, { t:join(T) })
  end)

  it("raises for misuse", function()
    local c = concur.manager.connect
    kit.raises("bad argument #1 to 'connect' (table expected, got nil)", function() c() end)
    kit.raises("bad option 'authkey' (a string that is not empty expected)", function() c { address = "a:1" } end)
    kit.raises("bad option 'authkey' (…", function() c { address = "a:1", authkey = "" } end)
    kit.raises("bad option 'authkey' (…", function() c { address = "a:1", authkey = 5 } end)
    kit.raises("bad option 'address' (…", function() c { authkey = "a" } end)
    kit.raises("unknown option 'adress' for connect", function() c { adress = "a:1", authkey = "a" } end)
    kit.raises("bad option 'timeout' (…", function() c { address = "a:1", authkey = "a", timeout = -1 } end)
    kit.raises("bad option 'timeout' (…", function() c { address = "a:1", authkey = "a", timeout = 0 / 0 } end)
    local long = "unix:" .. ("x"):rep(200)
    for _, bad in ipairs { "a", "a:", ":5", "a:x", "a:70000", "a:0", "::1:5", "[::1]", "unix:", long } do
      kit.raises("bad option 'address' (…", function() c { address = bad, authkey = "a" } end)
    end
  end)

  -- ==} {== calls

  it("calls registered functions with copies of plain values", function()
    local shared = { 1 }
    local value = { a = { b = { 1.5, -0.0, "x\0y", true } }, [2] = shared, [3] = shared }
    value.me = value
    local results = table.pack(m:echo(nil, value, false, 1 << 62, nil))
    assert.equal(5, results.n)
    kit.same(value, results[2])
    kit.same({ nil, nil, false, 1 << 62, nil }, { results[1], nil, results[3], results[4], nil })
    assert.equal(0, select("#", m:echo()))
    local big = ("0123456789"):rep(300000)
    local patient = assert(connect(address, { heartbeat = 60 })) -- the server takes its time under a sanitizer
    assert.is_true(big == patient:echo(big))
  end)

  it("drops metatables, refuses what is no plain data, before sending", function()
    local object = setmetatable({ 1, { 2 } }, { __index = {} })
    local copy = m:echo(object)
    assert.is_nil(getmetatable(copy))
    assert.equal(2, copy[2][1])
    kit.raises("cannot transfer a function (at .x)", function() m:echo { x = print } end)
    kit.raises("cannot transfer a userdata (…", function() m:echo(concur.lock()) end)
    kit.raises("cannot transfer a table (…", function() m:echo(string) end)
    kit.raises("cannot transfer a table with __transfer (…", function()
      m:echo(setmetatable({}, { __transfer = function() return print end }))
    end)
    assert.equal(1, m:echo(1))
  end)

  it("raises the server's errors with its traceback", function()
    local err = kit.error_of(function() m:fail "what went wrong" end)
    assert.is_truthy(err:find("what went wrong", 1, true))
    assert.is_truthy(err:find("server's stack traceback:", 1, true))
    kit.same({ code = 5 }, kit.error_of(function() m:fail { code = 5 } end))
    assert.is_truthy(kit.error_of(function() m:nothing() end):find("nothing", 1, true))
  end)

  it("is refused messages beyond its limits", function()
    local small = assert(connect(address, { max_message = 1000, max_depth = 3 }))
    kit.raises("message too large", function() small:echo(("x"):rep(3000)) end)
    assert.equal(1, small:echo(1))
    kit.same({ { { 1 } } }, (small:echo { { { 1 } } }))
    assert.is_truthy(kit.error_of(function() small:echo { { { { 1 } } } } end):find "malformed data")
    assert.equal(2, small:echo(2))
  end)

  it("serves all threads at once", function()
    local threads = {}
    for i = 1, 8 do
      threads[i] = concur.spawn(function()
        for j = 1, 300 do
          local a, b = m:echo(i, j)
          assert(a == i and b == j)
        end
        return true
      end)
    end
    kit.join_all(threads)
    kit.eventually("their ends are told", function() return m:log().ended >= 8 end)
  end)

  it("is of no use in another process, which does not keep the connection open", function()
    local p = concur.process(function() return pcall(function() return m:echo(1) end) end):start()
    local _, ok, err = p:join(T)
    assert.is_false(ok)
    assert.is_truthy(err:find("the connection belongs to another process", 1, true))
    local kept = concur.event()
    local child = concur.process(function() kept:wait(T) end):start()
    local closed = m:log().closed
    m:close()
    m = nil
    collectgarbage()
    local other = assert(connect(address))
    kit.eventually("the server sees the end", function() return other:log().closed > closed end)
    kept:set()
    child:join(T)
  end)

  it("closes", function()
    m:close()
    m:close()
    assert.equal("concur.manager: (closed)", tostring(m))
    kit.raises("the concur.manager is closed", function() m:echo() end)
    do
      local scoped <close> = assert(connect(address))
      assert.equal(1, scoped:echo(1))
    end
  end)

  -- ==} {== proxies

  it("gives proxies that are the same for the same object, in all threads", function()
    local q = m:queue()
    assert.equal("proxy", concur.type(q))
    assert.is_truthy(tostring(q):find("^concur.proxy: 0x%x+ %(queue at 127.0.0.1:%d+%)$"))
    assert.is_true(q == m:queue())
    assert.equal(q:id(), m:queue():id())
    assert.is_false(q == m:lock())
    local a, b, c, d = m:several()
    assert.is_true(a == 1 and b == q and c == nil and d == m:lock())
    local same = kit.join(concur.spawn(function() return q == m:queue() and q:id() end))
    assert.equal(q:id(), same)
    local there = concur.queue()
    there:put(q)
    assert.is_true(there:get(T) == q)
    m:close()
    assert.is_true(q:put(1)) -- the proxy keeps the connection
    assert.equal(1, q:get())
    m = assert(connect(address))
  end)

  it("gives objects back when their last proxy goes", function()
    do
      local q = m:queue()
      for _ = 1, 4 do assert.is_true(m:queue() == q) end
      assert.is_nil(m:log().released[1])
    end
    collectgarbage()
    collectgarbage()
    kit.eventually("all are released", function() return m:log().released[1] == 5 end)
    do -- it outlives its handles here
      local there, go = concur.queue(), concur.event()
      local p = concur.process(function()
        local q = there:get(T)
        return go:wait(T) and concur.type(q)
      end):start()
      there:put((m:queue()))
      kit.eventually("it is there", function() return there:empty() end)
      collectgarbage()
      go:set()
      kit.same({ true, "proxy" }, { p:join(T) })
    end
    collectgarbage()
    kit.eventually("also by a process", function()
      collectgarbage()
      return m:log().released[1] == 6
    end)
  end)

  it("has the methods of queues", function()
    local q = m:queue()
    assert.is_true(q:put { 1, { 2 } })
    kit.same({ 1, { 2 } }, (q:get()))
    kit.same({ nil, "empty" }, { q:get(0) })
    assert.is_true(q:put_nowait "x" and #q == 1 and q:qsize() == 1 and not q:empty())
    assert.equal(2, q:put_many { "y", "z" })
    kit.raises("bad argument #1 to 'get' (time must not be negative)", function() q:get(-1) end)
    kit.raises("bad argument #2 to 'put' (number, boolean or nil expected, got string)", function() q:put(1, "x") end)
    assert.is_nil(q.fileno)
    assert.is_nil(q.nothing)
    q:close()
    local items = {}
    for item in q:items() do items[#items + 1] = item end
    kit.same({ "x", "y", "z" }, items)
  end)

  it("has the methods of locks and conditions", function()
    local l = m:lock()
    assert.is_true(rawequal(l, l:acquire()))
    assert.is_true(l:locked())
    l:release()
    kit.same({ true, 5 }, { l:with(function(x) return l:locked(), x end, 5) })
    assert.is_false(l:locked())
    pcall(function()
      local _ <close> = l:acquire()
      error "inside"
    end)
    assert.is_false(l:locked())
    local c = m:condition()
    c:acquire()
    local n = 0
    assert.is_true(c:wait_for(function()
      n = n + 1
      return n == 1
    end))
    assert.is_false(c:wait_for(function() return false end, 0))
    assert.equal(0, c:notify_all())
    c:release()
  end)

  it("has the methods of dicts, lists and values", function()
    local d = m:dict()
    d.x, d[1], d[true] = { 1 }, 2, "t"
    kit.same({ { 1 }, 2, "t" }, { d.x, d[1], d[true] })
    assert.is_nil(d.y)
    assert.equal(3, #d)
    local n = 0
    for _ in pairs(d) do n = n + 1 end
    assert.equal(3, n)
    d.x = nil
    assert.is_false(d:has "x")
    assert.equal("d", d:get("x", "d"))
    kit.raises("cannot update through a proxy: code does not cross the network", function() d:update(1, print) end)
    local l = m:list()
    l:append "a"
    l[2] = "b"
    local copy = {}
    for i, v in ipairs(l) do copy[i] = v end
    kit.same({ "a", "b" }, copy)
    assert.equal(2, #l)
    l:sort()
    kit.raises("cannot sort through a proxy: code does not cross the network", function() l:sort(print) end)
    local v = m:value()
    kit.raises("cannot update through a proxy: code does not cross the network", function() v:update(print) end)
    assert.equal(3, v:add(3))
    assert.is_true(v:compare_swap(3, "s"))
    assert.equal("s", v:get())
    kit.raises("attempt to get the length of a proxy", function() return #v end)
    kit.raises("attempt to set a field of a proxy", function() v.x = 1 end)
  end)

  -- ==} {== waits and their ends

  it("waits, and is woken", function()
    local q = m:queue()
    local t = concur.spawn(function() return q:get() end)
    kit.until_waiting(t)
    q:put "item"
    assert.equal("item", kit.join(t))
  end)

  it("withdraws a call when its thread is cancelled, and takes nothing", function()
    local q = m:queue()
    local threads = {}
    for i = 1, 4 do threads[i] = concur.spawn(function() return q:get() end) end
    for _, t in ipairs(threads) do kit.until_waiting(t) end
    for _, t in ipairs(threads) do
      assert.is_true(t:cancel())
      kit.same({ false, concur.CANCELLED }, { t:join(T) })
    end
    assert.equal(4, m:log().withdrawn)
    q:put "kept"
    assert.equal("kept", q:get(0))
  end)

  it("does not leave others waiting when who leads is cancelled", function()
    m = nil
    collectgarbage()
    collectgarbage()
    local slow = assert(connect(address, { heartbeat = 1000 })) -- no other thread looks at these
    m = assert(connect(address, { heartbeat = 1000 }))
    local q = slow:queue()
    local leader = concur.spawn(function() return slow:hang() end)
    kit.until_waiting(leader)
    local other = concur.spawn(function() return q:get() end)
    kit.until_waiting(other)
    leader:cancel()
    kit.same({ false, concur.CANCELLED }, { leader:join(T) })
    m:queue():put "item" -- over another link: a call over this one would take the result in
    assert.equal("item", kit.join(other))
  end)

  it("releases what a cancelled thread held, in its clean-up", function()
    local l, held = m:lock(), concur.event()
    local t = concur.spawn(function()
      local _ <close> = l:acquire()
      held:set()
      m:hang()
    end)
    assert.is_true(held:wait(T))
    kit.until_waiting(t)
    t:cancel()
    kit.same({ false, concur.CANCELLED }, { t:join(T) })
    assert.is_false(l:locked())
  end)

  it("never takes a wait for a deadlock", function()
    local t = concur.spawn(function() return m:hang() end)
    kit.until_waiting(t)
    assert.is_false(concur.event():wait(0.1))
    t:cancel()
    t:join(T)
  end)

  for what, how in pairs { ["the server closes"] = "drop", ["the server sends garbage"] = "garbage",
    ["the server falls silent"] = "silence" } do
    it("gives up all calls when " .. what, function()
      local quick = assert(connect(address, { heartbeat = 0.4 }))
      local q, d, l = quick:queue(), quick:dict(), quick:list()
      local waiter = concur.spawn(function() return quick:hang() end)
      kit.until_waiting(waiter)
      local took, result, why = kit.seconds(function() return quick[how](quick) end)
      kit.same({ nil, "connection lost" }, { result, why })
      assert.is_true(took < 2)
      kit.same({ nil, "connection lost" }, { kit.join(waiter) })
      kit.same({ nil, "connection lost" }, { quick:echo(1) })
      kit.same({ nil, "connection lost" }, { q:get(0) })
      kit.same({ nil, "connection lost" }, { d:get "x" })
      assert.is_nil(d.x)
      kit.raises("connection lost", function() d.x = 1 end) -- else it would seem to be done
      kit.raises("connection lost", function() l[1] = 1 end)
      assert.is_truthy(kit.error_of(function() return pairs(d) end):find "connection lost")
      assert.equal(1, m:echo(1))
    end)
  end

  it("notices a lost server while nobody calls", function()
    local quick = assert(connect(address, { heartbeat = 0.2 }))
    local t = concur.spawn(function() return quick:silence() end)
    kit.same({ nil, "connection lost" }, { kit.join(t) })
    assert.is_false(concur.event():wait(0.5)) -- the other link lives on through its heartbeats
    assert.equal(1, m:echo(1))
  end)

  -- ==}
end)
