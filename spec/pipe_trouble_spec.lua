-- Pipes in trouble: how ends go, what waits when they do, and that nothing is lost or left
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

local CLOSED = { nil, "closed", n = 2 }
local EMPTY = { nil, "empty", n = 2 }

local function collect()
  collectgarbage()
  collectgarbage()
end

local function cancel(t)
  kit.until_waiting(t)
  assert.is_true(t:cancel())
  local ok, err = t:join(T)
  assert.is_false(ok)
  assert.is_true(err == concur.CANCELLED)
end

-- The stream must end, sooner or later, and not before.
local function ends(c)
  local item, reason = c:recv(T)
  assert.is_nil(item)
  assert.are.equal("closed", reason)
end

describe("the other end is gone", function()
  it("when it was collected", function()
    local a, b = concur.pipe()
    b:send("last words")
    assert.is_true(b ~= nil)
    b = nil
    collect()
    kit.same({ "last words", n = 1 }, table.pack(a:recv(0)))
    kit.same(CLOSED, table.pack(a:recv(0)))
    kit.same({ false, "closed", n = 2 }, table.pack(a:send(1)))
    assert.is_nil(b)
  end)

  it("not before its last copy is collected", function()
    local a, b = concur.pipe()
    local q = concur.queue()
    q:put(b)
    local copy = q:get(0)
    assert.is_true(copy == b)
    b = nil
    collect()
    kit.same(EMPTY, table.pack(a:recv(0)))
    assert.is_false(a:poll())
    assert.is_true(copy:send(1))
    copy = nil
    collect()
    kit.same({ 1, n = 1 }, table.pack(a:recv(0)))
    kit.same(CLOSED, table.pack(a:recv(0)))
    assert.is_true(b == copy)
  end)

  it("when a message that carries it was dropped unread", function()
    for _, way in ipairs { "closed", "collected" } do
      local a, b = concur.pipe()
      local q = concur.queue()
      q:put { deep = { b } }
      b = nil
      collect()
      kit.same(EMPTY, table.pack(a:recv(0)))
      assert.is_true(a:send("waits in there"))
      if way == "closed" then q:close(true) end
      q = nil
      collect()
      kit.same(CLOSED, table.pack(a:recv(0)))
      kit.same({ false, "closed", n = 2 }, table.pack(a:send(1)))
      assert.is_true(b == q)
    end
  end)

  it("not while an unread message carries it, though it was closed here", function()
    local a, b = concur.pipe()
    local q = concur.queue()
    q:put(b)
    b:close()
    kit.same(EMPTY, table.pack(a:recv(0)))
    assert.is_true(a:send("kept"))
    q:close(true)
    kit.same(CLOSED, table.pack(a:recv(0)))
  end)
end)

