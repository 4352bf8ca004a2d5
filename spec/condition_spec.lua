-- concur.condition
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- What can lie under a condition, and how often its holder may have it.
local makers = {
  { name = "its own rlock", depth = 3, make = function() return concur.condition() end },
  { name = "a given rlock", depth = 3, make = function()
    local lock = concur.rlock()
    return concur.condition(lock), lock
  end },
  { name = "a lock", depth = 1, make = function()
    local lock = concur.lock()
    return concur.condition(lock), lock
  end },
}

-- Until it waits, or has ended: its timeout may be short.
local function settle(t)
  kit.eventually("the thread waits", function() return t:status() == "waiting" or not t:is_alive() end)
end

-- A thread that waits on the condition, and gives what wait returned.
local function waiter(kind, condition, timeout)
  local t = kind.spawn(function()
    local held <close> = condition:acquire()
    return condition:wait(timeout or T), held == nil
  end)
  settle(t)
  condition:acquire()
  condition:release() -- from here on it stands in the condition's line
  return t
end

local function cancel(t)
  assert.is_true(t:cancel())
  local ok, err = t:join(T)
  assert.is_false(ok)
  assert.is_true(err == concur.CANCELLED)
end

for _, maker in ipairs(makers) do
  describe("a condition over " .. maker.name, function()
    it("acquires and releases its lock", function()
      local condition, lock = maker.make()
      assert.are.equal("condition", concur.type(condition))
      local results = table.pack(condition:acquire())
      assert.are.equal(1, results.n)
      assert.is_true(rawequal(results[1], condition))
      assert.is_truthy(tostring(condition):find("^concur%.condition: 0x%x+ %(locked.*%)$"), tostring(condition))
      if lock then assert.is_true(lock:locked()) end
      kit.join(concur.spawn(function()
        assert(condition:acquire(0) == false)
        assert(select("#", condition:acquire(0.001)) == 1)
        assert(not lock or lock:acquire(0) == false)
      end))
      assert.are.equal(0, select("#", condition:release()))
      assert.is_truthy(tostring(condition):find("^concur%.condition: 0x%x+ %(unlocked%)$"), tostring(condition))
      if not lock then return end
      lock:acquire() -- holding the lock is holding the condition
      assert.are.equal(0, condition:notify())
      condition:release()
      assert.is_false(lock:locked())
    end)

    it("with and <close> release, also on errors", function()
      local condition = maker.make()
      kit.same({ 1, nil, n = 2 }, table.pack(condition:with(function(...)
        assert.are.equal(0, condition:notify_all())
        return ...
      end, 1, nil)))
      local value = {}
      assert.is_true(rawequal(value, kit.error_of(function() condition:with(error, value) end)))
      assert.is_true(rawequal(value, kit.error_of(function()
        local held <close> = condition:acquire()
        error(held and value)
      end)))
      do
        local held <close> = condition:acquire()
        held:release()
      end
      kit.raises("bad argument #1 to 'with' (…", function() condition:with() end)
      kit.join(concur.spawn(function()
        assert(condition:acquire(0) == condition)
        condition:release()
      end))
    end)

    it("refuses to wait and to notify without the lock", function()
      local condition = maker.make()
      local function all_raise()
        for _, name in ipairs { "wait", "wait_for", "notify", "notify_all" } do
          local message = kit.error_of(function()
            condition[name](condition, name == "wait_for" and function() return true end or nil)
          end)
          assert(message:find("^spec/condition_spec.lua:%d+: " .. name .. " on a condition that is not acquired$"),
            message)
        end
        assert(kit.error_of(function() condition:release() end)
          :find("^spec/condition_spec.lua:%d+: release of a condition that is not acquired$"))
      end
      all_raise()
      condition:acquire()
      condition:release()
      all_raise()
      condition:acquire()
      kit.join(concur.spawn(function() -- another's holding is none
        for _, name in ipairs { "wait", "notify", "notify_all" } do
          assert(not pcall(condition[name], condition))
        end
      end))
      assert.are.equal(0, condition:notify())
      condition:release()
    end)

    it("refuses wrong arguments, and keeps the lock", function()
      local condition = maker.make()
      condition:acquire()
      kit.raises("bad argument #1 to 'wait' (…", function() condition:wait(-1) end)
      kit.raises("bad argument #1 to 'wait' (…", function() condition:wait(0 / 0) end)
      kit.raises("bad argument #1 to 'wait' (…", function() condition:wait("1") end)
      kit.raises("bad argument #1 to 'wait_for' (…", function() condition:wait_for() end)
      kit.raises("bad argument #1 to 'wait_for' (…", function() condition:wait_for(7) end)
      kit.raises("bad argument #2 to 'wait_for' (…", function() condition:wait_for(print, -1) end)
      kit.raises("bad argument #2 to 'wait_for' (…", function() condition:wait_for(print, {}) end)
      kit.raises("bad argument #1 to 'notify' (…", function() condition:notify(-1) end)
      kit.raises("bad argument #1 to 'notify' (…", function() condition:notify(1.5) end)
      kit.raises("bad argument #1 to 'notify' (…", function() condition:notify {} end)
      assert.are.equal(0, condition:notify(0))
      condition:release()
    end)

    it("wait gives false at the timeout, and never early", function()
      local condition, lock = maker.make()
      condition:acquire()
      for _, timeout in ipairs { 0, 0.0, false, 1e-9, 0.0005, 0.001, 0.02, 0.005 } do
        local took, result, more = kit.seconds(function() return condition:wait(timeout) end)
        assert.is_false(result)
        assert.is_nil(more)
        assert.is_true(took >= (timeout or 0), ("%g s after %s s"):format(took, timeout))
        assert.is_true(took < (timeout or 0) + 1)
        assert.are.equal(0, condition:notify_all()) -- nobody stands there any more
        if lock then assert.is_true(lock:locked()) end
      end
      condition:release()
    end)

    it("the lock comes back as often as it was held", function()
      local condition, lock = maker.make()
      for depth = 1, maker.depth do
        for _, how in ipairs { "notify", "timeout" } do
          for _ = 1, depth do condition:acquire() end
          local t = concur.spawn(function()
            local held <close> = condition:acquire(T)
            assert(held and (not lock or not lock.count or lock:count() == 1))
            if how == "notify" then assert(condition:notify() == 1) end
          end)
          assert.are.equal(how == "notify", condition:wait(how == "notify" and T or 0.05))
          kit.join(t)
          if lock and lock.count then assert.are.equal(depth, lock:count()) end
          assert.is_false((kit.join(concur.spawn(function() return condition:acquire(0) end))))
          for _ = 1, depth do condition:release() end
          assert.is_false(pcall(condition.release, condition))
          assert.is_true(kit.join(concur.spawn(function()
            return condition:with(function() return true end)
          end)))
        end
      end
    end)

    it("wait_for gives the predicate's last value", function()
      local condition, state = maker.make(), concur.value()
      condition:acquire()
      kit.same({ 7, n = 1 }, table.pack(condition:wait_for(function() return 7, 8 end)))
      kit.same({ 7, n = 1 }, table.pack(condition:wait_for(function() return 7 end, 0)))
      for _, timeout in ipairs { 0, false, 0.001, 0.01 } do
        kit.same({ nil, n = 1 }, table.pack(condition:wait_for(function() return nil end, timeout)))
        kit.same({ false, n = 1 }, table.pack(condition:wait_for(function() return false end, timeout)))
      end
      local calls = 0
      local took = kit.seconds(function()
        assert.is_false(condition:wait_for(function()
          calls = calls + 1
          return false
        end, 0.03))
      end)
      assert.is_true(took >= 0.03)
      assert.are.equal(2, calls) -- at the beginning and at the end
      local started = concur.now() -- true only at the deadline: counts
      assert.is_true(condition:wait_for(function() return concur.now() >= started + 0.02 end, 0.02))
      local value = {}
      assert.is_true(rawequal(value, kit.error_of(function() condition:wait_for(function() error(value) end) end)))
      assert.are.equal(0, condition:notify()) -- still held
      local t = concur.spawn(function()
        for i = 1, 3 do
          condition:with(function()
            state:set(i)
            condition:notify_all()
          end)
        end
      end)
      assert.are.equal("three", condition:wait_for(function() return state:get() == 3 and "three" end, T))
      condition:release()
      kit.join(t)
    end)

    it("the predicate of wait_for runs with the lock", function()
      local condition = maker.make()
      condition:acquire()
      local held = 0
      assert.is_false(condition:wait_for(function()
        held = held + (condition:notify(0) == 0 and 1 or 0)
        return false
      end, 0.001))
      assert.are.equal(2, held)
      condition:release()
    end)
  end)

  kit.each_kind(function(kind)
    describe("between threads, a condition over " .. maker.name, function()
      it("notify wakes n, in order of arrival, and tells how many", function()
        local cases = { { nil, 1 }, { 1, 1 }, { 2, 2 }, { 5, 5 }, { 6, 5 }, { math.maxinteger, 5 }, { 0, 0 } }
        for _, case in ipairs(cases) do
          local condition = maker.make()
          local list = {}
          for i = 1, 5 do list[i] = waiter(kind, condition) end
          condition:acquire()
          assert.are.equal(case[2], condition:notify(case[1]))
          condition:release()
          for i = 1, case[2] do assert.is_true((kit.join(list[i]))) end
          for i = case[2] + 1, 5 do assert.are.equal("waiting", list[i]:status()) end
          condition:acquire()
          kit.same({ 5 - case[2], n = 1 }, table.pack(condition:notify_all()))
          assert.are.equal(0, condition:notify_all())
          condition:release()
          for i = case[2] + 1, 5 do assert.is_true((kit.join(list[i]))) end
        end
      end)

      it("notified one by one, waiters wake in their order", function()
        local condition = maker.make()
        local list = {}
        for i = 1, 12 do list[i] = waiter(kind, condition) end
        for i = 1, 12 do
          condition:acquire()
          assert.are.equal(1, condition:notify())
          condition:release()
          assert.is_true((kit.join(list[i])))
          if list[i + 1] then assert.are.equal("waiting", list[i + 1]:status()) end
        end
      end)

      it("a notified waiter goes on only when the lock is free", function()
        local condition = maker.make()
        local t = waiter(kind, condition)
        condition:acquire()
        assert.are.equal(1, condition:notify())
        kit.same({ nil, "timeout" }, { t:join(0.02) })
        condition:release()
        assert.is_true((kit.join(t)))
      end)

      it("a cancelled waiter leaves it as if it had never waited", function()
        local condition = maker.make()
        local list = {}
        for i = 1, 4 do list[i] = waiter(kind, condition) end
        cancel(list[1])
        cancel(list[3])
        condition:acquire()
        assert.are.equal(1, condition:notify())
        condition:release()
        assert.is_true((kit.join(list[2])))
        condition:acquire()
        assert.are.equal(1, condition:notify(10))
        condition:release()
        assert.is_true((kit.join(list[4])))
      end)

      it("a cancelled waiter holds the lock as it unwinds", function()
        local condition, out = maker.make(), concur.queue()
        local t = kind.spawn(function()
          condition:acquire()
          local ok, err = pcall(condition.wait, condition, T)
          assert(not ok and err == concur.CANCELLED)
          out:put(condition:notify_all())
          condition:release()
          error(err)
        end)
        kit.until_waiting(t)
        condition:acquire()
        t:cancel()
        kit.same({ nil, "timeout" }, { t:join(0.02) }) -- waits for the lock first
        condition:release()
        local ok, err = t:join(T)
        assert.is_false(ok)
        assert.is_true(err == concur.CANCELLED)
        assert.are.equal(0, out:get(0))
        assert.is_true(condition:acquire(0) == condition)
      end)

      it("a waiter that times out is not there any more", function()
        local condition = maker.make()
        local short = waiter(kind, condition, 0.02)
        local long = waiter(kind, condition)
        assert.is_false((kit.join(short)))
        condition:acquire()
        assert.are.equal(1, condition:notify())
        condition:release()
        assert.is_true((kit.join(long)))
      end)

      it("no notify is swallowed by a timeout or a cancellation", function()
        -- Each notification that is said to have woken somebody is one wait that gave
        -- true, or one waiter that was cancelled after it.
        local condition, stop = maker.make(), concur.value(false)
        local list = {}
        for i = 1, 6 do
          list[i] = kind.spawn(function()
            math.randomseed(i)
            local woken = 0
            while not stop:get() do
              condition:with(function()
                if condition:wait(math.random(0, 4) * 0.00004) then woken = woken + 1 end
              end)
            end
            return woken
          end)
        end
        local said, turns = 0, 0
        math.randomseed(7)
        local soon, deadline = concur.now() + 1, concur.now() + T
        while said < 100 or turns < 2000 and concur.now() < soon do
          if concur.now() > deadline then error("hardly anybody is woken: " .. said) end
          condition:with(function() said = said + condition:notify(math.random(0, 3)) end)
          turns = turns + 1
          if turns % 4 == 0 then concur.yield() end
        end
        stop:set(true)
        local woken = 0
        for _, t in ipairs(list) do woken = woken + kit.join(t) end
        assert.are.equal(said, woken)
        condition:acquire()
        assert.are.equal(0, condition:notify_all())
        condition:release()
      end)

      it("a notify and a cancellation at once: this one is woken, or the next", function()
        local condition = maker.make()
        local long = waiter(kind, condition)
        for i = 1, 200 do
          -- All in C, where no cancellation comes between: the once keeps what wait gave.
          local once = concur.once()
          local t = kind.spawn(function() condition:with(once.run, once, condition.wait, condition, T) end)
          kit.until_waiting(t)
          condition:acquire()
          condition:release()
          -- the long one stands before it: one behind it, and off with the first
          local other = waiter(kind, condition)
          condition:with(function() assert.are.equal(1, condition:notify()) end)
          assert.is_true((kit.join(long)))
          long = other
          if i % 2 == 0 then t:cancel() end
          for _ = 1, i % 5 do concur.yield() end
          condition:with(function()
            if i % 3 == 0 then t:cancel() end
            assert.are.equal(1, condition:notify())
            t:cancel()
          end)
          t:join(T)
          assert.is_false(t:is_alive())
          if once:run(function() return "cancelled" end) == true then
            assert.are.equal("waiting", long:status())
          else
            assert.is_true((kit.join(long)))
            long = waiter(kind, condition)
          end
        end
        assert.are.equal(1, condition:with(function() return condition:notify_all() end))
        assert.is_true((kit.join(long)))
      end)

      it("producers and consumers of one place balance", function()
        local condition, place, sum = maker.make(), concur.value(), concur.value(0)
        local list = {}
        for i = 1, 3 do
          list[#list + 1] = kind.spawn(function()
            for k = 1, 150 do
              condition:with(function()
                assert(condition:wait_for(function() return place:get() == nil end, T))
                place:set(i * 1000 + k)
                condition:notify_all()
              end)
            end
          end)
          list[#list + 1] = kind.spawn(function()
            for _ = 1, 150 do
              condition:with(function()
                sum:add(condition:wait_for(function() return place:get() end, T))
                place:set(nil)
                condition:notify_all()
              end)
            end
          end)
        end
        kit.join_all(list)
        assert.are.equal(6 * 1000 * 150 + 3 * (150 * 151 // 2), sum:get())
      end)
    end)
  end)
end

kit.each_kind(function(kind)
  describe("conditions", function()
    it("of one lock wake their own waiters", function()
      for _, lock in ipairs { concur.lock(), concur.rlock() } do
        local a, b = concur.condition(lock), concur.condition(lock)
        assert.is_false(a == b)
        local at, bt = waiter(kind, a), waiter(kind, b)
        lock:acquire()
        assert.are.equal(1, b:notify_all())
        lock:release()
        assert.is_true((kit.join(bt)))
        assert.are.equal("waiting", at:status())
        a:acquire()
        assert.are.equal(0, b:notify_all())
        assert.are.equal(1, a:notify_all())
        a:release()
        assert.is_true((kit.join(at)))
      end
    end)

    it("outlive the handle of their lock", function()
      local condition = concur.condition(concur.rlock())
      collectgarbage()
      collectgarbage()
      local t = waiter(kind, condition)
      assert.are.equal(1, condition:with(function() return condition:notify() end))
      assert.is_true((kit.join(t)))
    end)

    it("cross to threads as themselves", function()
      local condition = concur.condition()
      condition:acquire()
      kit.same({ condition:id(), true, "condition", n = 3 }, table.pack(kit.join(kind.spawn(function(c)
        return c:id(), c == condition, concur.type(c)
      end, condition))))
      condition:release()
    end)

    it("abandoned by an ended thread say so once", function()
      local condition = concur.condition()
      kit.join(kind.spawn(function()
        condition:acquire()
        condition:acquire()
      end))
      kit.same({ "abandoned", n = 1 }, table.pack(select(2, condition:acquire(T))))
      condition:release()
      assert.are.equal(1, select("#", condition:acquire(0)))
      condition:release()
    end)

    it("a held rlock is abandoned also after a wait in between", function()
      local lock = concur.rlock()
      local condition = concur.condition(lock)
      kit.join(kind.spawn(function()
        lock:acquire()
        lock:acquire()
        condition:wait(0.001)
      end))
      kit.same({ "abandoned", n = 1 }, table.pack(select(2, lock:acquire(T))))
    end)

    it("are counted back with their locks, also when threads waited", function()
      local before = kit.live()
      do
        local condition = concur.condition()
        local other = concur.condition(concur.lock())
        local list = { waiter(kind, condition), waiter(kind, other), waiter(kind, condition) }
        for _, t in ipairs(list) do cancel(t) end
        other = concur.condition(concur.lock())
        assert.is_false(other:with(function() return other:wait(0.001) end))
      end
      kit.settled(before)
    end)
  end)
end)

describe("making a condition", function()
  it("takes a lock or an rlock, nothing else", function()
    for _, wrong in ipairs { 7, "lock", {}, print, false, concur.semaphore(), concur.event() } do
      kit.raises("bad argument #1 to 'condition' (…", function() concur.condition(wrong) end)
    end
    kit.raises("bad argument #1 to 'condition' (…", function() concur.condition(concur.condition()) end)
    assert.are.equal("condition", concur.type(concur.condition(nil)))
  end)
end)
