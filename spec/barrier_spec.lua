-- concur.barrier
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- A thread that waits at the barrier, and gives what that gave.
local function party(kind, barrier, timeout)
  local t = kind.spawn(function() return barrier:wait(timeout or T) end)
  kit.until_waiting(t)
  return t
end

-- Its results must be nil and "broken".
local function learned(t) kit.same({ nil, "broken", n = 2 }, table.pack(kit.join(t))) end

local function cancel(t)
  assert.is_true(t:cancel())
  local ok, err = t:join(T)
  assert.is_false(ok)
  assert.is_true(err == concur.CANCELLED)
end

-- It must work, after all: round after round.
local function works(kind, barrier)
  assert.is_false(barrier:broken())
  assert.are.equal(0, barrier:n_waiting())
  for _ = 1, 2 do
    local list = {}
    for i = 1, barrier:parties() - 1 do list[i] = party(kind, barrier) end
    kit.same({ barrier:parties(), n = 1 }, table.pack(barrier:wait(T)))
    for i, t in ipairs(list) do kit.same({ i, n = 1 }, table.pack(kit.join(t))) end
  end
end

describe("a barrier", function()
  it("of one lets it through", function()
    local barrier = concur.barrier(1)
    assert.are.equal("barrier", concur.type(barrier))
    assert.are.equal(1, barrier:parties())
    for _, timeout in ipairs { 0, 1, math.huge, true, false } do
      kit.same({ 1, n = 1 }, table.pack(barrier:wait(timeout)))
    end
    kit.same({ 1, n = 1 }, table.pack(barrier:wait()))
    assert.are.equal(0, barrier:n_waiting())
    assert.is_false(barrier:broken())
  end)

  it("prints how many have come", function()
    local barrier = concur.barrier(3)
    assert.is_truthy(tostring(barrier):find("^concur%.barrier: 0x%x+ %(0/3.*%)$"), tostring(barrier))
    barrier:abort()
    assert.is_truthy(tostring(barrier):find("^concur%.barrier: 0x%x+ %(0/3.*broken.*%)$"), tostring(barrier))
  end)

  it("refuses wrong arguments", function()
    kit.raises("bad argument #1 to 'barrier' (…", function() concur.barrier() end)
    for _, wrong in ipairs { 0, -1, 1.5, "x", {}, print, 0 / 0 } do
      kit.raises("bad argument #1 to 'barrier' (…", function() concur.barrier(wrong) end)
    end
    kit.raises("bad argument #2 to 'barrier' (…", function() concur.barrier(2, 7) end)
    kit.raises("bad argument #2 to 'barrier' (…", function() concur.barrier(2, {}) end)
    kit.raises("bad argument #3 to 'barrier' (…", function() concur.barrier(2, nil, -1) end)
    kit.raises("bad argument #3 to 'barrier' (…", function() concur.barrier(2, nil, 0 / 0) end)
    kit.raises("bad argument #3 to 'barrier' (…", function() concur.barrier(2, print, "x") end)
    local co = coroutine.create(print)
    kit.raises("cannot transfer a thread (at upvalue 'co')", function()
      concur.barrier(2, function() return co end)
    end)
    local barrier = concur.barrier(2)
    kit.raises("bad argument #1 to 'wait' (…", function() barrier:wait(-1) end)
    kit.raises("bad argument #1 to 'wait' (…", function() barrier:wait(0 / 0) end)
    kit.raises("bad argument #1 to 'wait' (…", function() barrier:wait("1") end)
    kit.raises("bad argument #1 to 'wait' (…", function() barrier.wait(concur.lock()) end)
    assert.is_false(barrier:broken()) -- a mistake is no arrival
    assert.are.equal(0, barrier:n_waiting())
  end)

  it("a timeout breaks it, and is never early", function()
    for _, timeout in ipairs { 0, 0.0, false, 1e-9, 0.0005, 0.02, 0.005 } do
      local barrier = concur.barrier(2)
      local took, result, what, more = kit.seconds(function() return barrier:wait(timeout) end)
      kit.same({ nil, "broken" }, { result, what, more })
      assert.is_true(took >= (timeout or 0), ("%g s after %s s"):format(took, timeout))
      assert.is_true(took < (timeout or 0) + 1)
      assert.is_true(barrier:broken())
      assert.are.equal(0, barrier:n_waiting())
      kit.same({ nil, "broken", n = 2 }, table.pack(barrier:wait(T))) -- at once
    end
  end)

  it("has the constructor's timeout where wait has none", function()
    local barrier = concur.barrier(2, nil, 0.03)
    local took, result, what = kit.seconds(function() return barrier:wait() end)
    kit.same({ nil, "broken" }, { result, what })
    assert.is_true(took >= 0.03 and took < 1)
    barrier:reset()
    took = kit.seconds(function() return barrier:wait(nil) end)
    assert.is_true(took >= 0.03 and took < 1)
    took = kit.seconds(function() return concur.barrier(2, nil, 60):wait(0) end) -- wait's own goes first
    assert.is_true(took < 5)
    local slow = concur.barrier(2, nil, 0)
    kit.same({ nil, "broken" }, { slow:wait() })
    slow:reset()
    local t = party({ spawn = concur.spawn }, slow, true) -- `true` overrides
    kit.same({ 2 }, { slow:wait(T) })
    kit.same({ 1 }, { kit.join(t) })
  end)

  it("abort breaks it and reset mends it, as often as one likes", function()
    local barrier = concur.barrier(1)
    for _ = 1, 3 do
      assert.are.equal(0, select("#", barrier:abort()))
      barrier:abort()
      assert.is_true(barrier:broken())
      kit.same({ nil, "broken", n = 2 }, table.pack(barrier:wait()))
      assert.are.equal(0, select("#", barrier:reset()))
      barrier:reset()
      assert.is_false(barrier:broken())
      kit.same({ 1, n = 1 }, table.pack(barrier:wait()))
    end
  end)
end)

