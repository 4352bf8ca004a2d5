-- concur.pipe: two connections
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

local CLOSED = { nil, "closed", n = 2 }
local EMPTY = { nil, "empty", n = 2 }

describe("a pipe", function()
  it("has two ends, each of which sends and receives", function()
    local results = table.pack(concur.pipe())
    assert.are.equal(2, results.n)
    local a, b = results[1], results[2]
    assert.are_not.equal(a, b)
    assert.are_not.equal(a:id(), b:id())
    assert.are.equal("connection", concur.type(a))
    assert.are.equal("connection", concur.type(b))
    kit.same({ true, n = 1 }, table.pack(a:send("there")))
    kit.same({ true, n = 1 }, table.pack(b:send("back")))
    kit.same({ "back", n = 1 }, table.pack(a:recv()))
    kit.same({ "there", n = 1 }, table.pack(b:recv()))
    kit.same(EMPTY, table.pack(a:recv(0)))
    kit.same(EMPTY, table.pack(b:recv(0)))
  end)

  it("keeps the order of what is sent", function()
    local a, b = concur.pipe()
    for i = 1, 1000 do
      a:send(i)
      b:send(-i)
    end
    for i = 1, 1000 do
      assert.are.equal(i, b:recv())
      assert.are.equal(-i, a:recv())
    end
  end)

  it("carries any item, nil and false included", function()
    local a, b = concur.pipe()
    local shared = { "shared" }
    local list = { n = 7, nil, false, 0.0, "bytes\0\255", { shared, shared }, concur.event(), ("x"):rep(1 << 20) }
    for i = 1, list.n do a:send(list[i]) end
    for i = 1, list.n do
      local got = table.pack(b:recv(0))
      assert.are.equal(1, got.n)
      if i == 6 then assert.is_true(got[1] == list[6]) else kit.same(list[i], got[1]) end
    end
    kit.same(EMPTY, table.pack(b:recv(false)))
  end)

  it("takes nil and true as duplex", function()
    for _, duplex in ipairs { { n = 1 }, { true, n = 1 } } do
      local a, b = concur.pipe(table.unpack(duplex, 1, duplex.n))
      assert.is_true(a:send(1) and b:send(2))
      kit.same({ 2, 1 }, { a:recv(0), (b:recv(0)) })
    end
  end)

  it("of one way: the first receives, the second sends", function()
    local reader, writer = concur.pipe(false)
    assert.is_true(writer:send("word"))
    assert.is_true(reader:poll())
    assert.are.equal("word", reader:recv(T))
    kit.raises("the connection only receives", function() reader:send(1) end)
    kit.raises("the connection only receives", function() reader:send(1, 0) end)
    kit.raises("the connection only sends", function() writer:recv() end)
    kit.raises("the connection only sends", function() writer:recv(0) end)
    kit.raises("the connection only sends", function() writer:poll() end)
    kit.raises("the connection only sends", function() writer:poll(1) end)
    kit.raises("the connection only sends", function() writer:fileno() end)
    kit.raises("the connection only sends", function() concur.wait({ writer }, 0) end)
    kit.same(EMPTY, table.pack(reader:recv(0)))
    writer:send("last")
    writer:close()
    kit.same({ "last", n = 1 }, table.pack(reader:recv()))
    kit.same(CLOSED, table.pack(reader:recv()))
  end)

  it("of one way tells the sender that nobody receives any more", function()
    local reader, writer = concur.pipe(false)
    writer:send("lost")
    reader:close()
    kit.same({ false, "closed", n = 2 }, table.pack(writer:send(1)))
    kit.same({ false, "closed", n = 2 }, table.pack(writer:send(1, 0)))
  end)

  it("with a maxsize is full, each way for itself", function()
    local a, b = concur.pipe(true, 2)
    a:send(1)
    a:send(2)
    for _, timeout in ipairs { 0, false, 0.001 } do
      kit.same({ false, "full", n = 2 }, table.pack(a:send(3, timeout)))
    end
    assert.is_true(b:send(1, 0))
    assert.are.equal(1, b:recv(0))
    assert.is_true(a:send(3, 0))
    kit.same({ 2, 3 }, { b:recv(0), (b:recv(0)) })
    local reader, writer = concur.pipe(false, 1)
    assert.is_true(writer:send(1, 0))
    kit.same({ false, "full", n = 2 }, table.pack(writer:send(2, 0)))
    assert.are.equal(1, reader:recv(0))
  end)

  it("prints whether it is closed", function()
    local a = concur.pipe()
    assert.is_truthy(tostring(a):find("^concur%.connection: 0x%x+"), tostring(a))
    assert.is_nil(tostring(a):find("closed", 1, true))
    a:close()
    assert.is_truthy(tostring(a):find("^concur%.connection: 0x%x+ %(closed%)$"), tostring(a))
  end)

  it("refuses wrong arguments", function()
    for _, wrong in ipairs { 0, "yes", {}, print } do
      kit.raises("bad argument #1 to 'pipe' (…", function() concur.pipe(wrong) end)
    end
    for _, wrong in ipairs { -1, 1.5, 0 / 0, math.huge, "many", {}, true, math.mininteger } do
      kit.raises("bad argument #2 to 'pipe' (…", function() concur.pipe(true, wrong) end)
    end
    local a, b = concur.pipe()
    kit.raises("bad argument #1 to 'send' (value expected)", function() a:send() end)
    for _ = 1, 2 do -- empty, and not
      for _, wrong in ipairs { -1, 0 / 0, -math.huge, "1", {}, print } do
        kit.raises("bad argument #2 to 'send' (…", function() b:send(1, wrong) end)
        kit.raises("bad argument #1 to 'recv' (…", function() a:recv(wrong) end)
        kit.raises("bad argument #1 to 'poll' (…", function() a:poll(wrong) end)
      end
      b:send("x")
    end
    for _, other in ipairs { concur.queue(), {}, 1, io.stdout } do
      kit.raises("bad argument #1 to 'send' (concur.connection expected, got …", function() a.send(other, 1) end)
      kit.raises("bad argument #1 to 'recv' (concur.connection expected, got …", function() a.recv(other, 0) end)
      kit.raises("bad argument #1 to 'poll' (concur.connection expected, got …", function() a.poll(other) end)
      kit.raises("bad argument #1 to 'close' (concur.connection expected, got …", function() a.close(other) end)
    end
  end)

  it("sends nothing of what cannot cross", function()
    local a, b = concur.pipe()
    kit.raises("cannot transfer a thread (at .list[2])", function()
      a:send { list = { concur.event(), coroutine.create(print) } }
    end)
    kit.same(EMPTY, table.pack(b:recv(0)))
    a:send("fine")
    assert.are.equal("fine", b:recv(0))
  end)
end)

