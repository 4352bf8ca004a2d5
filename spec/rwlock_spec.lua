-- concur.rwlock
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- A thread that gets a hold, says so, and keeps it until `go` is set (nil: not at all).
local function holder(kind, rwlock, mode, go, timeout)
  local t = kind.spawn(function()
    local hold <close> = rwlock[mode](rwlock, timeout or T)
    if hold and go then assert(go:wait(T)) end
    return hold and true
  end)
  if go then kit.until_waiting(t) end
  return t
end

-- Until it waits, or has ended: its timeout may be short.
local function settle(t)
  kit.eventually("the thread waits", function() return t:status() == "waiting" or not t:is_alive() end)
end

local function waiting(kind, rwlock, mode, timeout)
  local t = holder(kind, rwlock, mode, nil, timeout)
  settle(t)
  return t
end

local function cancel(t)
  kit.until_waiting(t)
  assert.is_true(t:cancel())
  local ok, err = t:join(T)
  assert.is_false(ok)
  assert.is_true(err == concur.CANCELLED)
end

-- Whether another thread could get it now.
local function free(kind, rwlock, mode)
  return (kit.join(kind.spawn(function()
    local hold <close> = rwlock[mode](rwlock, 0)
    return hold and true
  end)))
end

describe("an rwlock", function()
  it("gives holds, which are released once", function()
    local rwlock = concur.rwlock()
    assert.are.equal("rwlock", concur.type(rwlock))
    for _, mode in ipairs { "read", "write" } do
      for _, timeout in ipairs { 0, 0.0, 1, math.huge, true, false } do
        local results = table.pack(rwlock[mode](rwlock, timeout))
        assert.are.equal(1, results.n)
        local hold = results[1]
        assert.are.equal("hold", concur.type(hold))
        assert.is_truthy(tostring(hold):find("^concur%.hold: 0x%x+ %(" .. mode), tostring(hold))
        assert.are.equal(0, select("#", hold:release()))
        for _ = 1, 2 do
          kit.raises("…", function() hold:release() end)
        end
      end
      local hold = rwlock[mode](rwlock)
      hold:release()
      assert.is_truthy(rwlock[mode](rwlock, nil)):release()
    end
  end)

  it("prints its state", function()
    local rwlock = concur.rwlock()
    assert.is_truthy(tostring(rwlock):find("^concur%.rwlock: 0x%x+ %(.+%)$"), tostring(rwlock))
    local seen = { [tostring(rwlock)] = true }
    local hold = rwlock:read()
    assert.is_nil(seen[tostring(rwlock)])
    seen[tostring(rwlock)] = true
    hold:release()
    hold = rwlock:write()
    assert.is_nil(seen[tostring(rwlock)])
    hold:release()
    assert.is_truthy(seen[tostring(rwlock)])
  end)

  it("a hold is released at the end of its block, also on errors", function()
    local rwlock = concur.rwlock()
    local kind = kit.kinds[1]
    for _, mode in ipairs { "read", "write" } do
      do
        local hold <close> = rwlock[mode](rwlock)
        assert.is_truthy(hold)
        assert.is_false(free(kind, rwlock, "write"))
      end
      assert.is_true(free(kind, rwlock, "write"))
      local value = {}
      assert.is_true(rawequal(value, kit.error_of(function()
        local hold <close> = rwlock[mode](rwlock)
        error(hold and value)
      end)))
      assert.is_true(free(kind, rwlock, "write"))
      do
        local hold <close> = rwlock[mode](rwlock)
        hold:release() -- closing after that does nothing
        local other = rwlock[mode](rwlock)
        other:release()
      end
      assert.is_true(free(kind, rwlock, "write"))
      local again
      do
        local hold <close> = rwlock[mode](rwlock)
        hold:release()
        again = rwlock:write(0)
      end
      assert.is_false(free(kind, rwlock, "write")) -- not the hold that was closed
      again:release()
    end
  end)

  it("is read again and again, each hold by itself", function()
    local rwlock = concur.rwlock()
    local kind = kit.kinds[1]
    local a, b, c = rwlock:read(), rwlock:read(0), rwlock:read()
    assert.is_false(rawequal(a, b))
    b:release()
    assert.is_false(pcall(b.release, b))
    assert.is_false(free(kind, rwlock, "write"))
    a:release()
    assert.is_false(free(kind, rwlock, "write"))
    c:release()
    assert.is_true(free(kind, rwlock, "write"))
  end)

  it("refuses what can only deadlock, and does not change", function()
    local rwlock = concur.rwlock()
    local kind = kit.kinds[1]
    local hold = rwlock:read()
    for _, timeout in ipairs { 0, 1, true } do
      kit.raises("…", function() rwlock:write(timeout) end)
    end
    kit.raises("write of an rwlock…", function() rwlock:write() end)
    assert.is_true(free(kind, rwlock, "read"))
    assert.is_false(free(kind, rwlock, "write"))
    hold:release()
    hold = rwlock:write()
    kit.raises("read of an rwlock…", function() rwlock:read() end)
    kit.raises("read of an rwlock…", function() rwlock:read(0) end)
    kit.raises("write of an rwlock…", function() rwlock:write() end)
    kit.raises("write of an rwlock…", function() rwlock:write(0) end)
    assert.is_false(free(kind, rwlock, "read"))
    hold:release()
    assert.is_true(free(kind, rwlock, "write"))
    local coroutine_hold = coroutine.wrap(function() return rwlock:read() end)() -- the thread has it
    kit.raises("write of an rwlock…", function() rwlock:write(0) end)
    coroutine_hold:release()
  end)

  it("refuses wrong arguments, free or held", function()
    local rwlock = concur.rwlock()
    local holds = {}
    for _ = 1, 2 do
      for _, wrong in ipairs { -1, 0 / 0, -math.huge, "1", {}, print } do
        kit.raises("bad argument #1 to 'read' (…", function() rwlock:read(wrong) end)
        kit.raises("bad argument #1 to 'write' (…", function() rwlock:write(wrong) end)
      end
      holds[#holds + 1] = rwlock:read(0)
    end
    kit.raises("bad argument #1 to 'read' (…", function() rwlock.read(concur.lock()) end)
    kit.raises("bad argument #1 to 'release' (…", function() holds[1].release(rwlock) end)
    kit.raises("bad argument #1 to 'release' (…", function() holds[1].release() end)
  end)

  it("a hold does not cross", function()
    local rwlock, q = concur.rwlock(), concur.queue()
    local hold = rwlock:read()
    kit.raises("cannot transfer a userdata (at upvalue 'hold')", function()
      concur.spawn(function() hold:release() end)
    end)
    kit.raises("cannot transfer a userdata (…", function() q:put { here = hold } end)
    assert.is_true(q:empty())
    hold:release()
  end)

  it("gives two holds of its two objects", function()
    local a, b = concur.rwlock(), concur.rwlock()
    local x, y = a:write(), b:write()
    x:release()
    local z = a:read()
    kit.raises("write of an rwlock…", function() b:write() end)
    y:release()
    z:release()
  end)
end)

kit.each_kind(function(kind)
  describe("an rwlock between threads", function()
    it("is the same object", function()
      local rwlock = concur.rwlock()
      local hold = rwlock:write()
      kit.same({ rwlock:id(), true, "rwlock", false, false, n = 5 }, table.pack(kit.join(kind.spawn(function(r)
        return r:id(), r == rwlock, concur.type(r), r:read(0), (r:write(0.001))
      end, rwlock))))
      hold:release()
    end)

    it("is read by many at once, and written by one alone", function()
      local rwlock, go = concur.rwlock(), concur.event()
      local list = {}
      for i = 1, 16 do list[i] = holder(kind, rwlock, "read", go) end
      local hold = rwlock:read(0)
      assert.is_truthy(hold)
      hold:release()
      kit.same({ false, n = 1 }, table.pack(rwlock:write(0)))
      kit.same({ false, n = 1 }, table.pack(rwlock:write(0.001)))
      go:set()
      kit.join_all(list)
      go:clear()
      local writer = holder(kind, rwlock, "write", go)
      kit.same({ false, n = 1 }, table.pack(rwlock:read(0)))
      kit.same({ false, n = 1 }, table.pack(rwlock:read(0.001)))
      kit.same({ false, n = 1 }, table.pack(rwlock:write(0)))
      go:set()
      kit.join(writer)
      rwlock:write(0):release()
    end)

    it("readers that come after a writer wait behind it", function()
      local rwlock, go, written = concur.rwlock(), concur.event(), concur.event()
      local reader = holder(kind, rwlock, "read", go)
      local writer = kind.spawn(function()
        local hold <close> = rwlock:write(T)
        written:set()
        return hold and true
      end)
      kit.until_waiting(writer)
      assert.is_false(rwlock:read(0))
      assert.is_false(rwlock:read(0.001))
      local late = kind.spawn(function()
        local hold <close> = rwlock:read(T)
        return hold and written:is_set()
      end)
      kit.until_waiting(late)
      go:set()
      kit.join(reader)
      assert.is_true(kit.join(writer))
      assert.is_true(kit.join(late)) -- after the writer
    end)

    it("readers behind a writer that goes away go on", function()
      for _, how in ipairs { "timeout", "cancel" } do
        local rwlock, go = concur.rwlock(), concur.event()
        local reader = holder(kind, rwlock, "read", go)
        local writer = waiting(kind, rwlock, "write", how == "timeout" and 0.05 or T)
        local list = {}
        for i = 1, 3 do list[i] = kind.spawn(function()
          local hold <close> = rwlock:read(T)
          return hold and true
        end) end
        if how == "cancel" then
          for i = 1, 3 do kit.until_waiting(list[i]) end
          cancel(writer)
        else
          assert.is_false(kit.join(writer))
        end
        for i = 1, 3 do assert.is_true(kit.join(list[i])) end -- while the reader still reads
        assert.are.equal("waiting", reader:status())
        go:set()
        kit.join(reader)
        rwlock:write(0):release()
      end
    end)

    it("reading again while reading never waits, even behind a writer", function()
      local rwlock = concur.rwlock()
      local hold = rwlock:read()
      local writer = waiting(kind, rwlock, "write")
      assert.is_false(free(kind, rwlock, "read")) -- others wait
      for _, timeout in ipairs { 0, 1, true, false } do
        local more = rwlock:read(timeout)
        assert.is_truthy(more)
        more:release()
      end
      local more = rwlock:read()
      hold:release()
      assert.are.equal("waiting", writer:status())
      local again = rwlock:read(0)
      more:release()
      assert.are.equal("waiting", writer:status())
      again:release()
      assert.is_true(kit.join(writer))
    end)

    it("a cancelled waiter leaves it as if it had never waited", function()
      local rwlock = concur.rwlock()
      local hold = rwlock:write()
      cancel(waiting(kind, rwlock, "read"))
      cancel(waiting(kind, rwlock, "write"))
      local list = {}
      for i, mode in ipairs { "read", "write", "read", "write", "read" } do list[i] = waiting(kind, rwlock, mode) end
      cancel(list[1])
      cancel(list[4])
      hold:release()
      for _, i in ipairs { 2, 3, 5 } do assert.is_true(kit.join(list[i])) end
      rwlock:write(0):release()
    end)

    it("waiters are served in order, readers that stand together go together", function()
      local rwlock, order = concur.rwlock(), concur.queue()
      local hold = rwlock:write()
      local meet = concur.barrier(2)
      local list = {}
      local function stand(name, mode, party)
        list[#list + 1] = kind.spawn(function()
          local held <close> = rwlock[mode](rwlock, T)
          assert(held and (not party or meet:wait(T))) -- only together
          order:put(name)
        end)
        kit.until_waiting(list[#list])
      end
      stand("r", "read", true)
      stand("r", "read", true)
      stand("w1", "write")
      stand("w2", "write")
      stand("last", "read")
      hold:release()
      kit.join_all(list)
      for _, name in ipairs { "r", "r", "w1", "w2", "last" } do assert.are.equal(name, order:get(0)) end
    end)

    for _, case in ipairs { { "read", "write" }, { "write", "read" } } do
      it(("those who %s do not starve while many %s"):format(case[2], case[1]), function()
        local rwlock, stop, begun = concur.rwlock(), concur.value(false), concur.latch(6)
        local list = {}
        for i = 1, 6 do
          list[i] = kind.spawn(function()
            local n = 0
            while not stop:get() do
              local hold <close> = rwlock[case[1]](rwlock, T)
              assert(hold)
              n = n + 1
              if n == 2 then begun:count_down() end
            end
            return n
          end)
        end
        assert.is_true(begun:wait(T)) -- from here on somebody always wants it
        for _ = 1, 100 do
          local hold <close> = rwlock[case[2]](rwlock, T)
          assert.is_truthy(hold)
        end
        stop:set(true)
        for _, t in ipairs(list) do kit.join(t) end
      end)
    end

    for _, threads in ipairs { 2, 8, 48 } do
      it(("%d of them keep a sum"):format(threads), function()
        local rwlock, a, b = concur.rwlock(), concur.value(0), concur.value(0)
        local each = 4800 // threads
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function()
            math.randomseed(i)
            local wrote = 0
            for _ = 1, each do
              if math.random(3) == 1 then
                local hold <close> = rwlock:write(math.random(4) == 1 and 0.0001 or T)
                if hold then
                  local n = a:get() + 1
                  a:set(n)
                  if math.random(40) == 1 then concur.yield() end
                  b:set(n)
                  wrote = wrote + 1
                end
              else
                local hold <close> = rwlock:read(math.random(4) == 1 and 0.0001 or T)
                if hold then
                  local n = a:get()
                  if math.random(40) == 1 then concur.yield() end
                  assert(n == b:get() and n == a:get(), "written while it was read")
                end
              end
            end
            return wrote
          end)
        end
        local wrote = 0
        for _, t in ipairs(list) do wrote = wrote + kit.join(t) end
        assert.are.equal(wrote, a:get())
        assert.are.equal(wrote, b:get())
        rwlock:write(0):release()
      end)
    end

    it("a thread that ends with a hold abandons it, which is told once", function()
      for _, mode in ipairs { "read", "write" } do
        for _, way in ipairs { "return", "error", "cancel" } do
          local rwlock, never = concur.rwlock(), concur.event()
          local t = kind.spawn(function()
            _G.kept = rwlock[mode](rwlock)
            if way == "error" then error("on purpose") end
            if way == "cancel" then never:wait(T) end
          end)
          if way == "cancel" then cancel(t) end
          t:join(T)
          local results = table.pack(rwlock:write(T))
          kit.same({ 2, "abandoned" }, { results.n, results[2] })
          assert.are.equal("hold", concur.type(results[1]))
          results[1]:release()
          assert.are.equal(1, select("#", rwlock:read(T)))
          collectgarbage()
          collectgarbage()
        end
      end
    end)

    it("an abandoned one goes to who waits", function()
      for _, mode in ipairs { "read", "write" } do
        local rwlock, go = concur.rwlock(), concur.event()
        local t = kind.spawn(function()
          _G.kept = rwlock[mode](rwlock)
          go:wait(T)
        end)
        kit.until_waiting(t)
        local writer = kind.spawn(function() return select(2, rwlock:write(T)) end)
        kit.until_waiting(writer)
        go:set()
        kit.join(t)
        assert.are.equal("abandoned", (kit.join(writer)))
      end
    end)

    it("holders and waiters that are cancelled at random lose nothing", function()
      local rwlock, inside = concur.rwlock(), concur.value(0)
      for i = 1, 120 do -- a writer may be stopped anywhere: it only leaves its mark
        local list = {}
        for k, mode in ipairs { "read", "write", "read", "write" } do
          list[k] = kind.spawn(function()
            while true do
              local hold <close> = rwlock[mode](rwlock, T)
              if mode == "write" then inside:set(k) end
              local seen = inside:get()
              assert(hold and (mode == "read" or seen == k) and inside:get() == seen, "two are inside")
            end
          end)
        end
        for _ = 1, i % 5 do concur.yield() end
        for _, t in ipairs(list) do t:cancel() end
        for _, t in ipairs(list) do
          local _, err = t:join(T)
          if err ~= concur.CANCELLED then error(err) end
        end
        local hold = rwlock:write(T)
        assert.is_truthy(hold)
        hold:release()
      end
    end)

    it("is counted back, held or not, and a hold keeps it", function()
      local before = kit.live()
      do
        local hold = concur.rwlock():write()
        collectgarbage()
        assert.are.equal((before.rwlock or 0) + 1, concur.info().objects.rwlock)
        hold:release()
        kit.settled(before)
        kit.join(kind.spawn(function() _G.kept = concur.rwlock():read() end))
        local rwlock = concur.rwlock()
        hold = rwlock:write()
        cancel(waiting(kind, rwlock, "read"))
        assert.is_truthy(hold)
      end
      kit.settled(before)
    end)
  end)
end)

describe("an rwlock's timeout", function()
  it("is never early, and soon after", function()
    local rwlock, go = concur.rwlock(), concur.event()
    local t = holder(kit.kinds[1], rwlock, "write", go)
    local late = {}
    for i, timeout in ipairs { 0.0005, 0.001, 0.01, 0.05, 0.001, 0.02, 0.005 } do
      local mode = i % 2 == 0 and "read" or "write"
      local took, result = kit.seconds(function() return rwlock[mode](rwlock, timeout) end)
      assert.is_false(result)
      assert.is_true(took >= timeout, ("%g s after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
    end
    table.sort(late)
    assert.is_true(late[3] < 0.05, ("late by %g s"):format(late[3]))
    go:set()
    kit.join(t)
  end)
end)
