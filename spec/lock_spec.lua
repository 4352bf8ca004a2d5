-- concur.lock
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

describe("a lock", function()
  it("is acquired and released", function()
    local lock = concur.lock()
    assert.is_false(lock:locked())
    assert.is_true(rawequal(lock, lock:acquire()))
    assert.is_true(lock:locked())
    assert.are.equal(0, select("#", lock:release()))
    assert.is_false(lock:locked())
    for _, timeout in ipairs { 0, 0.0, 1, 0.5, math.huge, true, false } do
      assert.is_true(rawequal(lock, lock:acquire(timeout)))
      lock:release()
    end
    assert.is_true(rawequal(lock, lock:acquire(nil)))
    assert.are.equal(1, select("#", concur.lock():acquire()))
  end)

  it("gives false when it is held", function()
    local lock = concur.lock()
    lock:acquire()
    for _, timeout in ipairs { 0, 0.0, -0.0, false, 0.001, 1e-9 } do
      local results = table.pack(lock:acquire(timeout))
      kit.same({ false, n = 1 }, results)
    end
    assert.is_true(lock:locked())
  end)

  it("prints its state", function()
    local lock = concur.lock()
    assert.is_truthy(tostring(lock):find("^concur%.lock: 0x%x+ %(unlocked%)$"), tostring(lock))
    lock:acquire()
    assert.is_truthy(tostring(lock):find("^concur%.lock: 0x%x+ %(locked.*%)$"), tostring(lock))
  end)

  it("refuses wrong timeouts, also when it is free", function()
    local lock = concur.lock()
    for _ = 1, 2 do
      kit.raises("bad argument #1 to 'acquire' (…", function() lock:acquire(-1) end)
      kit.raises("bad argument #1 to 'acquire' (…", function() lock:acquire(-1e-300) end)
      kit.raises("bad argument #1 to 'acquire' (…", function() lock:acquire(0 / 0) end)
      kit.raises("bad argument #1 to 'acquire' (…", function() lock:acquire(-math.huge) end)
      kit.raises("bad argument #1 to 'acquire' (…", function() lock:acquire("1") end)
      kit.raises("bad argument #1 to 'acquire' (…", function() lock:acquire {} end)
      kit.raises("bad argument #1 to 'acquire' (…", function() lock:acquire(print) end)
      if not lock:locked() then lock:acquire() end
    end
  end)

  it("refuses to be released twice", function()
    local lock = concur.lock()
    kit.raises("release of an unlocked lock", function() lock:release() end)
    lock:acquire()
    lock:release()
    kit.raises("release of an unlocked lock", function() lock:release() end)
    assert.is_false(lock:locked())
    assert.is_true(rawequal(lock, lock:acquire(0)))
    kit.join(concur.spawn(function()
      lock:release()
      assert(not pcall(lock.release, lock))
    end))
    assert.is_false(lock:locked())
  end)

  it("takes no arguments when made", function()
    assert.are.equal("lock", concur.type(concur.lock()))
  end)

  it("with runs the function, gives its results, releases", function()
    local lock = concur.lock()
    local inside
    local results = table.pack(lock:with(function(...)
      inside = lock:locked()
      return ...
    end, 1, nil, "three", nil))
    kit.same({ 1, nil, "three", n = 4 }, results)
    assert.is_true(inside)
    assert.is_false(lock:locked())
    assert.are.equal(0, select("#", lock:with(function() end)))
    assert.is_false(lock:locked())
  end)

  it("with releases on errors, which pass unchanged", function()
    local lock = concur.lock()
    local value = { "an error" }
    assert.is_true(rawequal(value, kit.error_of(function() lock:with(error, value) end)))
    assert.is_false(lock:locked())
    local err = kit.error_of(function() lock:with(function() error("on purpose") end) end)
    assert.is_truthy(err:find("lock_spec.lua:%d+: on purpose$"))
    assert.is_false(lock:locked())
  end)

  it("with refuses what is no function, and acquires nothing", function()
    local lock = concur.lock()
    kit.raises("bad argument #1 to 'with' (…", function() lock:with() end)
    kit.raises("bad argument #1 to 'with' (…", function() lock:with(7) end)
    kit.raises("bad argument #1 to 'with' (…", function() lock:with {} end)
    assert.is_false(lock:locked())
  end)

  it("with may yield across, and its function may release", function()
    local lock = concur.lock()
    local co = coroutine.wrap(function()
      return lock:with(function()
        coroutine.yield("yielded")
        return "done"
      end)
    end)
    assert.are.equal("yielded", co())
    assert.is_true(lock:locked())
    assert.are.equal("done", co())
    assert.is_false(lock:locked())
    assert.are.equal(7, lock:with(function()
      lock:release()
      return 7
    end))
    assert.is_false(lock:locked())
  end)

  it("is released at the end of a block", function()
    local lock = concur.lock()
    do
      local held <close> = lock:acquire()
      assert.is_true(held == lock and lock:locked())
    end
    assert.is_false(lock:locked())
    for _ = 1, 3 do
      local held <close> = lock:acquire()
      if held then break end
    end
    assert.is_false(lock:locked())
    local function early()
      local held <close> = lock:acquire()
      return held:locked()
    end
    assert.is_true(early())
    assert.is_false(lock:locked())
  end)

  it("is released by an error in a block, which passes", function()
    local lock = concur.lock()
    local value = {}
    assert.is_true(rawequal(value, kit.error_of(function()
      local held <close> = lock:acquire()
      if held then error(value) end
    end)))
    assert.is_false(lock:locked())
  end)

  it("closing after an explicit release does nothing", function()
    local lock = concur.lock()
    do
      local held <close> = lock:acquire()
      held:release()
    end
    assert.is_false(lock:locked())
    local other
    do -- and leaves it to who has it by now
      local held <close> = lock:acquire()
      held:release()
      local started = concur.event()
      local stop = concur.event()
      other = {
        thread = concur.spawn(function()
          lock:acquire()
          started:set()
          stop:wait(20)
          return lock:locked()
        end),
        stop = stop,
      }
      assert.is_true(started:wait(T))
    end
    assert.is_true(lock:locked())
    other.stop:set()
    assert.is_true(kit.join(other.thread))
  end)

  it("closing a failed acquire is harmless", function()
    local lock = concur.lock()
    lock:acquire()
    do
      local held <close> = lock:acquire(0)
      assert.is_false(held)
    end
    assert.is_true(lock:locked())
  end)
end)

