-- concur.pipe: the end of a stream, and what pipes leave behind
local concur = require "concur"
local h = require "spec.support.helpers"

local function live(kind) return concur.info().objects[kind] end

local function settle(kind, n)
  h.poll(("%d objects of kind %s"):format(n, kind), function()
    collectgarbage()
    return live(kind) == n
  end)
end

describe("a pipe", function()
  it("carries values both ways", function()
    local a, b = concur.pipe()
    assert.are.same({ "connection", "connection" }, { concur.type(a), concur.type(b) })
    for _, v in ipairs { 1, 1.5, "x", ("y"):rep(100000), true, { 1, { 2 } } } do
      assert.are.same({ true, n = 1 }, table.pack(a:send(v)))
      assert.is_true(b:send(v))
      assert.are.same(v, b:recv())
      assert.are.same(v, a:recv(0))
    end
    a:send(nil)
    assert.are.same({ n = 1 }, table.pack(b:recv()))
    assert.are.same({ nil, "empty", n = 2 }, table.pack(b:recv(0)))
    assert.are.same({ nil, "empty", n = 2 }, table.pack(b:recv(0.01)))
  end)

  it("of one way has a receiver and a sender", function()
    local r, s = concur.pipe(false)
    s:send(1)
    assert.is_true(r:poll())
    assert.are.equal(1, r:recv())
    h.raises("the connection only receives", function() r:send(1) end)
    h.raises("the connection only sends", function() s:recv() end)
    h.raises("the connection only sends", function() s:poll() end)
    h.raises("the connection only sends", function() concur.wait { s } end)
    h.raises("the connection only sends", function() s:fileno() end)
  end)

  it("may have a limit", function()
    local a, b = concur.pipe(true, 2)
    assert.is_true(a:send(1) and a:send(2))
    assert.are.same({ false, "full" }, { a:send(3, 0) })
    assert.is_true(b:send(1, 0))
    local t = concur.spawn(function() return a:send(3) end)
    h.await_status(t, "waiting")
    assert.are.equal(1, b:recv())
    assert.is_true(h.results(t))
  end)

  it("misuse raises", function()
    local a, b = concur.pipe()
    h.raises("boolean expected", function() concur.pipe(1) end)
    h.raises("negative", function() concur.pipe(true, -1) end)
    h.raises("integer", function() concur.pipe(true, 1.5) end)
    h.raises("value expected", function() a:send() end)
    h.raises("cannot transfer", function() a:send(coroutine.create(print)) end)
    assert.is_false(b:poll())
    a:close()
    a:close()
    h.raises("the connection is closed", function() a:send(1) end)
    h.raises("the connection is closed", function() a:recv(0) end)
    h.raises("the connection is closed", function() a:poll() end)
    h.raises("the connection is closed", function() concur.wait({ a }, 0) end)
    h.raises("the connection is closed", function() a:fileno() end)
    assert.is_truthy(tostring(a):find("closed"))
  end)

  it("polls", function()
    local a, b = concur.pipe()
    assert.is_false(b:poll())
    assert.is_false(b:poll(0.01))
    local t = concur.spawn(function() return b:poll(h.patience), b:poll(math.huge) end)
    h.await_status(t, "waiting")
    a:send("x")
    assert.are.same({ true, true }, { h.results(t) })
    assert.are.equal("x", b:recv())
    a:close()
    assert.is_true(b:poll())
  end)
end)

