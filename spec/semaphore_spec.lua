-- concur.semaphore and concur.bounded_semaphore
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- Until it waits, or has ended: its timeout may be short.
local function settle(t)
  kit.eventually("the thread waits", function() return t:status() == "waiting" or not t:is_alive() end)
end

-- A thread that takes a unit, and keeps it.
local function taker(kind, semaphore, timeout)
  local t = kind.spawn(function() return semaphore:acquire(timeout or T) == semaphore end)
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

for _, name in ipairs { "semaphore", "bounded_semaphore" } do
  local make = concur[name]

  describe("a " .. name, function()
    it("counts down and up", function()
      local semaphore = make(3)
      assert.are.equal(name, concur.type(semaphore))
      assert.are.equal(3, semaphore:value())
      for i, timeout in ipairs { 0, 1, math.huge } do
        local results = table.pack(semaphore:acquire(timeout))
        assert.are.equal(1, results.n)
        assert.is_true(rawequal(semaphore, results[1]))
        assert.are.equal(3 - i, semaphore:value())
      end
      for _, timeout in ipairs { 0, 0.0, false, 0.001, 1e-9 } do
        kit.same({ false, n = 1 }, table.pack(semaphore:acquire(timeout)))
      end
      assert.are.equal(0, semaphore:value())
      assert.are.equal(0, select("#", semaphore:release()))
      assert.are.equal(1, semaphore:value())
      semaphore:release(2)
      assert.are.equal(3, semaphore:value())
      assert.is_true(rawequal(semaphore, semaphore:acquire(nil)))
      assert.is_true(rawequal(semaphore, semaphore:acquire(true)))
    end)

    it("begins with 1, 0 or many", function()
      assert.are.equal(1, make():value())
      assert.are.equal(1, make(nil):value())
      assert.are.equal(0, make(0):value())
      assert.are.equal(5, make(5.0):value())
      assert.are.equal(math.maxinteger, make(math.maxinteger):value())
      assert.are.equal(4, make { n = 4 }:value())
      assert.are.equal(1, make {}:value())
      assert.are.equal(2, make { n = 2, owned = false }:value())
      assert.are.equal(2, make { n = 2, owned = true }:value())
    end)

    it("refuses wrong beginnings", function()
      for _, wrong in ipairs { -1, math.mininteger, 1.5, "x", print, false, 0 / 0, 2 ^ 70 } do
        kit.raises("bad argument #1 to '…", function() concur[name](wrong) end)
      end
      for _, wrong in ipairs { { n = -1 }, { n = "x" }, { n = 1.5 }, { owned = 1 }, { n = 1, owned = "no" } } do
        local message = kit.error_of(function() concur[name](wrong) end)
        assert.is_truthy(message:find("^spec/semaphore_spec.lua:%d+: "), message)
        assert.is_nil(message:find("#-1", 1, true), message)
      end
    end)

    it("prints its value", function()
      local semaphore = make(2)
      local start = "^concur%." .. name .. ": 0x%x+ %("
      assert.is_truthy(tostring(semaphore):find(start .. "2.*%)$"), tostring(semaphore))
      semaphore:acquire()
      assert.is_truthy(tostring(semaphore):find(start .. "1.*%)$"), tostring(semaphore))
    end)

    it("refuses wrong arguments, with and without a unit", function()
      local semaphore = make(1)
      for value = 1, 0, -1 do
        kit.raises("bad argument #1 to 'acquire' (…", function() semaphore:acquire(-1) end)
        kit.raises("bad argument #1 to 'acquire' (…", function() semaphore:acquire(0 / 0) end)
        kit.raises("bad argument #1 to 'acquire' (…", function() semaphore:acquire("1") end)
        kit.raises("bad argument #1 to 'acquire' (…", function() semaphore:acquire {} end)
        kit.raises("bad argument #1 to 'release' (…", function() semaphore:release(-1) end)
        kit.raises("bad argument #1 to 'release' (…", function() semaphore:release(math.mininteger) end)
        kit.raises("bad argument #1 to 'release' (…", function() semaphore:release(0.5) end)
        kit.raises("bad argument #1 to 'release' (…", function() semaphore:release {} end)
        kit.raises("bad argument #1 to 'acquire' (…", function() semaphore.acquire(concur.lock()) end)
        assert.are.equal(value, semaphore:value())
        semaphore:acquire(0)
      end
    end)

    it("with and <close> give the unit back, also on errors", function()
      local semaphore = make(2)
      kit.same({ 1, nil, n = 2 }, table.pack(semaphore:with(function(...)
        assert.are.equal(1, semaphore:value())
        return semaphore:with(function(...)
          assert.are.equal(0, semaphore:value())
          return ...
        end, ...)
      end, 1, nil)))
      assert.are.equal(2, semaphore:value())
      local value = {}
      assert.is_true(rawequal(value, kit.error_of(function() semaphore:with(error, value) end)))
      assert.is_true(rawequal(value, kit.error_of(function()
        local held <close> = semaphore:acquire()
        local more <close> = semaphore:acquire()
        error(held == more and value)
      end)))
      assert.are.equal(2, semaphore:value())
      kit.raises("bad argument #1 to 'with' (…", function() semaphore:with() end)
      assert.are.equal(2, semaphore:value())
      semaphore:acquire()
      semaphore:acquire()
      do
        local failed <close> = semaphore:acquire(0)
        assert.is_false(failed)
      end
      assert.are.equal(0, semaphore:value())
    end)

    it("closing after an explicit release does nothing", function()
      local semaphore = make(1)
      do
        local held <close> = semaphore:acquire()
        held:release()
      end
      assert.are.equal(1, semaphore:value())
      local two = make(2) -- somebody else has a unit
      kit.join(concur.spawn(function() two:acquire() end))
      do
        local held <close> = two:acquire()
        held:release()
      end
      assert.are.equal(1, two:value())
    end)
  end)

  kit.each_kind(function(kind)
    describe("between threads, a " .. name, function()
      it("is the same object", function()
        local semaphore = make(3)
        kit.same({ semaphore:id(), true, name, 3, n = 4 }, table.pack(kit.join(kind.spawn(function(s)
          return s:id(), s == semaphore, concur.type(s), s:value()
        end, semaphore))))
        kit.join(kind.spawn(function() semaphore:acquire() end))
        assert.are.equal(2, semaphore:value())
        kit.join(kind.spawn(function() semaphore:release() end)) -- by another thread
        assert.are.equal(3, semaphore:value())
      end)

      it("release(n) wakes up to n, in order of arrival", function()
        for _, n in ipairs { 1, 2, 4, 6 } do
          local semaphore = make(6)
          for _ = 1, 6 do semaphore:acquire() end
          local list = {}
          for i = 1, 4 do list[i] = taker(kind, semaphore) end
          semaphore:release(n)
          for i = 1, math.min(n, 4) do assert.is_true(kit.join(list[i])) end
          for i = n + 1, 4 do assert.are.equal("waiting", list[i]:status()) end
          assert.are.equal(math.max(0, n - 4), semaphore:value())
          for i = n + 1, 4 do
            semaphore:release()
            assert.is_true(kit.join(list[i]))
          end
        end
      end)

      it("nobody overtakes those who wait", function()
        local semaphore = make(1)
        semaphore:acquire()
        local t = taker(kind, semaphore)
        semaphore:release()
        for _ = 1, 100 do assert.is_false(semaphore:acquire(0)) end -- the unit is its by now
        assert.is_true(kit.join(t))
        local again = taker(kind, semaphore)
        semaphore:release()
        assert.is_false(semaphore:acquire(0.001))
        assert.is_true(kit.join(again))
      end)

      it("a waiter that is cancelled leaves it as if it had never waited", function()
        local semaphore = make(1)
        semaphore:acquire()
        local list = {}
        for i = 1, 3 do list[i] = taker(kind, semaphore) end
        cancel(list[1])
        cancel(list[3])
        assert.are.equal(0, semaphore:value())
        semaphore:release()
        assert.is_true(kit.join(list[2]))
        semaphore:release()
        assert.are.equal(1, semaphore:value())
        assert.is_true(rawequal(semaphore, semaphore:acquire(0)))
      end)

      it("a waiter that times out leaves it as if it had never waited", function()
        local semaphore = make(1)
        semaphore:acquire()
        local short = taker(kind, semaphore, 0.02)
        local long = taker(kind, semaphore)
        assert.is_false(kit.join(short))
        semaphore:release()
        assert.is_true(kit.join(long))
        assert.is_false(semaphore:acquire(0))
        semaphore:release()
        assert.is_true(rawequal(semaphore, semaphore:acquire(0)))
      end)

      it("no unit is lost in timeouts and cancellations", function()
        local semaphore = make(2)
        local list = {}
        for i = 1, 6 do
          list[i] = kind.spawn(function()
            math.randomseed(i)
            for _ = 1, 400 do
              if semaphore:acquire(math.random(0, 3) * 0.00005) then
                if math.random(8) == 1 then concur.yield() end
                semaphore:release()
              end
            end
          end)
        end
        for i = 1, 150 do
          local t = kind.spawn(function()
            while true do semaphore:with(concur.checkpoint) end
          end)
          for _ = 1, i % 4 do concur.yield() end
          t:cancel()
          t:join(T)
        end
        kit.join_all(list)
        assert.are.equal(2, semaphore:value())
        assert.is_true(semaphore:acquire(0) and semaphore:acquire(0) and true)
        assert.is_false(semaphore:acquire(0))
      end)

      for _, threads in ipairs { 2, 8, 64 } do
        it(("lets no more than n in, of %d"):format(threads), function()
          local n = math.min(3, threads - 1)
          local semaphore, inside, sum = make(n), concur.value(0), concur.value(0)
          local each = 6400 // threads
          local list = {}
          for i = 1, threads do
            list[i] = kind.spawn(function()
              for k = 1, each do
                local held <close> = semaphore:acquire(T)
                assert(held and inside:add(1) <= n, "too many are inside")
                sum:add(1)
                if k % 50 == 0 then concur.yield() end
                inside:add(-1)
              end
            end)
          end
          kit.join_all(list)
          assert.are.equal(threads * each, sum:get())
          assert.are.equal(n, semaphore:value())
        end)
      end

      it("is counted back", function()
        local before = kit.live()
        do
          local semaphore = make(1)
          semaphore:acquire()
          cancel(taker(kind, semaphore))
          kit.join(kind.spawn(function() make { n = 2, owned = false }:acquire() end))
        end
        kit.settled(before)
      end)
    end)
  end)

  describe("the timeout of a " .. name, function()
    it("is never early, and soon after", function()
      local semaphore = make(0)
      local late = {}
      for _, timeout in ipairs { 0.0005, 0.001, 0.01, 0.05, 0.001, 0.02, 0.005 } do
        local took, result = kit.seconds(function() return semaphore:acquire(timeout) end)
        assert.is_false(result)
        assert.is_true(took >= timeout, ("%g s after %g s"):format(took, timeout))
        late[#late + 1] = took - timeout
      end
      table.sort(late)
      assert.is_true(late[3] < 0.05, ("late by %g s"):format(late[3]))
    end)
  end)
end

describe("a semaphore", function()
  it("may be released above its beginning, by any thread", function()
    local semaphore = concur.semaphore(0)
    semaphore:release()
    semaphore:release(41)
    assert.are.equal(42, semaphore:value())
    kit.join(concur.spawn(function() semaphore:release(58) end))
    assert.are.equal(100, semaphore:value())
  end)

  it("does not overflow", function()
    local semaphore = concur.semaphore(math.maxinteger - 1)
    semaphore:release()
    assert.are.equal(math.maxinteger, semaphore:value())
    assert.is_false(pcall(function() semaphore:release() end))
    assert.is_false(pcall(function() semaphore:release(math.maxinteger) end))
    assert.are.equal(math.maxinteger, semaphore:value())
    assert.is_true(rawequal(semaphore, semaphore:acquire(0)))
  end)

  it("units are tokens: one thread puts them, another takes them", function()
    local full, free, sum = concur.semaphore(0), concur.semaphore(4), concur.value(0)
    local producer = concur.spawn(function()
      for i = 1, 2000 do
        assert(free:acquire(T))
        sum:add(i)
        full:release()
      end
    end)
    local consumer = concur.spawn(function()
      for _ = 1, 2000 do
        assert(full:acquire(T))
        free:release()
      end
    end)
    kit.join_all { producer, consumer }
    assert.are.equal(2000 * 2001 // 2, sum:get())
    assert.are.equal(0, full:value())
    assert.are.equal(4, free:value())
  end)
end)

describe("a bounded semaphore", function()
  it("refuses to be released above its beginning, and does not change", function()
    local semaphore = concur.bounded_semaphore(2)
    kit.raises("semaphore released too many times", function() semaphore:release() end)
    semaphore:acquire()
    kit.raises("semaphore released too many times", function() semaphore:release(2) end)
    kit.raises("semaphore released too many times", function() semaphore:release(math.maxinteger) end)
    assert.are.equal(1, semaphore:value())
    semaphore:release()
    kit.raises("semaphore released too many times", function() semaphore:release() end)
    assert.are.equal(2, semaphore:value())
    kit.raises("semaphore released too many times", function() concur.bounded_semaphore(0):release() end)
    kit.raises("semaphore released too many times", function() concur.bounded_semaphore():release() end)
  end)

  it("never exceeds its beginning, whoever releases", function()
    local semaphore, sum = concur.bounded_semaphore(3), concur.value(0)
    local list = {}
    for i = 1, 8 do
      list[i] = concur.spawn(function()
        for _ = 1, 500 do
          if semaphore:acquire(0) then sum:add(-1) end
          if pcall(semaphore.release, semaphore) then sum:add(1) end
          assert(semaphore:value() <= 3)
        end
      end)
    end
    kit.join_all(list)
    assert.are.equal(3 + sum:get(), semaphore:value())
  end)
end)
