-- concur.event
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

describe("an event", function()
  it("is set and cleared", function()
    local event = concur.event()
    assert.is_false(event:is_set())
    assert.are.equal(0, select("#", event:set()))
    assert.is_true(event:is_set())
    event:set()
    assert.is_true(event:is_set())
    assert.are.equal(0, select("#", event:clear()))
    assert.is_false(event:is_set())
    event:clear()
    assert.is_false(event:is_set())
  end)

  it("wait gives true when it is set, at once", function()
    local event = concur.event()
    event:set()
    for _, timeout in ipairs { 0, 1, math.huge, true, false } do
      kit.same({ true, n = 1 }, table.pack(event:wait(timeout)))
    end
    kit.same({ true, n = 1 }, table.pack(event:wait()))
    kit.same({ true, n = 1 }, table.pack(event:wait(nil)))
    assert.is_true(event:is_set())
  end)

  it("wait gives false at the timeout", function()
    local event = concur.event()
    for _, timeout in ipairs { 0, 0.0, false, 0.001, 1e-9 } do
      kit.same({ false, n = 1 }, table.pack(event:wait(timeout)))
    end
  end)

  it("prints its state", function()
    local event = concur.event()
    assert.is_truthy(tostring(event):find("^concur%.event: 0x%x+ %(.+%)$"), tostring(event))
    local before = tostring(event)
    event:set()
    assert.is_truthy(tostring(event):find("^concur%.event: 0x%x+ %(set%)$"), tostring(event))
    assert.are_not.equal(before, tostring(event))
  end)

  it("refuses wrong timeouts, also when it is set", function()
    local event = concur.event()
    for _ = 1, 2 do
      kit.raises("bad argument #1 to 'wait' (…", function() event:wait(-1) end)
      kit.raises("bad argument #1 to 'wait' (…", function() event:wait(0 / 0) end)
      kit.raises("bad argument #1 to 'wait' (…", function() event:wait("soon") end)
      kit.raises("bad argument #1 to 'wait' (…", function() event:wait("1") end)
      kit.raises("bad argument #1 to 'wait' (…", function() event:wait {} end)
      event:set()
    end
  end)

  it("a timeout is never early, and soon after", function()
    local event = concur.event()
    local late = {}
    for _, timeout in ipairs { 0.0005, 0.001, 0.01, 0.05, 0.001, 0.02, 0.005 } do
      local took, result = kit.seconds(function() return event:wait(timeout) end)
      assert.is_false(result)
      assert.is_true(took >= timeout, ("%g s after %g s"):format(took, timeout))
      late[#late + 1] = took - timeout
    end
    table.sort(late)
    assert.is_true(late[3] < 0.05, ("late by %g s"):format(late[3]))
  end)
end)

kit.each_kind(function(kind)
  describe("an event between threads", function()
    it("wakes all who wait", function()
      local event = concur.event()
      local list = {}
      for i = 1, 20 do
        list[i] = kind.spawn(function()
          if i % 2 == 0 then return event:wait() else return event:wait(T) end
        end)
      end
      for _, t in ipairs(list) do kit.until_waiting(t) end
      event:set()
      for _, t in ipairs(list) do assert.is_true(kit.join(t)) end
    end)

    it("wakes all who wait, even if clear follows at once", function()
      for _ = 1, 30 do
        local event = concur.event()
        local list = {}
        for i = 1, 10 do list[i] = kind.spawn(function() return event:wait(T) end) end
        for _, t in ipairs(list) do kit.until_waiting(t) end
        event:set()
        event:clear()
        assert.is_false(event:is_set())
        for _, t in ipairs(list) do assert.is_true(kit.join(t)) end
        assert.is_false(event:wait(0))
      end
    end)

    it("is set from elsewhere while main waits", function()
      local event = concur.event()
      local t = kind.spawn(function() event:set() end)
      assert.is_true(event:wait(T))
      kit.join(t)
    end)

    it("two threads in turn, many times", function()
      local ping, pong = concur.event(), concur.event()
      local rounds = 5000
      local t = kind.spawn(function()
        for i = 1, rounds do
          if not ping:wait(T) then return i end
          ping:clear()
          pong:set()
        end
        return "all"
      end)
      for i = 1, rounds do
        ping:set()
        if not pong:wait(T) then error("no answer in round " .. i) end
        pong:clear()
      end
      assert.are.equal("all", kit.join(t))
    end)

    it("waits that time out or are cancelled leave the others alone", function()
      local event = concur.event()
      local patient = {}
      for i = 1, 5 do patient[i] = kind.spawn(function() return event:wait() end) end
      local hasty = {}
      for i = 1, 5 do hasty[i] = kind.spawn(function() return event:wait(0.001 * i) end) end
      local stopped = {}
      for i = 1, 5 do stopped[i] = kind.spawn(function() return event:wait() end) end
      for _, t in ipairs(stopped) do
        kit.until_waiting(t)
        assert.is_true(t:cancel())
      end
      for _, t in ipairs(hasty) do assert.is_false(kit.join(t)) end
      for _, t in ipairs(stopped) do
        local ok, err = t:join(T)
        assert.is_false(ok)
        assert.is_true(err == concur.CANCELLED)
      end
      for _, t in ipairs(patient) do
        kit.until_waiting(t)
        assert.are.equal("waiting", t:status())
      end
      event:set()
      for _, t in ipairs(patient) do assert.is_true(kit.join(t)) end
    end)

    it("set, clear and waits at random: whoever waits for good is woken by the last set", function()
      local event, sum = concur.event(), concur.value(0)
      local list = {}
      for i = 1, 6 do
        list[i] = kind.spawn(function()
          math.randomseed(i)
          for _ = 1, 1000 do
            local what = math.random(4)
            if what == 1 then event:set()
            elseif what == 2 then event:clear()
            elseif event:wait(math.random(0, 2) * 0.00005) then sum:add(1) end
          end
        end)
      end
      local waiter = kind.spawn(function() return event:wait() end)
      kit.join_all(list)
      event:set()
      assert.is_true(kit.join(waiter))
      assert.is_true(sum:get() > 0)
    end)

    it("is dropped elsewhere while nobody waits", function()
      local before = kit.live()
      for _ = 1, 20 do
        local event = concur.event()
        kit.join(kind.spawn(function() event:set() end))
      end
      kit.settled(before)
    end)
  end)
end)