describe("a closed end", function()
  it("raises when it is used", function()
    local a, b = concur.pipe()
    b:send("unread")
    assert.are.equal(0, select("#", a:close()))
    kit.raises("the connection is closed", function() a:send(1) end)
    kit.raises("the connection is closed", function() a:send(1, 0) end)
    kit.raises("the connection is closed", function() a:recv() end)
    kit.raises("the connection is closed", function() a:recv(0) end)
    kit.raises("the connection is closed", function() a:poll() end)
    kit.raises("the connection is closed", function() a:fileno() end)
    kit.raises("the connection is closed", function() a:pollfd() end)
    kit.raises("the connection is closed", function() concur.wait({ a }, 0) end)
    for _ = 1, 3 do a:close() end
    kit.same(CLOSED, table.pack(b:recv(0)))
  end)

  it("of one way raises, too", function()
    local reader, writer = concur.pipe(false)
    reader:close()
    writer:close()
    kit.raises("the connection is closed", function() reader:recv() end)
    kit.raises("the connection is closed", function() writer:send(1) end)
    kit.raises("the connection is closed", function() reader:send(1) end)
    kit.raises("the connection is closed", function() writer:recv() end)
  end)

  it("ends the stream once what was sent is received", function()
    local a, b = concur.pipe()
    for i = 1, 3 do a:send(i) end
    a:send(nil)
    a:close()
    for i = 1, 3 do
      assert.is_true(b:poll())
      kit.same({ i, n = 1 }, table.pack(b:recv()))
    end
    kit.same({ n = 1 }, table.pack(b:recv()))
    for _, timeout in ipairs { 0, false, 1, true } do
      kit.same(CLOSED, table.pack(b:recv(timeout)))
      assert.is_true(b:poll(timeout)) -- recv has an answer
    end
    kit.same({ false, "closed", n = 2 }, table.pack(b:send("to nobody")))
    b:close()
  end)

  it("is closed by <close>, also on errors", function()
    local a, b = concur.pipe()
    local value = {}
    assert.is_true(rawequal(value, kit.error_of(function()
      local mine <close> = a
      mine:send("before")
      error(value)
    end)))
    kit.same({ "before", n = 1 }, table.pack(b:recv(T)))
    kit.same(CLOSED, table.pack(b:recv(T)))
    do
      local mine <close> = a
      assert.is_true(mine == a)
    end
    do
      local mine <close> = b
      mine:close()
    end
    kit.raises("the connection is closed", function() b:recv() end)
  end)

  it("of both: closed twice, in any order", function()
    for _ = 1, 100 do
      local a, b = concur.pipe()
      a:send { b, a }
      b:send { b, a }
      a:close()
      b:close()
      b:close()
      a:close()
    end
  end)
end)

