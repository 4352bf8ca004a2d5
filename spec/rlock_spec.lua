-- concur.rlock
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- Cancels a thread that waits: it must end by that.
local function cancel(t)
  kit.until_waiting(t)
  assert.is_true(t:cancel())
  local ok, err = t:join(T)
  assert.is_false(ok)
  assert.is_true(err == concur.CANCELLED)
end

describe("an rlock", function()
  it("is acquired again and again by its owner, and released as often", function()
    local rlock = concur.rlock()
    assert.are.equal("rlock", concur.type(rlock))
    assert.is_false(rlock:locked())
    assert.are.equal(0, rlock:count())
    assert.is_nil(rlock:owner())
    for i, timeout in ipairs { 0, 0.0, 1, 0.5, math.huge, true, false } do
      local results = table.pack(rlock:acquire(timeout))
      assert.are.equal(1, results.n)
      assert.is_true(rawequal(rlock, results[1]))
      assert.are.equal(i, rlock:count())
      assert.is_true(rlock:locked())
    end
    assert.is_true(rawequal(rlock, rlock:acquire()))
    assert.is_true(rawequal(rlock, rlock:acquire(nil)))
    assert.are.equal("MainThread", rlock:owner())
    for i = 8, 0, -1 do
      assert.are.equal(0, select("#", rlock:release()))
      assert.are.equal(i, rlock:count())
      assert.are.equal(i > 0, rlock:locked())
    end
    assert.is_nil(rlock:owner())
  end)

  it("counts a hundred thousand", function()
    local rlock = concur.rlock()
    for _ = 1, 100000 do rlock:acquire() end
    assert.are.equal(100000, rlock:count())
    for _ = 1, 100000 do rlock:release() end
    assert.is_false(rlock:locked())
  end)

  it("prints its state", function()
    local rlock = concur.rlock()
    assert.is_truthy(tostring(rlock):find("^concur%.rlock: 0x%x+ %(unlocked%)$"), tostring(rlock))
    rlock:acquire()
    rlock:acquire()
    assert.is_truthy(tostring(rlock):find("^concur%.rlock: 0x%x+ %(locked.*2.*%)$"), tostring(rlock))
  end)

  it("refuses wrong timeouts, free or held", function()
    local rlock = concur.rlock()
    for count = 0, 1 do
      kit.raises("bad argument #1 to 'acquire' (…", function() rlock:acquire(-1) end)
      kit.raises("bad argument #1 to 'acquire' (…", function() rlock:acquire(0 / 0) end)
      kit.raises("bad argument #1 to 'acquire' (…", function() rlock:acquire(-math.huge) end)
      kit.raises("bad argument #1 to 'acquire' (…", function() rlock:acquire("1") end)
      kit.raises("bad argument #1 to 'acquire' (…", function() rlock:acquire {} end)
      assert.are.equal(count, rlock:count())
      rlock:acquire()
    end
  end)

  it("refuses to be released by who does not hold it", function()
    local rlock = concur.rlock()
    kit.raises("release of an unlocked rlock", function() rlock:release() end)
    rlock:acquire()
    rlock:release()
    kit.raises("release of an unlocked rlock", function() rlock:release() end)
    assert.are.equal(0, rlock:count())
    rlock:acquire()
    rlock:acquire()
    kit.join(concur.spawn(function()
      for _ = 1, 3 do
        local ok, err = pcall(function() rlock:release() end)
        assert(not ok and err:find("rlock_spec.lua:%d+: release of an rlock that another thread holds$"), err)
      end
    end))
    assert.are.equal(2, rlock:count())
    assert.are.equal("MainThread", rlock:owner())
    rlock:release()
    rlock:release()
    kit.raises("release of an unlocked rlock", function() rlock:release() end)
  end)

  it("refuses other handles as itself", function()
    local rlock = concur.rlock()
    kit.raises("bad argument #1 to 'acquire' (…", function() rlock.acquire(concur.lock()) end)
    kit.raises("bad argument #1 to 'acquire' (…", function() rlock.acquire(7) end)
    kit.raises("bad argument #1 to 'release' (…", function() rlock.release(concur.semaphore()) end)
  end)

  it("with runs the function, also within itself", function()
    local rlock = concur.rlock()
    local results = table.pack(rlock:with(function(...)
      return rlock:with(function(...) return rlock:count(), ... end, ...)
    end, nil, "two", nil))
    kit.same({ 2, nil, "two", nil, n = 4 }, results)
    assert.are.equal(0, rlock:count())
    local value = {}
    assert.is_true(rawequal(value, kit.error_of(function()
      rlock:with(function() rlock:with(error, value) end)
    end)))
    assert.are.equal(0, rlock:count())
    kit.raises("bad argument #1 to 'with' (…", function() rlock:with() end)
    kit.raises("bad argument #1 to 'with' (…", function() rlock:with(7) end)
    assert.are.equal(0, rlock:count())
  end)

  it("is released once at the end of each block", function()
    local rlock = concur.rlock()
    do
      local outer <close> = rlock:acquire()
      do
        local inner <close> = rlock:acquire()
        assert.is_true(inner == outer)
        assert.are.equal(2, rlock:count())
      end
      assert.are.equal(1, rlock:count())
      pcall(function()
        local inner <close> = rlock:acquire()
        assert.are.equal(2, inner:count())
        error("on purpose")
      end)
      assert.are.equal(1, rlock:count())
    end
    assert.are.equal(0, rlock:count())
  end)

  it("closing after an explicit release does nothing", function()
    local rlock = concur.rlock()
    do
      local held <close> = rlock:acquire()
      held:release()
    end
    assert.are.equal(0, rlock:count())
    local other, stop
    do -- and leaves it to who has it by now
      local held <close> = rlock:acquire()
      held:release()
      local started = concur.event()
      stop = concur.event()
      other = concur.spawn(function()
        rlock:acquire()
        started:set()
        stop:wait(T)
        return rlock:count()
      end)
      assert.is_true(started:wait(T))
    end
    assert.is_true(rlock:locked())
    stop:set()
    assert.are.equal(1, kit.join(other))
  end)

  it("belongs to the thread, whatever coroutine", function()
    local rlock = concur.rlock()
    coroutine.wrap(function() rlock:acquire() end)()
    assert.is_true(rawequal(rlock, rlock:acquire(0)))
    coroutine.wrap(function() rlock:release() end)()
    rlock:release()
    assert.is_false(rlock:locked())
  end)
end)

