-- concur.queue
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

describe("a queue", function()
  it("gives items in the order they were put", function()
    local q = concur.queue()
    for i = 1, 1000 do kit.same({ true, n = 1 }, table.pack(q:put(i))) end
    assert.are.equal(1000, q:qsize())
    for i = 1, 1000 do kit.same({ i, n = 1 }, table.pack(q:get())) end
    assert.are.equal(0, q:qsize())
  end)

  it("takes nil and false as items", function()
    local q = concur.queue()
    q:put(nil)
    q:put(false)
    q:put_nowait(nil)
    assert.are.equal(3, q:qsize())
    kit.same({ n = 1 }, table.pack(q:get()))
    kit.same({ false, n = 1 }, table.pack(q:get(0)))
    kit.same({ n = 1 }, table.pack(q:get_nowait()))
    kit.same({ nil, "empty", n = 2 }, table.pack(q:get_nowait()))
  end)

  it("says empty and full at the timeout", function()
    local q = concur.queue(2)
    for _, timeout in ipairs { 0, 0.0, false, 0.001, 1e-9 } do
      kit.same({ nil, "empty", n = 2 }, table.pack(q:get(timeout)))
    end
    kit.same({ nil, "empty", n = 2 }, table.pack(q:get_nowait()))
    q:put(1)
    q:put(2)
    for _, timeout in ipairs { 0, 0.0, false, 0.001, 1e-9 } do
      kit.same({ false, "full", n = 2 }, table.pack(q:put(3, timeout)))
    end
    kit.same({ false, "full", n = 2 }, table.pack(q:put_nowait(3)))
    assert.are.equal(2, q:qsize())
    kit.same({ 1, 2 }, { q:get(0), (q:get(0)) })
  end)

  it("with a timeout that need not be waited for", function()
    local q = concur.queue(1)
    for _, timeout in ipairs { 0, 0.0, false, true, 1, 0.5, math.huge, 1e300 } do
      kit.same({ true, n = 1 }, table.pack(q:put("x", timeout)))
      kit.same({ "x", n = 1 }, table.pack(q:get(timeout)))
    end
    assert.is_true(q:put("x", nil))
    assert.are.equal("x", q:get(nil))
  end)

  it("knows its size", function()
    local q = concur.queue(3)
    assert.are.equal(3, q:maxsize())
    for n = 0, 3 do
      kit.same({ n, n, n == 0, n == 3 }, { q:qsize(), #q, q:empty(), q:full() })
      assert.are.equal("integer", math.type(q:qsize()))
      q:put_nowait(n)
    end
    local unbounded = concur.queue()
    assert.are.equal(0, unbounded:maxsize())
    for i = 1, 1000 do unbounded:put(i) end
    assert.is_false(unbounded:full() or unbounded:empty())
    assert.are.equal(1000, #unbounded)
  end)

  it("prints its size", function()
    local q = concur.queue(10)
    for i = 1, 3 do q:put(i) end
    assert.is_truthy(tostring(q):find("^concur%.queue: 0x%x+ %(3/10%)$"), tostring(q))
    local unbounded = concur.queue()
    assert.is_truthy(tostring(unbounded):find("^concur%.queue: 0x%x+ %(0%)$"), tostring(unbounded))
    q:close()
    assert.is_truthy(tostring(q):find("^concur%.queue: 0x%x+ %(3/10.*%)$"), tostring(q))
  end)

  it("maxsize: 0 and nil are unbounded, 2.0 is 2, big ones are fine", function()
    assert.are.equal(0, concur.queue(0):maxsize())
    assert.are.equal(0, concur.queue(nil):maxsize())
    assert.are.equal(2, concur.queue(2.0):maxsize())
    assert.are.equal("integer", math.type(concur.queue(2.0):maxsize()))
    for _, n in ipairs { 1 << 31, 1 << 32, 1 << 53, math.maxinteger } do
      local q = concur.queue(n)
      assert.are.equal(n, q:maxsize())
      assert.is_true(q:put(1) and not q:full())
    end
  end)

  it("refuses other maxsizes", function()
    for _, n in ipairs { -1, -100, 1.5, 0 / 0, math.huge, -math.huge, "many", {}, true, math.mininteger, 1e300 } do
      kit.raises("bad argument #1 to 'queue' (…", function() return (concur.queue(n)) end)
    end
  end)

  it("refuses wrong arguments", function()
    local q = concur.queue()
    kit.raises("bad argument #1 to 'put' (value expected)", function() q:put() end)
    kit.raises("bad argument #1 to 'put_nowait' (value expected)", function() q:put_nowait() end)
    for _ = 1, 2 do -- empty, and not
      for _, wrong in ipairs { -1, -0.001, 0 / 0, -math.huge, "1", "soon", {}, print } do
        kit.raises("bad argument #2 to 'put' (…", function() q:put(1, wrong) end)
        kit.raises("bad argument #1 to 'get' (…", function() q:get(wrong) end)
      end
      assert.is_true(q:qsize() <= 1)
      q:put_nowait("x")
    end
    local full = concur.queue(1)
    full:put(1)
    kit.raises("bad argument #2 to 'put' (…", function() full:put(2, -1) end)
    full:close()
    kit.raises("bad argument #2 to 'put' (…", function() full:put(2, -1) end)
    assert.are.equal(1, full:qsize())
  end)
end)

describe("a closed queue", function()
  it("takes nothing more and gives what is left", function()
    local q = concur.queue(5)
    q:put(1)
    q:put(nil)
    assert.is_false(q:closed())
    assert.are.equal(0, select("#", q:close()))
    assert.is_true(q:closed())
    kit.same({ false, "closed", n = 2 }, table.pack(q:put(2)))
    kit.same({ false, "closed", n = 2 }, table.pack(q:put(2, 0)))
    kit.same({ false, "closed", n = 2 }, table.pack(q:put_nowait(2)))
    assert.are.equal(2, q:qsize())
    kit.same({ 1, n = 1 }, table.pack(q:get()))
    kit.same({ n = 1 }, table.pack(q:get()))
    kit.same({ nil, "closed", n = 2 }, table.pack(q:get()))
    kit.same({ nil, "closed", n = 2 }, table.pack(q:get(0)))
    kit.same({ nil, "closed", n = 2 }, table.pack(q:get_nowait()))
    kit.same({ nil, "closed", n = 2 }, table.pack(q:get(10)))
  end)

  it("full and closed is closed", function()
    local q = concur.queue(1)
    q:put(1)
    q:close()
    kit.same({ false, "closed", n = 2 }, table.pack(q:put(2, 0)))
  end)

  it("may be closed again, also with discard", function()
    local q = concur.queue()
    for i = 1, 10 do q:put(i) end
    q:close()
    q:close(false)
    assert.are.equal(10, q:qsize())
    q:close(true)
    assert.are.equal(0, q:qsize())
    q:close(true)
    kit.same({ nil, "closed", n = 2 }, table.pack(q:get()))
    assert.is_true(q:empty() and q:closed())
  end)

  it("discard drops what is in there", function()
    local before = kit.live()
    local q = concur.queue()
    for i = 1, 1000 do q:put { i, concur.event(), ("x"):rep(1000) } end
    q:close(true)
    kit.same({ nil, "closed", n = 2 }, table.pack(q:get()))
    q = nil
    kit.settled(before)
    assert.is_nil(q)
  end)
end)

describe("items", function()
  it("goes on until the queue is closed and drained", function()
    local q = concur.queue()
    for i = 1, 5 do q:put(i) end
    q:close()
    local list = {}
    for item in q:items() do list[#list + 1] = item end
    kit.same({ 1, 2, 3, 4, 5 }, list)
    for _ in q:items() do error("there is nothing left") end
  end)

  it("ends at nil, goes on at false", function()
    local q = concur.queue()
    q:put(1)
    q:put(false)
    q:put(nil)
    q:put(4)
    local list = {}
    for item in q:items() do list[#list + 1] = item end
    kit.same({ 1, false }, list)
    assert.are.equal(4, q:get(0))
  end)

  it("waits for what comes", function()
    local q = concur.queue()
    local t = concur.spawn(function()
      local sum = 0
      for item in q:items() do sum = sum + item end
      return sum
    end)
    kit.until_waiting(t)
    for i = 1, 100 do q:put(i) end
    kit.eventually("all are taken", function() return q:empty() end)
    kit.until_waiting(t)
    q:close()
    assert.are.equal(5050, kit.join(t))
  end)

  it("keeps its queue alive", function()
    local function iterator()
      local q = concur.queue()
      q:put("only")
      q:close()
      return q:items()
    end
    local next_item = iterator()
    collectgarbage()
    collectgarbage()
    assert.are.equal("only", next_item())
    assert.is_nil((next_item()))
  end)

  it("many take from one", function()
    local q = concur.queue(16)
    local list = {}
    for i = 1, 4 do
      list[i] = concur.spawn(function()
        local sum = 0
        for item in q:items() do sum = sum + item end
        return sum
      end)
    end
    for i = 1, 5000 do q:put(i) end
    q:close()
    local sum = 0
    for _, t in ipairs(list) do sum = sum + kit.join(t) end
    assert.are.equal(5000 * 5001 // 2, sum)
  end)
end)

describe("a queue's timeout", function()
  it("is never early, and soon after", function()
    local empty, full = concur.queue(), concur.queue(1)
    full:put(1)
    local late = {}
    for _, timeout in ipairs { 0.0005, 0.001, 0.01, 0.05, 0.001, 0.02, 0.005 } do
      local took, item, reason = kit.seconds(function() return empty:get(timeout) end)
      assert.is_true(item == nil and reason == "empty" and took >= timeout, ("%g after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
      took, item, reason = kit.seconds(function() return full:put(2, timeout) end)
      assert.is_true(item == false and reason == "full" and took >= timeout, ("%g after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
    end
    table.sort(late)
    assert.is_true(late[6] < 0.05, ("late by %g s"):format(late[6]))
  end)
end)

kit.each_kind(function(kind)
  describe("a queue between threads", function()
    it("serves blocked getters in the order of their arrival", function()
      local q, order = concur.queue(), concur.queue()
      local list = {}
      for i = 1, 20 do
        list[i] = kind.spawn(function()
          local item
          if i % 2 == 0 then item = q:get() else item = q:get(20) end
          order:put { i, item }
        end)
        kit.until_waiting(list[i])
      end
      for i = 1, 20 do q:put("item " .. i) end
      kit.join_all(list)
      local got = {}
      for _ = 1, 20 do
        local pair = order:get(0)
        got[pair[1]] = pair[2]
      end
      for i = 1, 20 do assert.are.equal("item " .. i, got[i]) end
    end)

    it("a getter that comes later does not overtake", function()
      for _ = 1, 200 do
        local q = concur.queue()
        local t = kind.spawn(function() return q:get(20) end)
        kit.until_waiting(t)
        q:put("first")
        q:put("second")
        assert.are.equal("second", q:get(20))
        assert.are.equal("first", kit.join(t))
      end
    end)

    it("serves blocked putters in the order of their arrival", function()
      local q = concur.queue(1)
      q:put(0)
      local list = {}
      for i = 1, 20 do
        list[i] = kind.spawn(function()
          if i % 2 == 0 then return q:put(i) else return q:put(i, 20) end
        end)
        kit.until_waiting(list[i])
      end
      assert.are.equal(1, q:qsize())
      for i = 0, 20 do assert.are.equal(i, q:get(T)) end
      for _, t in ipairs(list) do assert.is_true(kit.join(t)) end
    end)

    it("a putter that comes later does not overtake", function()
      for _ = 1, 200 do
        local q = concur.queue(1)
        q:put("there")
        local t = kind.spawn(function() return q:put("blocked", 20) end)
        kit.until_waiting(t)
        assert.are.equal("there", q:get(0))
        local late = q:put("late", 0)
        assert.are.equal("blocked", q:get(T))
        if late then assert.are.equal("late", q:get(0)) end
        assert.is_true(kit.join(t))
      end
    end)

    it("waiters that gave up are passed over", function()
      local q = concur.queue()
      local list = {}
      for i = 1, 9 do
        list[i] = kind.spawn(function()
          if i % 3 == 0 then return q:get(0.005) else return q:get() end
        end)
        if i % 3 ~= 0 then kit.until_waiting(list[i]) end -- the others may be through by now
      end
      for i = 3, 9, 3 do kit.same({ nil, "empty" }, { kit.join(list[i]) }) end
      for i = 2, 9, 3 do
        list[i]:cancel()
        assert.is_false((list[i]:join(T)))
      end
      for i = 1, 3 do q:put(i) end
      kit.same({ 1, 2, 3 }, { kit.join(list[1]), (kit.join(list[4])), (kit.join(list[7])) })
      assert.is_true(q:empty())

      local full = concur.queue(1)
      full:put("first")
      for i = 1, 9 do
        list[i] = kind.spawn(function()
          if i % 3 == 0 then return full:put(i, 0.005) else return full:put(i) end
        end)
        if i % 3 ~= 0 then kit.until_waiting(list[i]) end
      end
      for i = 3, 9, 3 do kit.same({ false, "full" }, { kit.join(list[i]) }) end
      for i = 2, 9, 3 do
        list[i]:cancel()
        assert.is_false((list[i]:join(T)))
      end
      local got = {}
      for i = 1, 4 do got[i] = full:get(T) end
      kit.same({ "first", 1, 4, 7 }, got)
      assert.is_true(full:empty())
    end)

    it("close wakes all blocked getters", function()
      for _, discard in ipairs { false, true } do
        local q = concur.queue()
        local list = {}
        for i = 1, 10 do
          list[i] = kind.spawn(function() return q:get() end)
          kit.until_waiting(list[i])
        end
        q:close(discard)
        for _, t in ipairs(list) do kit.same({ nil, "closed", n = 2 }, table.pack(kit.join(t))) end
      end
    end)

    it("close wakes all blocked putters, whose items are nowhere", function()
      for _, discard in ipairs { false, true } do
        local before = kit.live()
        do
          local q = concur.queue(1)
          q:put("there")
          local list = {}
          for i = 1, 10 do
            list[i] = kind.spawn(function() return q:put { i, concur.event() } end)
            kit.until_waiting(list[i])
          end
          q:close(discard)
          for _, t in ipairs(list) do kit.same({ false, "closed", n = 2 }, table.pack(kit.join(t))) end
          if not discard then assert.are.equal("there", q:get(0)) end
          kit.same({ nil, "closed", n = 2 }, table.pack(q:get(0)))
        end
        kit.settled(before)
      end
    end)

    it("items of one putter keep their order, many putters and getters", function()
      for _, maxsize in ipairs { 0, 1, 7 } do
        local q = concur.queue(maxsize)
        local putters, getters = {}, {}
        for p = 1, 4 do
          putters[p] = kind.spawn(function()
            for i = 1, 2000 do assert(q:put(i % 5 == 0 and { p, i } or p * 100000 + i)) end
          end)
        end
        for g = 1, 4 do
          getters[g] = kind.spawn(function()
            local last, count = { 0, 0, 0, 0 }, 0
            for item in q:items() do
              local p, i
              if type(item) == "table" then p, i = item[1], item[2] else p, i = item // 100000, item % 100000 end
              assert(i > last[p], "out of order")
              last[p], count = i, count + 1
            end
            return count
          end)
        end
        kit.join_all(putters)
        q:close()
        local count = 0
        for _, t in ipairs(getters) do count = count + kit.join(t) end
        assert.are.equal(8000, count)
      end
    end)

    it("one item at a time, to and fro", function()
      local there, back = concur.queue(), concur.queue(1)
      local t = kind.spawn(function()
        for item in there:items() do back:put(item) end
      end)
      for i = 1, 5000 do
        there:put(i)
        if back:get(T) ~= i then error("wrong at " .. i) end
      end
      there:close()
      kit.join(t)
    end)

    it("each item arrives once, though getters and putters give up at random", function()
      local q = concur.queue(3)
      local putters, getters = {}, {}
      for p = 1, 4 do
        putters[p] = kind.spawn(function()
          math.randomseed(p)
          local put = {}
          for i = 1, 2500 do
            local n = p * 10000 + i
            local what = math.random(4)
            local item = what == 1 and { n } or what == 2 and ("%d "):format(n):rep(20) or n
            local timeout = math.random(0, 2) * 0.00005
            if q:put(item, timeout) then put[#put + 1] = n end
          end
          return put
        end)
      end
      for g = 1, 4 do
        getters[g] = kind.spawn(function()
          math.randomseed(100 + g)
          local got = {}
          while true do
            local item, reason = q:get(math.random(0, 3) * 0.00004)
            if item == nil then
              if reason == "closed" then return got end
              assert(reason == "empty")
            else
              if type(item) == "table" then item = item[1] end
              if type(item) == "string" then item = tonumber(item:match("^%d+")) end
              got[#got + 1] = item
            end
          end
        end)
      end
      local wanted, count = {}, 0
      for _, t in ipairs(putters) do
        for _, n in ipairs(kit.join(t)) do wanted[n], count = true, count + 1 end
      end
      q:close()
      for _, t in ipairs(getters) do
        for _, n in ipairs(kit.join(t)) do
          if not wanted[n] then error("doubled or never put: " .. n) end
          wanted[n], count = nil, count - 1
        end
      end
      assert.are.equal(0, count)
      assert.is_nil(next(wanted))
    end)

    -- A thread whose function is one call in tail position ends with what the call
    -- gave, or cancelled: nothing comes between.
    local function canceller()
      local victims, done = concur.queue(), concur.queue()
      local t = kind.spawn(function()
        for victim in victims:items() do done:put(victim:cancel()) end
      end)
      return victims, done, t
    end

    it("a cancelled getter has its item, or the queue has", function()
      local q = concur.queue()
      local victims, done, thread = canceller()
      local served = 0
      for i = 1, kind.name == "thread" and 2000 or 200 do -- a process takes ten times as long
        local t = kind.spawn(function() return q:get() end)
        if i % 4 ~= 0 then kit.until_waiting(t) end
        if i % 3 == 0 then
          victims:put(t)
          q:put(i)
        else
          q:put(i)
          victims:put(t)
        end
        done:get(T)
        local ok, item = t:join(T)
        if ok then
          assert.are.equal(i, item)
          served = served + 1
        else
          assert.is_false(ok)
          if item ~= concur.CANCELLED then error(item) end
          assert.are.equal(i, q:get(0))
        end
        assert.is_true(q:empty())
      end
      victims:close()
      kit.join(thread)
      assert.is_true(served > 0)
    end)

    it("a cancelled putter's item is in, or nowhere", function()
      local q = concur.queue(1)
      local before = kit.live()
      local victims, done, thread = canceller()
      local put = 0
      for i = 1, kind.name == "thread" and 2000 or 200 do
        q:put("in the way")
        local t = kind.spawn(function(text) return q:put { i, text, concur.event() } end, ("x"):rep(i))
        if i % 4 ~= 0 then kit.until_waiting(t) end
        if i % 3 == 0 then
          victims:put(t)
          assert.are.equal("in the way", q:get(0))
        else
          assert.are.equal("in the way", q:get(0))
          victims:put(t)
        end
        done:get(T)
        local ok, err = t:join(T)
        local item = q:get(0)
        if ok then
          assert.is_true(err)
          assert.are.equal(i, item[1])
          put = put + 1
        else
          assert.is_false(ok)
          if err ~= concur.CANCELLED then error(err) end
          assert.is_nil(item)
        end
      end
      victims:close()
      kit.join(thread)
      victims, done, thread = nil, nil, nil
      q:put(put)
      kit.settled(before)
      assert.is_true(q:get(0) > 0 and victims == done and thread == nil)
    end)

    it("the last handle may go while items are left, and in another thread", function()
      local before = kit.live()
      local memory = concur.info().shared_memory
      for i = 1, 20 do
        local q = concur.queue(i % 2 * 50)
        local t = kind.spawn(function()
          for k = 1, 40 do q:put { k, ("x"):rep(k * 100), concur.lock() } end
        end)
        q = nil
        collectgarbage()
        kit.join(t)
        assert.is_nil(q)
      end
      kit.settled(before)
      assert.is_true(concur.info().shared_memory <= memory + 4096)
    end)
  end)
end)