describe("a connection's poll", function()
  it("tells whether there is something to receive", function()
    local a, b = concur.pipe()
    for _, timeout in ipairs { 0, 0.0, false, 0.001, 1e-9 } do
      kit.same({ false, n = 1 }, table.pack(a:poll(timeout)))
    end
    kit.same({ false, n = 1 }, table.pack(a:poll()))
    kit.same({ false, n = 1 }, table.pack(a:poll(nil)))
    b:send(nil)
    for _, timeout in ipairs { 0, 0.0, false, true, 1, math.huge } do
      kit.same({ true, n = 1 }, table.pack(a:poll(timeout)))
    end
    kit.same({ true, n = 1 }, table.pack(a:poll()))
    kit.same({ n = 1 }, table.pack(a:recv(0)))
    assert.is_false(a:poll())
    assert.is_false(b:poll())
  end)

  it("is never early, and soon after its timeout", function()
    local a, b = concur.pipe()
    local late = {}
    for _, timeout in ipairs { 0.0005, 0.001, 0.01, 0.02, 0.005 } do
      local took, ready = kit.seconds(function() return a:poll(timeout) end)
      assert.is_true(ready == false and took >= timeout, ("%g after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
      local item, reason
      took, item, reason = kit.seconds(function() return b:recv(timeout) end)
      assert.is_true(item == nil and reason == "empty" and took >= timeout)
      late[#late + 1] = took - timeout
    end
    table.sort(late)
    assert.is_true(late[5] < 0.05, ("late by %g s"):format(late[5]))
  end)
end)

kit.each_kind(function(kind)
  describe("a pipe between threads", function()
    it("is a conversation", function()
      local a, b = concur.pipe()
      local t = kind.spawn(function()
        while true do
          local n, reason = b:recv()
          if reason == "closed" then return "done" end
          b:send(n * 2)
        end
      end)
      for i = 1, 3000 do
        a:send(i)
        assert.are.equal(2 * i, a:recv(T))
      end
      a:close()
      assert.are.equal("done", kit.join(t))
    end)

    it("wakes who polls: by a message, and by the end", function()
      local a, b = concur.pipe()
      for _, timeout in ipairs { 20, true, math.huge } do
        local t = kind.spawn(function()
          local ready = b:poll(timeout)
          return ready, b:recv(0)
        end)
        kit.until_waiting(t)
        a:send("x")
        kit.same({ true, "x", n = 2 }, table.pack(kit.join(t)))
      end
      local t = kind.spawn(function() return b:poll(20), b:recv(0) end)
      kit.until_waiting(t)
      a:close()
      kit.same({ true, nil, "closed", n = 3 }, table.pack(kit.join(t)))
    end)

    it("ends pass as arguments, upvalues, through queues and through pipes", function()
      local q = concur.queue()
      local a, b = concur.pipe()
      kit.join(kind.spawn(function() q:put { end_ = b } end))
      local c, d = concur.pipe()
      assert.is_true(c:send(q:get(T).end_))
      local through = d:recv(T)
      assert.is_true(through == b)
      assert.are.equal(b:id(), through:id())
      local t = concur.thread {
        target = function(x) return x:send("by argument"), concur.type(x) end, args = { through },
      }
      kit.same({ true, "connection", n = 2 }, table.pack(kit.join(t:start())))
      assert.are.equal("by argument", a:recv(T))
      assert.is_true(kit.join(kind.spawn(function() return b end)) == b)
    end)

    it("many send and many receive on copies of the ends", function()
      local a, b = concur.pipe(true, 16)
      local senders, receivers = {}, {}
      for s = 1, 4 do
        senders[s] = kind.spawn(function()
          for i = 1, 2000 do assert(a:send(s * 100000 + i)) end
        end)
        receivers[s] = kind.spawn(function()
          local last, count = { 0, 0, 0, 0 }, 0
          while true do
            local item, reason = b:recv()
            if reason then return count, reason end
            local from, i = item // 100000, item % 100000
            assert(i > last[from], "out of order")
            last[from], count = i, count + 1
          end
        end)
      end
      kit.join_all(senders)
      a:close()
      local count = 0
      for _, t in ipairs(receivers) do
        local n, reason = kit.join(t)
        assert.are.equal("closed", reason)
        count = count + n
      end
      assert.are.equal(8000, count)
    end)
  end)
end)