kit.each_kind(function(kind)
  describe("a barrier between threads", function()
    it("gives each its index, in order of arrival", function()
      for _, n in ipairs { 2, 3, 16 } do
        local barrier = concur.barrier(n)
        local list = {}
        for i = 1, n - 1 do
          list[i] = party(kind, barrier)
          assert.are.equal(i, barrier:n_waiting())
          assert.are.equal("waiting", list[1]:status())
        end
        assert.is_false(barrier:broken())
        works(kind, (function()
          kit.same({ n, n = 1 }, table.pack(barrier:wait(0))) -- the last does not wait
          for i, t in ipairs(list) do kit.same({ i, n = 1 }, table.pack(kit.join(t))) end
          return barrier
        end)())
      end
    end)

    it("is the same object", function()
      local barrier = concur.barrier(2)
      kit.same({ barrier:id(), true, "barrier", 2, n = 4 }, table.pack(kit.join(kind.spawn(function(b)
        return b:id(), b == barrier, concur.type(b), b:parties()
      end, barrier))))
    end)

    for _, threads in ipairs { 2, 3, 8, 16 } do
      it(("generations of %d never mix"):format(threads), function()
        local rounds = 2400 // threads
        local barrier, arrived = concur.barrier(threads), concur.value(0)
        local list = {}
        for i = 1, threads do
          list[i] = kind.spawn(function()
            local sum = 0
            for round = 1, rounds do
              arrived:add(1)
              sum = sum + assert(barrier:wait(T))
              local n = arrived:get()
              -- all of this round, and of the next one not more than all but me
              if n < round * threads or n > round * threads + threads - 1 then
                error(("%d arrivals after round %d"):format(n, round))
              end
            end
            return sum
          end)
        end
        local sum = 0
        for _, t in ipairs(list) do sum = sum + kit.join(t) end
        assert.are.equal(rounds * (threads * (threads + 1) // 2), sum) -- each index once a round
        assert.are.equal(0, barrier:n_waiting())
      end)
    end

    it("the action runs once a round, before any is let go, in the last", function()
      local threads, rounds = 4, 200
      local ran, left = concur.value(0), concur.value(0)
      local barrier = concur.barrier(threads, function()
        assert(left:get() == ran:get() * 4, "somebody had left")
        ran:add(1)
      end)
      local list = {}
      for i = 1, threads do
        list[i] = kind.spawn(function()
          for round = 1, rounds do
            assert(barrier:wait(T))
            assert(ran:get() == round, "the action has not run, or too often")
            left:add(1)
          end
        end)
      end
      kit.join_all(list)
      assert.are.equal(rounds, ran:get())
      assert.are.equal(threads * rounds, left:get())
    end)

    it("the action runs in the state of the last to come", function()
      local where = concur.value()
      local barrier = concur.barrier(2, function() where:set(concur.current().name) end)
      local first = party(kind, barrier)
      local last = concur.thread { name = "the last", target = function() return barrier:wait(T) end }:start()
      kit.same({ 1 }, { kit.join(first) })
      kit.same({ 2 }, { kit.join(last) })
      assert.are.equal("the last", where:get())
    end)

    it("the action's error breaks it, and is raised in its thread only", function()
      for _, value in ipairs { "on purpose", { "on purpose" } } do
        local barrier = concur.barrier(3, function() error(value, 0) end)
        local list = { party(kind, barrier), party(kind, barrier) }
        kit.same(value, kit.error_of(function() barrier:wait(T) end))
        for _, t in ipairs(list) do learned(t) end
        assert.is_true(barrier:broken())
        assert.are.equal(0, barrier:n_waiting())
        kit.same({ nil, "broken" }, { barrier:wait(T) })
      end
    end)

    it("with an action that fails at times is usable after reset", function()
      local fails = concur.value(true)
      local barrier = concur.barrier(2, function() if fails:get() then error("on purpose") end end)
      local t = party(kind, barrier)
      assert.is_truthy(kit.error_of(function() barrier:wait(T) end):find("on purpose"))
      learned(t)
      fails:set(false)
      barrier:reset()
      works(kind, barrier)
    end)

    it("those who come while the action runs are of the next round", function()
      local begun, go, stay = concur.event(), concur.event(), concur.value(true)
      local barrier = concur.barrier(2, function()
        if not stay:get() then return end
        stay:set(false)
        begun:set()
        assert(go:wait(20))
      end)
      local first = party(kind, barrier)
      local last = kind.spawn(function() return barrier:wait(T) end)
      assert.is_true(begun:wait(T))
      local early = { party(kind, barrier), party(kind, barrier) }
      assert.are.equal("waiting", first:status())
      go:set()
      kit.same({ 1 }, { kit.join(first) })
      kit.same({ 2 }, { kit.join(last) })
      local a, b = kit.join(early[1]), kit.join(early[2])
      assert.is_true(a + b == 3 and a * b == 2)
      works(kind, barrier)
    end)

    it("abort and reset while the action runs break that round", function()
      for _, how in ipairs { "abort", "reset" } do
        local begun, go, stay = concur.event(), concur.event(), concur.value(true)
        local barrier = concur.barrier(2, function()
          if not stay:get() then return end
          stay:set(false)
          begun:set()
          assert(go:wait(20))
        end)
        local first = party(kind, barrier)
        local last = kind.spawn(function() return barrier:wait(T) end)
        assert.is_true(begun:wait(T))
        barrier[how](barrier)
        learned(first)
        assert.are.equal(how == "abort", barrier:broken())
        go:set()
        learned(last)
        if how == "abort" then barrier:reset() end
        works(kind, barrier)
      end
    end)

    it("an action that is cancelled breaks it", function()
      local begun, never = concur.event(), concur.event()
      local barrier = concur.barrier(2, function()
        begun:set()
        never:wait(20)
      end)
      local first = party(kind, barrier)
      local last = kind.spawn(function() return barrier:wait(T) end)
      assert.is_true(begun:wait(T))
      cancel(last)
      learned(first)
      assert.is_true(barrier:broken())
    end)

    it("abort, reset, a timeout, a cancellation: each party learns it, reset makes it usable", function()
      for _, how in ipairs { "abort", "reset", "timeout", "timeout 0", "cancel" } do
        local barrier = concur.barrier(5)
        local list = { party(kind, barrier), party(kind, barrier) }
        if how == "timeout" then
          list[3] = kind.spawn(function() return barrier:wait(0.03) end)
        elseif how == "timeout 0" then
          list[3] = kind.spawn(function() return barrier:wait(0) end)
        elseif how == "cancel" then
          local t = party(kind, barrier)
          assert.are.equal(3, barrier:n_waiting())
          cancel(t)
        else
          barrier[how](barrier)
        end
        for _, t in ipairs(list) do learned(t) end
        assert.are.equal(how ~= "reset", barrier:broken(), how)
        assert.are.equal(0, barrier:n_waiting())
        if how ~= "reset" then
          learned(kind.spawn(function() return barrier:wait(T) end))
          barrier:reset()
        end
        works(kind, barrier)
      end
    end)

    it("a waiter that goes away with reset breaks not the next round", function()
      local barrier = concur.barrier(3)
      for _ = 1, 30 do
        local old = party(kind, barrier)
        barrier:reset()
        old:cancel() -- it may have been told, or is just going
        old:join(T)
        local new = party(kind, barrier)
        assert.is_false(barrier:broken())
        assert.are.equal(1, barrier:n_waiting())
        barrier:reset()
        learned(new)
      end
    end)

    it("in <close> of a cancelled thread it is waited at as ever", function()
      local barrier, never, out = concur.barrier(2), concur.event(), concur.queue()
      local t = kind.spawn(function()
        local last <close> = setmetatable({}, { __close = function() out:put { barrier:wait(T) } end })
        return never:wait(T) and last
      end)
      kit.until_waiting(t)
      t:cancel()
      kit.eventually("it comes", function() return barrier:n_waiting() == 1 or barrier:broken() end)
      kit.same({ 2 }, { barrier:wait(T) })
      local ok, err = t:join(T)
      assert.is_false(ok)
      assert.is_true(err == concur.CANCELLED)
      kit.same({ 1 }, out:get(T))
      works(kind, barrier)
    end)

    it("is broken and mended at random without a party left behind", function()
      local barrier, stop = concur.barrier(3), concur.value(false)
      local list = {}
      for i = 1, 5 do
        list[i] = kind.spawn(function()
          math.randomseed(i)
          local indices, broken = 0, 0
          while not stop:get() do
            local timeout = math.random(4) == 1 and math.random() * 0.0005 or 0.02
            local index, what, more = barrier:wait(timeout)
            if index then
              assert(index >= 1 and index <= 3 and what == nil)
              indices = indices + 1
            else
              assert(what == "broken" and more == nil)
              broken = broken + 1
              barrier:reset()
            end
          end
          return indices, broken
        end)
      end
      math.randomseed(6)
      local deadline = concur.now() + 1 -- on one processor each yield takes long
      for i = 1, 400 do
        if i > 50 and concur.now() > deadline then break end
        if math.random(3) == 1 then barrier:abort() else barrier:reset() end
        for _ = 1, math.random(0, 4) do concur.yield() end
        if i % 50 == 0 then
          local t = kind.spawn(function() return barrier:wait(0.01) end)
          concur.yield()
          t:cancel()
          t:join(T)
        end
      end
      stop:set(true)
      local broken = 0
      for _, t in ipairs(list) do broken = broken + select(2, kit.join(t)) end
      assert.is_true(broken > 0)
      barrier:reset()
      works(kind, barrier)
    end)

    it("is counted back, with the action's handles", function()
      local before = kit.live()
      do
        local event = concur.event()
        local barrier = concur.barrier(3, function() event:set() end)
        cancel(party(kind, barrier))
        barrier:reset()
        local list = { party(kind, barrier), party(kind, barrier) }
        assert.are.equal(3, barrier:wait(T))
        kit.join_all(list)
        assert.is_true(event:is_set())
      end
      kit.settled(before)
    end)
  end)
end)