kit.each_kind(function(kind)
  describe("an rlock between threads", function()
    it("keeps others out until the last release", function()
      local rlock = concur.rlock()
      rlock:acquire()
      rlock:acquire()
      local t = kind.spawn(function()
        assert(rlock:acquire(0) == false and rlock:acquire(false) == false)
        assert(select("#", rlock:acquire(0.001)) == 1)
        assert(rlock:acquire(T) == rlock)
        assert(rlock:owner() == concur.current().name and rlock:count() == 1)
        rlock:release()
        return concur.now()
      end)
      kit.eventually("the thread waits for long", function()
        return t:status() == "waiting"
      end)
      rlock:release()
      assert.is_true(rlock:locked())
      kit.same({ nil, "timeout", n = 2 }, table.pack(t:join(0.02)))
      local released = concur.now()
      rlock:release()
      assert.is_true(kit.join(t) >= released)
    end)

    it("is the same object there", function()
      local rlock = concur.rlock()
      rlock:acquire()
      local me = kind.name == "thread" and "MainThread" or "MainProcess/MainThread"
      kit.same({ rlock:id(), 1, me, true, "rlock", n = 5 }, table.pack(kit.join(kind.spawn(function(r)
        return r:id(), r:count(), r:owner(), r:locked() and r == rlock, concur.type(r)
      end, rlock))))
    end)

    it("a thread that ends with it abandons it, which is told once", function()
      for times = 1, 3 do
        local rlock = concur.rlock()
        kit.join(kind.spawn(function()
          for _ = 1, times do rlock:acquire() end
        end))
        assert.is_false(rlock:locked())
        assert.are.equal(0, rlock:count())
        assert.is_nil(rlock:owner())
        kit.same({ "abandoned", n = 1 }, table.pack(select(2, rlock:acquire(T))))
        assert.are.equal(1, rlock:count())
        assert.are.equal(1, select("#", rlock:acquire(0)))
        rlock:release()
        rlock:release()
        assert.are.equal(1, select("#", rlock:acquire(0)))
        assert.are.equal(1, rlock:count())
      end
    end)

    it("abandoned by an error, and by a cancellation, goes to who waits", function()
      for _, way in ipairs { "error", "cancel", "exit" } do
        local rlock, held, go, never = concur.rlock(), concur.event(), concur.event(), concur.event()
        local holder = kind.spawn(function()
          rlock:acquire()
          rlock:acquire()
          held:set()
          go:wait(T)
          if way == "error" then error("on purpose") end
          if way == "exit" then concur.exit() end
          never:wait(T)
        end)
        assert.is_true(held:wait(T))
        local waiters = {}
        for i = 1, 2 do
          waiters[i] = kind.spawn(function()
            local got, what = rlock:acquire(T)
            assert(got == rlock and rlock:count() == 1)
            rlock:release()
            return what
          end)
          kit.until_waiting(waiters[i])
        end
        go:set()
        if way == "cancel" then holder:cancel() end
        local told = 0
        for i = 1, 2 do
          local what = kit.join(waiters[i])
          assert.is_true(what == nil or what == "abandoned")
          if what then told = told + 1 end
        end
        assert.are.equal(1, told, way)
        assert.is_false(rlock:locked())
      end
    end)

    it("with and <close> of a thread that fails do not abandon", function()
      local rlock = concur.rlock()
      local t = kind.spawn(function()
        local held <close> = rlock:acquire()
        rlock:with(error, held and "on purpose", 0)
      end)
      kit.same({ false, "on purpose" }, { t:join(T) })
      assert.are.equal(1, select("#", rlock:acquire(0)))
    end)

    it("a cancelled waiter leaves it as if it had never waited", function()
      local rlock = concur.rlock()
      rlock:acquire()
      local first = kind.spawn(function() rlock:acquire() end)
      kit.until_waiting(first)
      local second = kind.spawn(function()
        assert(rlock:acquire(T) == rlock)
        rlock:release()
      end)
      kit.until_waiting(second)
      cancel(first)
      assert.are.equal(1, rlock:count())
      assert.are.equal("MainThread", rlock:owner())
      rlock:release()
      kit.join(second)
      assert.is_false(rlock:locked())
      assert.are.equal(1, select("#", rlock:acquire(0)))
    end)

    for _, threads in ipairs { 2, 8, 64 } do
      it(("%d of them count to a sum"):format(threads), function()
        local rlock, sum = concur.rlock(), concur.value(0)
        local each = 12800 // threads
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function(way)
            for _ = 1, each do
              if way == 0 then
                rlock:acquire()
                rlock:acquire()
                sum:set(sum:get() + 1)
                rlock:release()
                rlock:release()
              elseif way == 1 then
                local held <close> = rlock:acquire(T)
                assert(held)
                local again <close> = rlock:acquire(0)
                assert(again)
                sum:set(sum:get() + 1)
              elseif way == 2 then
                rlock:with(function() rlock:with(function() sum:set(sum:get() + 1) end) end)
              else
                while not rlock:acquire(0.00005) do concur.yield() end
                sum:set(sum:get() + 1)
                rlock:release()
              end
            end
          end, i % 4)
        end
        kit.join_all(list)
        assert.are.equal(threads * each, sum:get())
        assert.are.equal(0, rlock:count())
      end)
    end

    it("holders and waiters that are cancelled at random lose nothing", function()
      local rlock, inside = concur.rlock(), concur.value(0)
      for i = 1, 150 do -- a holder may be stopped anywhere: it only leaves its mark
        local list = {}
        for k = 1, 3 do
          list[k] = kind.spawn(function()
            while true do
              rlock:with(function()
                rlock:with(function()
                  inside:set(k)
                  assert(inside:get() == k, "two are inside")
                end)
              end)
              concur.checkpoint()
            end
          end)
        end
        for _ = 1, i % 5 do concur.yield() end
        for _, t in ipairs(list) do t:cancel() end
        for _, t in ipairs(list) do
          local ok, err = t:join(T)
          assert.is_false(ok)
          if err ~= concur.CANCELLED then error(err) end
        end
        assert.are.equal(0, rlock:count())
      end
    end)

    it("is counted back when its last handle goes, held or not", function()
      local before = kit.live()
      do
        local rlock = concur.rlock()
        rlock:acquire()
        kit.join(kind.spawn(function() return rlock end))
        kit.join(kind.spawn(function() concur.rlock():acquire() end))
        rlock = concur.rlock()
        rlock:acquire()
      end
      kit.settled(before)
      for _ = 1, 100 do concur.rlock():acquire() end -- what is noted as held is gone by now
      kit.settled(before)
      local rlock = concur.rlock()
      assert.is_false(rlock:locked())
      rlock:acquire()
      rlock:release()
    end)
  end)
end)

describe("an rlock's timeout", function()
  it("is never early, and soon after", function()
    local rlock, held, stop = concur.rlock(), concur.event(), concur.event()
    local t = concur.spawn(function()
      rlock:with(function()
        held:set()
        stop:wait(T)
      end)
    end)
    assert.is_true(held:wait(T))
    local late = {}
    for _, timeout in ipairs { 0.0005, 0.001, 0.01, 0.05, 0.001, 0.02, 0.005 } do
      local took, result = kit.seconds(function() return rlock:acquire(timeout) end)
      assert.is_false(result)
      assert.is_true(took >= timeout, ("%g s after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
    end
    table.sort(late)
    assert.is_true(late[3] < 0.05, ("late by %g s"):format(late[3]))
    stop:set()
    kit.join(t)
  end)
end)
