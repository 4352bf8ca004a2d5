-- thread:cancel() and what it does to waits.
local concur = require "concur"
local h = require "spec.support.helpers"

local CANCELLED = concur.CANCELLED

for _, kind in ipairs(h.kinds) do
  local current = h.current[kind]

  local make = concur[kind]
  local function start(...) return make(...):start() end

  local function full()
    local q = concur.queue(1)
    q:put(1)
    return q
  end
  local function held()
    local l = concur.lock()
    l:acquire()
    return l
  end
  local function busy()
    local gate = concur.event()
    return start(function() gate:wait(20) end), gate
  end

  -- every wait: its name, the call, what it waits on, and a proof that nobody waits there any more
  local waits = {
    { "sleep", function() concur.sleep(60) end, function() end },
    { "sleep for ever", function() concur.sleep(math.huge) end, function() end },
    { "queue:get", function(q) q:get() end, concur.queue, function(q)
      q:put("mine")
      assert.equal(1, q:qsize())
      assert.equal("mine", q:get(0))
    end },
    { "queue:put", function(q) q:put("lost") end, full, function(q)
      assert.equal(1, q:get(0))
      assert.same({ nil, "empty" }, { q:get(0) })
      assert.is_true(q:put(3, 0))
    end },
    { "queue:items", function(q) for _ in q:items() do q:put(1) end end, concur.queue, function(q)
      q:put("mine")
      assert.equal("mine", q:get(0))
    end },
    { "event:wait", function(e) e:wait() end, concur.event, function(e)
      e:set()
      assert.is_true(e:wait(0))
    end },
    { "lock:acquire", function(l) l:acquire() end, held, function(l)
      l:release()
      assert.is_false(l:locked())
      assert.equal(l, l:acquire(0))
    end },
    { "lock:with", function(l) l:with(print) end, held, function(l)
      l:release()
      assert.equal(l, l:acquire(0))
    end },
    { "join", function(t) t:join() end, busy, function(t, gate)
      gate:set()
      assert.is_true((h.join(t)))
      assert.equal("done", t:status())
    end },
  }

  describe("cancelling a " .. kind, function()
    before_each(function() concur.excepthook = false end)

    for _, case in ipairs(waits) do
      local name, fn, object, check = table.unpack(case)

      it("ends " .. name .. " and leaves nothing behind", function()
        local o, more = object()
        local t = start(fn, o)
        h.await_status(t, "waiting")
        local before = concur.now()
        assert.is_true(t:cancel())
        assert.same({ false, CANCELLED, n = 2 }, table.pack(h.join(t)))
        assert.is_true(concur.now() - before < 2)
        assert.equal("cancelled", t:status())
        assert.is_false(t:is_alive())
        assert.is_false(t:cancel())
        if check then check(o, more) end
      end)

      it("asked before it gets there ends " .. name, function()
        local o, gate = object()
        local go = concur.value(false)
        local t = start(function(f, x, g)
          while not g:get() do concur.yield() end
          f(x)
        end, fn, o, go)
        assert.is_true(t:cancel())
        go:set(true)
        assert.same({ false, CANCELLED }, { h.join(t) })
        if gate then gate:set() end
      end)
    end

    it("raises concur.CANCELLED itself, in both states", function()
      local t = start(function()
        local ok, err = pcall(concur.sleep, 60)
        return ok, err == concur.CANCELLED, rawequal(err, concur.CANCELLED), err
      end)
      h.await_status(t, "waiting")
      t:cancel()
      local ok, same, raw, err = h.results(t)
      assert.is_false(ok)
      assert.is_true(same)
      assert.is_true(raw)
      assert.is_true(rawequal(err, CANCELLED))
      assert.equal("done", t:status())
    end)

    it("has a value that prints and is nothing else", function()
      assert.matches("CANCELLED", tostring(CANCELLED))
      assert.not_equal("string", type(CANCELLED))
      assert.is_true(h.results(start(function(c) return c == concur.CANCELLED end, CANCELLED)))
    end)

    it("is sticky: each later wait raises again", function()
      local q = concur.queue()
      local t = start(function()
        local n = 0
        for _, f in ipairs {
          function() concur.sleep(60) end,
          function() q:get() end,
          function() concur.event():wait() end,
          function() q:get(60) end,
          function() concur.checkpoint() end,
        } do
          local ok, err = pcall(f)
          if not ok and err == concur.CANCELLED then n = n + 1 end
        end
        return n
      end)
      h.await_status(t, "waiting")
      t:cancel()
      assert.equal(5, h.results(t))
      assert.equal("done", t:status())
    end)

    it("leaves calls alone that need not wait", function()
      local q, gate = concur.queue(), concur.event()
      local t = start(function()
        pcall(gate.wait, gate)
        q:put(1)
        local e, l = concur.event(), concur.lock()
        e:set()
        local got = { q:get(), e:wait(), l:acquire() == l }
        got[#got + 1] = select(2, q:get(0))
        return got
      end)
      h.await_status(t, "waiting")
      t:cancel()
      assert.same({ 1, true, true, "empty" }, h.results(t))
    end)

    it("reaches a loop that calls checkpoint", function()
      local seen = concur.event()
      local t = start(function()
        while true do
          concur.checkpoint()
          seen:set()
        end
      end)
      assert.is_true(seen:wait(20))
      assert.is_true(t:cancel())
      assert.same({ false, CANCELLED }, { h.join(t) })
    end)

    it("reaches a wait in a coroutine", function()
      local t = start(function() coroutine.wrap(function() concur.sleep(60) end)() end)
      h.await_status(t, "waiting")
      t:cancel()
      assert.same({ false, CANCELLED }, { h.join(t) })
      assert.equal("cancelled", t:status())
    end)

    it("keeps an unstarted one from running", function()
      local ran = concur.value(false)
      local t = make(function() ran:set(true) end)
      assert.is_true(t:cancel())
      assert.equal("cancelled", t:status())
      assert.is_false(t:is_alive())
      pcall(t.start, t)
      assert.same({ false, CANCELLED }, { h.join(t) })
      assert.equal("cancelled", t:status())
      assert.is_false(ran:get())
      assert.is_false(t:cancel())
    end)

    it("says false for one that has finished, which stays as it was", function()
      local t = start(function() return 1 end)
      h.join(t)
      assert.is_false(t:cancel())
      assert.equal("done", t:status())
      assert.same({ true, 1 }, { h.join(t) })
      local f = start(function() error("x", 0) end)
      h.join(f)
      assert.is_false(f:cancel())
      assert.equal("failed", f:status())
      assert.same({ false, "x" }, { h.join(f) })
    end)

    it("lets an error raised instead win", function()
      local t = start(function()
        pcall(concur.sleep, 60)
        error("other", 0)
      end)
      h.await_status(t, "waiting")
      t:cancel()
      assert.same({ false, "other" }, { h.join(t) })
      assert.equal("failed", t:status())
    end)

    it("from another thread and from the thread itself", function()
      local t = start(function() concur.sleep(60) end)
      h.await_status(t, "waiting")
      assert.is_true(h.results(start(function(x) return x:cancel() end, t)))
      assert.same({ false, CANCELLED }, { h.join(t) })
      local own = start(function()
        local asked = current():cancel()
        local ok, err = pcall(concur.sleep, 60)
        return asked, ok, err
      end)
      assert.same({ true, false, CANCELLED }, { h.results(own) })
    end)

    it("is not seen by the next thread", function()
      for _ = 1, 20 do
        local t = start(function() concur.sleep(60) end)
        t:cancel()
        h.join(t)
        assert.is_true(h.results(start(function()
          concur.checkpoint()
          concur.sleep(0.0001)
          return true
        end)))
      end
    end)

    it("twice is one cancellation", function()
      local t = start(function() concur.sleep(60) end)
      h.await_status(t, "waiting")
      t:cancel()
      t:cancel()
      assert.same({ false, CANCELLED }, { h.join(t) })
    end)

    it("wakes all of many", function()
      local list, e = {}, concur.event()
      for i = 1, 50 do list[i] = start(function() e:wait() end) end
      for _, t in ipairs(list) do h.await_status(t, "waiting") end
      for _, t in ipairs(list) do assert.is_true(t:cancel()) end
      for _, t in ipairs(list) do assert.same({ false, CANCELLED }, { h.join(t) }) end
    end)

    it("at any moment ends it as cancelled or done", function()
      for i = 1, 200 do
        local t = start(function() concur.sleep(i % 3 == 0 and 60 or 0) end)
        for _ = 1, i % 50 do concur.yield() end
        t:cancel()
        local ok, err = h.join(t)
        assert.is_true(ok or err == CANCELLED)
        assert.equal(ok and "done" or "cancelled", t:status())
      end
    end)
  end)
end

describe("concur.checkpoint", function()
  it("returns nothing when nobody cancelled", function()
    assert.equal(0, select("#", concur.checkpoint()))
  end)
end)

describe("cancelling the main thread", function()
  it("raises in its wait, and the script's end still waits for threads", function()
    local r = h.run [[
      local concur = require "concur"
      local gate = concur.event()
      concur.spawn(function()
        gate:wait(10)
        concur.sleep(0.05)
        print "thread done"
      end)
      concur.spawn(function(main)
        while main:status() ~= "waiting" do concur.yield() end
        main:cancel()
      end, concur.main())
      local ok, err = pcall(concur.sleep, 10)
      print(ok, err == concur.CANCELLED)
      gate:set()
    ]]
    assert.equal("false\ttrue\nthread done\n", r.out, r.text)
    assert.equal(0, r.code, r.text)
    assert.is_true(r.seconds < 5)
  end)
end)