describe("the end of a stream", function()
  it("comes after what was sent, when the other end is closed", function()
    local a, b = concur.pipe()
    a:send(1)
    a:send(2)
    a:close()
    assert.are.same({ 1, 2 }, { b:recv(), (b:recv()) })
    assert.are.same({ nil, "closed", n = 2 }, table.pack(b:recv()))
    assert.are.same({ nil, "closed", n = 2 }, table.pack(b:recv(0)))
    assert.are.same({ false, "closed", n = 2 }, table.pack(b:send(1)))
  end)

  it("comes when the other end is collected", function()
    local ends = { concur.pipe() }
    local b = ends[2]
    ends[1]:send("last words")
    ends[1] = nil
    collectgarbage()
    assert.are.equal("last words", b:recv())
    assert.are.same({ nil, "closed" }, { b:recv(h.patience) })
  end)

  it("comes when the block ends in which it is to be closed", function()
    local a, b = concur.pipe()
    do
      local mine <close> = a
      mine:send(1)
    end
    assert.are.equal(1, b:recv())
    assert.are.same({ nil, "closed" }, { b:recv() })
  end)

  it("comes when the thread ends that had the last copy", function()
    local ends = { concur.pipe() }
    local b = ends[2]
    local t = concur.spawn(function(c) c:send("hello") end, ends[1])
    ends[1] = nil
    collectgarbage()
    assert.are.equal("hello", b:recv(h.patience))
    h.results(t)
    collectgarbage()
    assert.are.same({ nil, "closed" }, { b:recv(h.patience) })
  end)

  it("does not come while a message carries the other end", function()
    local ends = { concur.pipe() }
    local b = ends[2]
    local box = concur.queue()
    box:put(ends[1])
    ends[1] = nil
    collectgarbage()
    assert.are.same({ nil, "empty" }, { b:recv(0.01) })
    box:get():send("from the box")
    assert.are.equal("from the box", b:recv(h.patience))
    collectgarbage()
    assert.are.same({ nil, "closed" }, { b:recv(h.patience) })
  end)

  it("comes when the message is dropped unread", function()
    local a, b = concur.pipe()
    local box = concur.queue()
    box:put { end_of_pipe = a }
    a:close() -- for this process; the message has it still
    assert.are.same({ nil, "empty" }, { b:recv(0) })
    box:close(true)
    assert.are.same({ nil, "closed" }, { b:recv(h.patience) })
  end)

  it("wakes those who wait at the other end, and at this one", function()
    local a, b = concur.pipe(true, 1)
    b:send(1)
    local threads = {
      concur.spawn(function() return b:recv() end),
      concur.spawn(function() return b:send(2) end),
      concur.spawn(function() return concur.wait { b }[1] == b end),
    }
    for _, t in ipairs(threads) do h.await_status(t, "waiting") end
    a:close()
    assert.are.same({ nil, "closed" }, { h.results(threads[1]) })
    assert.are.same({ false, "closed" }, { h.results(threads[2]) })
    assert.is_true(h.results(threads[3]))
    local c, d = concur.pipe()
    local mine = concur.spawn(function() return c:recv() end)
    h.await_status(mine, "waiting")
    c:close()
    assert.are.same({ nil, "closed" }, { h.results(mine) })
    assert.are.same({ nil, "closed" }, { d:recv() })
  end)
end)

describe("pipes", function()
  it("leave nothing behind", function()
    collectgarbage()
    local before = { live "connection", live "pipe", concur.info().shared_memory }
    for i = 1, 2000 do
      local a, b = concur.pipe(i % 2 == 0)
      if i % 2 == 0 then a:send(("x"):rep(500)) end
      if i % 3 == 0 then a:close() end
      if i % 5 == 0 then b:close() end
    end
    settle("connection", before[1])
    settle("pipe", before[2])
    assert(concur.info().shared_memory <= before[3] + 65536)
  end)

  it("go through pipes", function()
    local a, b = concur.pipe()
    for _ = 1, 100 do
      local c, d = concur.pipe()
      a:send { c, d }
      local both = b:recv()
      both[1]:send("x")
      assert.are.equal("x", both[2]:recv())
      assert.are.equal(c, both[1])
    end
  end)

  it("chain threads", function()
    local first, last = concur.pipe(false)
    local threads = {}
    for i = 1, 20 do
      local r, s = concur.pipe(false)
      local from = first
      threads[i] = concur.spawn(function()
        while true do
          local v, why = from:recv()
          if why then return s:close() end
          s:send(v + 1)
        end
      end)
      first = r
    end
    for i = 1, 50 do last:send(i) end
    last:close()
    for i = 1, 50 do assert.are.equal(i + 20, first:recv(h.patience)) end
    for _, t in ipairs(threads) do h.results(t) end
    assert.are.same({ nil, "closed" }, { first:recv(h.patience) })
  end)

  it("neither lose nor double a message of a receiver that gives up", function()
    local a, b = concur.pipe()
    local receivers = {}
    for i = 1, 4 do
      receivers[i] = concur.spawn(function()
        local sum, n = 0, 0
        while true do
          local v, why = b:recv(0.0001 * i)
          if v then sum, n = sum + v, n + 1 end
          if why == "closed" then return sum, n end
        end
      end)
    end
    for i = 1, 3000 do a:send(i) end
    a:close()
    local sum, n = 0, 0
    for _, t in ipairs(receivers) do
      local s, k = h.results(t)
      sum, n = sum + s, n + k
    end
    assert.are.same({ 3000 * 3001 // 2, 3000 }, { sum, n })
  end)
end)
