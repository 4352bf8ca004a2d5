-- concur.latch
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- Until it waits, or has ended: its timeout may be short.
local function settle(t)
  kit.eventually("the thread waits", function() return t:status() == "waiting" or not t:is_alive() end)
end

local function waiter(kind, latch, timeout)
  local t = kind.spawn(function() return latch:wait(timeout or T) end)
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

describe("a latch", function()
  it("is counted down, and stops at 0", function()
    local latch = concur.latch(5)
    assert.are.equal("latch", concur.type(latch))
    assert.are.equal(5, latch:count())
    assert.are.equal(0, select("#", latch:count_down()))
    assert.are.equal(4, latch:count())
    latch:count_down(2)
    assert.are.equal(2, latch:count())
    latch:count_down(0)
    assert.are.equal(2, latch:count())
    latch:count_down(7)
    assert.are.equal(0, latch:count())
    latch:count_down()
    latch:count_down(math.maxinteger)
    assert.are.equal(0, latch:count())
    local large = concur.latch(math.maxinteger)
    large:count_down(math.maxinteger - 1)
    assert.are.equal(1, large:count())
  end)

  it("wait gives true when it is at 0, at once", function()
    for _, latch in ipairs { concur.latch(0), concur.latch(1) } do
      latch:count_down()
      for _, timeout in ipairs { 0, 1, math.huge, true, false } do
        kit.same({ true, n = 1 }, table.pack(latch:wait(timeout)))
      end
      kit.same({ true, n = 1 }, table.pack(latch:wait()))
      kit.same({ true, n = 1 }, table.pack(latch:wait(nil)))
    end
  end)

  it("wait gives false at the timeout, never early, and soon after", function()
    local latch = concur.latch(1)
    for _, timeout in ipairs { 0, 0.0, false, 1e-9 } do
      kit.same({ false, n = 1 }, table.pack(latch:wait(timeout)))
    end
    local late = {}
    for _, timeout in ipairs { 0.0005, 0.001, 0.01, 0.05, 0.001, 0.02, 0.005 } do
      local took, result = kit.seconds(function() return latch:wait(timeout) end)
      assert.is_false(result)
      assert.is_true(took >= timeout, ("%g s after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
    end
    table.sort(late)
    assert.is_true(late[3] < 0.05, ("late by %g s"):format(late[3]))
    assert.are.equal(1, latch:count())
  end)

  it("prints its count", function()
    local latch = concur.latch(3)
    assert.is_truthy(tostring(latch):find("^concur%.latch: 0x%x+ %(3.*%)$"), tostring(latch))
    latch:count_down(3)
    assert.is_truthy(tostring(latch):find("^concur%.latch: 0x%x+ %(0.*%)$"), tostring(latch))
  end)

  it("refuses wrong arguments, and does not change", function()
    kit.raises("bad argument #1 to 'latch' (…", function() concur.latch() end)
    for _, wrong in ipairs { -1, math.mininteger, 1.5, "x", {}, print, 0 / 0 } do
      kit.raises("bad argument #1 to 'latch' (…", function() concur.latch(wrong) end)
    end
    local latch = concur.latch(2)
    for _, wrong in ipairs { -1, math.mininteger, 1.5, "x", {} } do
      kit.raises("bad argument #1 to 'count_down' (…", function() latch:count_down(wrong) end)
    end
    for _ = 1, 2 do
      for _, wrong in ipairs { -1, 0 / 0, "1", {} } do
        kit.raises("bad argument #1 to 'wait' (…", function() latch:wait(wrong) end)
      end
      kit.raises("bad argument #1 to 'wait' (…", function() latch.wait(concur.event()) end)
      latch:count_down(2)
    end
    assert.are.equal(0, latch:count())
  end)
end)

kit.each_kind(function(kind)
  describe("a latch between threads", function()
    it("is the same object", function()
      local latch = concur.latch(3)
      kit.same({ latch:id(), true, "latch", 3, n = 4 }, table.pack(kit.join(kind.spawn(function(l)
        return l:id(), l == latch, concur.type(l), l:count()
      end, latch))))
      kit.join(kind.spawn(function() latch:count_down(2) end))
      assert.are.equal(1, latch:count())
    end)

    it("wakes all at 0, and none before", function()
      local latch = concur.latch(3)
      local list = {}
      for i = 1, 16 do list[i] = waiter(kind, latch) end
      latch:count_down()
      latch:count_down()
      for i = 1, 16 do assert.are.equal("waiting", list[i]:status()) end
      latch:count_down()
      for i = 1, 16 do assert.is_true(kit.join(list[i])) end
    end)

    it("wakes all when more is counted than there is", function()
      local latch = concur.latch(3)
      local list = { waiter(kind, latch), waiter(kind, latch) }
      latch:count_down(1000)
      for _, t in ipairs(list) do assert.is_true(kit.join(t)) end
    end)

    it("cancelled and late waiters leave it as if they had never waited", function()
      local latch = concur.latch(1)
      local first, short = waiter(kind, latch), waiter(kind, latch, 0.02)
      local last = waiter(kind, latch)
      cancel(first)
      assert.is_false(kit.join(short))
      assert.are.equal(1, latch:count())
      latch:count_down()
      assert.is_true(kit.join(last))
    end)

    for _, threads in ipairs { 2, 8, 64 } do
      it(("%d of them count it down, each waits for all"):format(threads), function()
        local each = 1280 // threads
        local latch, sum = concur.latch(threads * each), concur.value(0)
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function()
            for _ = 1, each do
              sum:add(1)
              latch:count_down()
            end
            assert(latch:wait(T))
            return sum:get()
          end)
        end
        assert.is_true(latch:wait(T))
        for _, t in ipairs(list) do assert.are.equal(threads * each, kit.join(t)) end
        assert.are.equal(0, latch:count())
      end)
    end

    it("is counted back, waited for or not", function()
      local before = kit.live()
      do
        local latch = concur.latch(2)
        cancel(waiter(kind, latch))
        local t = waiter(kind, latch)
        kit.join(kind.spawn(function() latch:count_down(2) end))
        kit.join(t)
      end
      kit.settled(before)
    end)
  end)
end)