describe("pipes", function()
  it("10,000 leave nothing", function()
    local before = kit.live()
    local memory = concur.info().shared_memory
    for i = 1, 10000 do
      local a, b = concur.pipe(i % 3 ~= 0, i % 2)
      b:send(i)
      if i % 5 == 0 then b:close() end
      if i % 7 == 0 then assert(a:recv(0) == i) end
      if i % 11 == 0 then a:close() end
    end
    kit.settled(before)
    assert.is_true(concur.info().shared_memory <= memory + 65536)
  end)

  it("each lying in the next go with the last of them", function()
    local before = kit.live()
    do
      local first, inner = concur.pipe()
      for _ = 1, 5000 do
        local outer, next_inner = concur.pipe()
        outer:send(inner)
        inner = next_inner
        collectgarbage "step"
      end
      first:send("far away")
      collect()
      kit.same(EMPTY, table.pack(first:recv(0)))
      inner:close()
      collect()
      kit.eventually("the first pipe ends", function() return first:poll() end)
      kit.same(CLOSED, table.pack(first:recv(0)))
    end
    kit.settled(before)
  end)

  it("each closed here and lying in the next end, however many", function()
    local out = h.output [[
      local concur = require "concur"
      local held = {}
      local first, inner = concur.pipe()
      for i = 1, 30000 do
        local outer, after = concur.pipe()
        outer:send(inner)
        inner:close()
        held[#held + 1], held[#held + 2] = inner, outer
        inner = after
      end
      print(first:recv(0))
      inner:close()
      print(first:recv(10))
    ]]
    assert.are.equal("nil\tempty\nnil\tclosed\n", out)
  end)

  it("pass a message on through a row of threads", function()
    local first, last = concur.pipe()
    local list = {}
    for i = 1, 20 do
      local out, into = concur.pipe()
      list[i] = concur.spawn(function(from, to)
        while true do
          local item, reason = from:recv()
          if reason then return reason end
          to:send(item + 1)
        end
      end, last, out)
      last = into
    end
    collect()
    for i = 1, 100 do first:send(i) end
    for i = 1, 100 do assert.are.equal(i + 20, last:recv(T)) end
    first:close()
    for _, t in ipairs(list) do assert.are.equal("closed", kit.join(t)) end
  end)

  it("both ends in one message make a new owner of both", function()
    local before = kit.live()
    do
      local q = concur.queue()
      do
        local a, b = concur.pipe()
        a:send("before")
        q:put { a, b, again = a }
      end
      collect()
      local pair = q:get(0)
      assert.is_true(rawequal(pair[1], pair.again))
      assert.are.equal("before", pair[2]:recv(0))
      assert.is_true(pair[2]:send("after"))
      assert.are.equal("after", pair[1]:recv(0))
      pair[1]:close()
      kit.same(CLOSED, table.pack(pair[2]:recv(0)))
    end
    kit.settled(before)
  end)
end)

kit.each_kind(function(kind)
  describe("between threads", function()
    it("the stream ends with the state that holds the last copy", function()
      local a, b = concur.pipe()
      local go = concur.event()
      local t = kind.spawn(function(mine)
        mine:send("hello")
        go:wait()
        mine:send("bye")
      end, b)
      b = nil
      assert.are.equal("hello", a:recv(T))
      collect()
      kit.same(EMPTY, table.pack(a:recv(0)))
      go:set()
      kit.join(t)
      kit.same({ "bye", n = 1 }, table.pack(a:recv(T)))
      t = nil
      collect()
      ends(a)
      assert.is_true(b == t)
    end)

    it("and when that thread fails or is cancelled", function()
      for _, how in ipairs { "error", "cancel" } do
        local a, b = concur.pipe()
        local t = kind.spawn(function(mine)
          mine:send("started")
          if how == "error" then error("on purpose") end
          mine:recv()
        end, b)
        b = nil
        assert.are.equal("started", a:recv(T))
        if how == "cancel" then t:cancel() end
        assert.is_false((t:join(T)))
        t = nil
        collect()
        ends(a)
        assert.is_true(b == t)
      end
    end)

    it("a blocked recv ends with the other end, however that goes", function()
      for _, how in ipairs { "close", "collect", "drop" } do
        local a, b = concur.pipe()
        local list = {}
        for i = 1, 5 do
          list[i] = kind.spawn(function() return a:recv(i % 2 == 0 and 20 or nil) end)
          kit.until_waiting(list[i])
        end
        local q = concur.queue()
        if how == "close" then b:close() end
        if how == "drop" then q:put(b) end
        b = nil
        collect()
        q:close(true)
        for _, t in ipairs(list) do kit.same(CLOSED, table.pack(kit.join(t))) end
        assert.is_nil(b)
      end
    end)

    it("a blocked send ends with the other end, and its message is nowhere", function()
      local before = kit.live()
      for _, how in ipairs { "close", "collect" } do
        local a, b = concur.pipe(how == "close", 1)
        if how == "collect" then a, b = b, a end
        a:send("in there")
        local list = {}
        for i = 1, 5 do
          list[i] = kind.spawn(function() return a:send({ concur.event(), i }, i % 2 == 0 and 20 or nil) end)
          kit.until_waiting(list[i])
        end
        if how == "close" then b:close() end
        b = nil
        collect()
        for _, t in ipairs(list) do kit.same({ false, "closed", n = 2 }, table.pack(kit.join(t))) end
        assert.is_nil(b)
      end
      kit.settled(before)
    end)

    kit.it_for_threads(kind, "a blocked recv and send end when their own end is closed", function()
      local a, b = concur.pipe(true, 1)
      a:send(1)
      local receiver = kind.spawn(function() return a:recv() end)
      local poller = kind.spawn(function() return a:poll(20) end)
      local sender = kind.spawn(function() return a:send(2) end)
      for _, t in ipairs { receiver, poller, sender } do kit.until_waiting(t) end
      a:close()
      kit.same(CLOSED, table.pack(kit.join(receiver)))
      kit.same({ false, "closed", n = 2 }, table.pack(kit.join(sender)))
      assert.is_true(kit.join(poller))
      kit.raises("the connection is closed", function() a:recv() end)
      kit.same({ 1, n = 1 }, table.pack(b:recv()))
      kit.same(CLOSED, table.pack(b:recv()))
    end)

    kit.it_for_threads(kind, "closing here closes for all threads", function()
      local a, b = concur.pipe()
      local go = concur.event()
      local t = kind.spawn(function()
        go:wait()
        return pcall(b.send, b, 1)
      end)
      kit.until_waiting(t)
      b:close()
      ends(a)
      go:set()
      local ok, err = kit.join(t)
      assert.is_false(ok)
      assert.is_truthy(err:find("the connection is closed", 1, true), err)
    end)

    it("cancelling a blocked send or recv neither loses nor doubles a message", function()
      local a, b = concur.pipe(true, 1)
      for i = 1, 300 do
        a:send(i)
        local sender = kind.spawn(function() return a:send(-i) end)
        if i % 2 == 0 then kit.until_waiting(sender) end
        sender:cancel()
        if i % 3 == 0 then concur.yield() end
        assert.are.equal(i, b:recv(T))
        local ok = sender:join(T)
        local item = b:recv(0)
        assert.is_true(ok and item == -i or not ok and item == nil, tostring(ok))

        local receiver = kind.spawn(function() return b:recv() end)
        if i % 2 == 0 then kit.until_waiting(receiver) end
        if i % 4 < 2 then
          receiver:cancel()
          a:send(i)
        else
          a:send(i)
          receiver:cancel()
        end
        local fine, got = receiver:join(T)
        local left = b:recv(0)
        if fine then assert.is_true(got == i and left == nil) else assert.are.equal(i, left) end
      end
    end)

    it("each message arrives once, though all give up at random", function()
      local a, b = concur.pipe(true, 2)
      local senders, receivers = {}, {}
      for s = 1, 3 do
        senders[s] = kind.spawn(function()
          math.randomseed(s)
          local sum, i = 0, 0
          while i < 1000 do
            if a:send(s * 1000000 + i, math.random(0, 3) * 0.00002) then
              sum, i = sum + s * 1000000 + i, i + 1
            end
          end
          return sum
        end)
        receivers[s] = kind.spawn(function()
          math.randomseed(100 + s)
          local sum = 0
          while true do
            local item, reason = b:recv(math.random(0, 3) * 0.00002)
            if item then sum = sum + item elseif reason == "closed" then return sum end
          end
        end)
      end
      local sent, received = 0, 0
      for _, t in ipairs(senders) do sent = sent + kit.join(t) end
      a:close()
      for _, t in ipairs(receivers) do received = received + kit.join(t) end
      assert.are.equal(sent, received)
    end)

    it("a cancelled wait leaves both ends usable", function()
      local a, b = concur.pipe(true, 1)
      cancel(kind.spawn(function() b:recv() end))
      cancel(kind.spawn(function() b:poll(true) end))
      a:send(1)
      cancel(kind.spawn(function() a:send(2) end))
      kit.same({ 1, n = 1 }, table.pack(b:recv(0)))
      kit.same(EMPTY, table.pack(b:recv(0)))
      assert.is_true(a:send(3, 0))
      assert.are.equal(3, b:recv(0))
    end)

    kit.it_for_threads(kind, "send, recv and close at the same time", function()
      for i = 1, 400 do
        local a, b = concur.pipe(true, 1)
        local start = concur.barrier(3)
        local sender = kind.spawn(function()
          start:wait()
          local n = 0
          while a:send(n + 1) do n = n + 1 end
          return n
        end)
        local receiver = kind.spawn(function()
          start:wait()
          local n = 0
          while true do
            local ok, item = pcall(b.recv, b)
            if not ok or not item then return n end
            if item ~= n + 1 then error(("%s after %d"):format(item, n)) end
            n = item
          end
        end)
        start:wait()
        for _ = 1, i % 50 * 20 do end
        b:close()
        local sent, received = kit.join(sender), kit.join(receiver)
        assert.is_true(received <= sent and sent - received <= 1, ("%d of %d"):format(received, sent))
      end
    end)
  end)
end)