kit.each_kind(function(kind)
  describe("a lock between threads", function()
    kit.it_for_threads(kind, "keeps others out, and hands over", function()
      local lock = concur.lock()
      lock:acquire()
      local t = kind.spawn(function()
        assert(lock:acquire(0) == false)
        assert(lock:acquire(T) == lock)
        return concur.now()
      end)
      kit.until_waiting(t)
      local released = concur.now()
      lock:release()
      assert.is_true(kit.join(t) >= released)
      assert.is_true(lock:locked()) -- a plain lock stays as its thread left it
    end)

    kit.it_for_threads(kind, "is released by any thread", function()
      local lock = concur.lock()
      lock:acquire()
      kit.join(kind.spawn(function() lock:release() end))
      assert.is_false(lock:locked())
      kit.join(kind.spawn(function() lock:acquire() end))
      assert.is_true(lock:locked())
      lock:release()
      assert.is_false(lock:locked())
    end)

    kit.it_for_threads(kind, "knows its owner's name", function()
      local lock = concur.lock()
      assert.is_nil(lock:owner())
      lock:acquire()
      assert.are.equal("MainThread", lock:owner())
      assert.are.equal("MainThread", kit.join(kind.spawn(function() return lock:owner() end)))
      lock:release()
      assert.is_nil(lock:owner())
      local held, stop = concur.event(), concur.event()
      local t = concur.thread {
        name = "the holder",
        target = function()
          lock:with(function()
            held:set()
            stop:wait(20)
          end)
        end,
      }
      t:start()
      assert.is_true(held:wait(T))
      assert.are.equal("the holder", lock:owner())
      t.name = "renamed"
      assert.are.equal("renamed", lock:owner())
      stop:set()
      kit.join(t)
      assert.is_nil(lock:owner())
    end)

    kit.it_for_threads(kind, "owner of a lock whose thread has ended is a name or nil, no crash", function()
      local lock = concur.lock()
      kit.join(kind.spawn(function() lock:acquire() end))
      for _ = 1, 50 do
        kit.join(kind.spawn(function() end))
        collectgarbage()
        local name = lock:owner()
        assert.is_true(name == nil or type(name) == "string")
      end
      lock:release()
    end)

    it("an interrupted acquire of a cancelled thread takes nothing", function()
      local lock = concur.lock()
      lock:acquire()
      local t = kind.spawn(function() lock:acquire() end)
      kit.until_waiting(t)
      assert.is_true(t:cancel())
      local ok, err = t:join(T)
      assert.is_false(ok)
      assert.is_true(err == concur.CANCELLED)
      lock:release()
      assert.is_false(lock:locked())
      assert.is_true(lock:acquire(0) == lock)
    end)

    it("error inside with of a thread releases", function()
      local lock = concur.lock()
      local t = kind.spawn(function() lock:with(error, "on purpose", 0) end)
      kit.same({ false, "on purpose" }, { t:join(T) })
      assert.is_false(lock:locked())
    end)

    it("a cancelled thread's <close> releases", function()
      local lock, never = concur.lock(), concur.event()
      local t = kind.spawn(function()
        local held <close> = lock:acquire()
        never:wait()
        return held
      end)
      kit.until_waiting(t)
      t:cancel()
      t:join(T)
      assert.is_true(lock:acquire(T) == lock)
    end)

    for _, threads in ipairs { 2, 3, 8, 32 } do
      it(("%d of them count to a sum"):format(threads), function()
        local lock, sum = concur.lock(), concur.value(0)
        local each = 20000 // threads
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function(way)
            for _ = 1, each do
              if way == 0 then
                lock:acquire()
                sum:set(sum:get() + 1)
                lock:release()
              elseif way == 1 then
                local held <close> = lock:acquire(20)
                assert(held)
                sum:set(sum:get() + 1)
              elseif way == 2 then
                lock:with(function() sum:set(sum:get() + 1) end)
              else
                while not lock:acquire(0) do concur.yield() end
                sum:set(sum:get() + 1)
                lock:release()
              end
            end
          end, i % 4)
        end
        kit.join_all(list)
        assert.are.equal(threads * each, sum:get())
        assert.is_false(lock:locked())
      end)
    end

    it("timeouts and cancellations at random lose no hand-over", function()
      local lock, sum = concur.lock(), concur.value(0)
      local list = {}
      for i = 1, 8 do
        list[i] = kind.spawn(function()
          local mine = 0
          math.randomseed(i)
          for _ = 1, 1500 do
            if lock:acquire(math.random(0, 3) * 0.00005) then
              local n = sum:get()
              if math.random(20) == 1 then concur.yield() end
              sum:set(n + 1)
              mine = mine + 1
              lock:release()
            end
          end
          return mine
        end)
      end
      for _ = 1, 200 do -- some that are stopped while they wait, or hold
        local t = kind.spawn(function()
          while true do lock:with(concur.checkpoint) end
        end)
        concur.yield()
        t:cancel()
        local ok, err = t:join(T)
        assert.is_false(ok)
        assert.is_true(err == concur.CANCELLED)
      end
      local total = 0
      for _, t in ipairs(list) do total = total + kit.join(t) end
      assert.are.equal(total, sum:get())
      assert.is_false(lock:locked())
    end)

    it("many who wait for ever are all served", function()
      local lock, order = concur.lock(), concur.queue()
      lock:acquire()
      local list = {}
      for i = 1, 32 do
        list[i] = kind.spawn(function()
          lock:acquire()
          order:put(i)
          lock:release()
        end)
        kit.until_waiting(list[i])
      end
      lock:release()
      kit.join_all(list)
      local seen = {}
      for _ = 1, 32 do seen[order:get(0)] = true end
      for i = 1, 32 do assert.is_true(seen[i]) end
    end)
  end)
end)

describe("a lock's timeout", function()
  it("is never early, and soon after", function()
    local lock = concur.lock()
    lock:acquire()
    local late = {}
    for _, timeout in ipairs { 0.0005, 0.001, 0.01, 0.05, 0.001, 0.02, 0.005 } do
      local took, result = kit.seconds(function() return lock:acquire(timeout) end)
      assert.is_false(result)
      assert.is_true(took >= timeout, ("%g s after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
    end
    table.sort(late)
    assert.is_true(late[3] < 0.05, ("late by %g s"):format(late[3])) -- loosely: the machine may be busy
  end)

  it("of 0 does not wait", function()
    local lock = concur.lock()
    lock:acquire()
    local took = kit.seconds(function()
      for _ = 1, 1000 do lock:acquire(0) end
    end)
    assert.is_true(took < 0.5)
  end)

  it("of huge numbers waits", function()
    local lock = concur.lock()
    for _, timeout in ipairs { 1e10, 1e300, math.huge, math.maxinteger, true } do
      lock:acquire()
      local t = concur.spawn(function() return lock:acquire(timeout) == lock end)
      kit.until_waiting(t)
      lock:release()
      assert.is_true(kit.join(t))
      lock:release()
    end
  end)
end)
