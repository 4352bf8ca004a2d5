-- concur.pcall, concur.shield, concur.checkpoint, concur.CANCELLED.
local concur = require "concur"
local h = require "spec.support.helpers"

local CANCELLED = concur.CANCELLED

-- Calls fn(...) in a thread that has been cancelled already; gives its results.
local function cancelled(fn, ...)
  return h.results(concur.spawn(function(f, ...)
    pcall(function()
      concur.current():cancel()
      concur.sleep(20)
    end)
    return f(...)
  end, fn, ...))
end

describe("concur.pcall", function()
  it("returns what pcall returns", function()
    for _, case in ipairs {
      { function() end },
      { function() return nil end },
      { function() return 1, nil, "x", nil end },
      { function(...) return select("#", ...), ... end, nil, 2, nil },
      { error, "text" }, { error, "text", 0 }, { error, nil }, { error, 5 },
      { function() error("text") end }, { function() error("text", 2) end },
      { function() local x = nil; return x.y end },
      { nil }, { 5 }, { "x", 1 }, { {} },
      { setmetatable({}, { __call = function(_, a) return a end }), 7 },
      { string.rep }, { pcall, error, "inner" }, { concur.pcall, error, "inner" },
    } do
      local n = math.max(#case, 1)
      assert.same(table.pack(pcall(table.unpack(case, 1, n))), table.pack(concur.pcall(table.unpack(case, 1, n))))
    end
  end)

  it("keeps the error value itself", function()
    for _, value in ipairs { {}, print, coroutine.create(print), concur.lock(), true, 1.5 } do
      local ok, err = concur.pcall(error, value)
      assert.is_false(ok)
      assert.is_true(rawequal(err, value))
    end
  end)

  it("passes thousands of values", function()
    local list = {}
    for i = 1, 5000 do list[i] = i end
    local got = table.pack(concur.pcall(function(...) return ... end, table.unpack(list)))
    assert.equal(5001, got.n)
    assert.equal(5000, got[5001])
  end)

  it("raises without a function", function()
    h.raises("bad argument #1 to 'pcall' %(value expected%)", function() concur.pcall() end)
  end)

  it("catches a stack overflow and an error in between", function()
    local function deep() return 1 + deep() end
    local ok, err = concur.pcall(deep)
    assert.is_false(ok)
    assert.matches("stack overflow", err)
    assert.same({ true, 1 }, { concur.pcall(function() return 1 end) })
  end)

  it("lets coroutines yield across it, before results and before errors", function()
    local co = coroutine.wrap(function(a)
      local list = { concur.pcall(function(b)
        local c = coroutine.yield(a + b)
        local d = coroutine.yield(c)
        return c, d
      end, 10) }
      local ok, err = concur.pcall(function() error(coroutine.yield("more"), 0) end)
      local ok2, err2 = concur.pcall(concur.pcall, function() return coroutine.yield("deep") end)
      return list, ok, err, ok2, err2
    end)
    assert.equal(11, co(1))
    assert.equal(2, co(2))
    assert.equal("more", co(3))
    assert.equal("deep", co("bad"))
    assert.same({ { true, 2, 3 }, false, "bad", true, true }, { co("unused") })
  end)

  it("closes what is to be closed before it returns", function()
    local log = {}
    local function entry(name)
      return setmetatable({}, { __close = function(_, err) log[#log + 1] = name .. ":" .. tostring(err) end })
    end
    local ok, err = concur.pcall(function()
      local _ <close> = entry "a"
      local _ <close> = entry "b"
      error("x", 0)
    end)
    assert.same({ false, "x", { "b:x", "a:x" } }, { ok, err, log })
    concur.pcall(function() local _ <close> = entry "c" end)
    assert.equal("c:nil", log[3])
  end)

  it("never catches a cancellation", function()
    for _, body in ipairs {
      function() concur.sleep(60) end,
      function() concur.checkpoint() end,
      function() concur.pcall(concur.pcall, concur.sleep, 60) end,
      function() coroutine.wrap(function() concur.pcall(concur.sleep, 60) end)() end,
      function() error(concur.CANCELLED) end,
      function() while true do concur.checkpoint() end end,
    } do
      local after, caught = cancelled(function(f)
        local reached = false
        local ok, err = pcall(function()
          concur.pcall(f)
          reached = true
        end)
        return reached, not ok and err == concur.CANCELLED
      end, body)
      assert.is_false(after)
      assert.is_true(caught)
    end
  end)

  it("never catches a cancellation after a yield", function()
    local caught = cancelled(function()
      local co = coroutine.create(function()
        concur.pcall(function()
          coroutine.yield()
          concur.checkpoint()
        end)
      end)
      coroutine.resume(co)
      local ok, err = coroutine.resume(co)
      return not ok and err == concur.CANCELLED
    end)
    assert.is_true(caught)
  end)

  it("lets the cancelled thread end, and its handlers run", function()
    local log, on = concur.value(0), concur.event()
    local t = concur.spawn(function()
      while true do
        concur.pcall(function()
          local _ <close> = setmetatable({}, { __close = function(_, err)
            if err == concur.CANCELLED then log:add(1) end
          end })
          on:set()
          concur.sleep(60)
        end)
        log:add(100)
      end
    end)
    assert.is_true(on:wait(20))
    t:cancel()
    assert.same({ false, CANCELLED }, { h.join(t) })
    assert.equal(1, log:get())
  end)

  it("lets concur.exit through", function()
    local t = concur.spawn(function()
      concur.pcall(concur.pcall, concur.exit, 1, nil, 3)
      return "not reached"
    end)
    assert.same({ true, 1, nil, 3, n = 4 }, table.pack(h.join(t)))
  end)
end)

describe("concur.checkpoint", function()
  it("returns nothing while nobody cancelled", function()
    assert.equal(0, select("#", concur.checkpoint()))
    assert.equal(0, h.results(concur.spawn(function() return select("#", concur.checkpoint()) end)))
  end)

  it("raises each time once cancelled", function()
    assert.equal(10, cancelled(function()
      local n = 0
      for _ = 1, 10 do
        local ok, err = pcall(concur.checkpoint)
        if not ok and rawequal(err, concur.CANCELLED) then n = n + 1 end
      end
      return n
    end))
  end)

  it("raises in coroutines", function()
    assert.is_true(cancelled(function()
      local ok, err = coroutine.resume(coroutine.create(function() concur.checkpoint() end))
      return not ok and err == concur.CANCELLED
    end))
  end)

  it("is held back by shield, __close and __gc", function()
    local shield, close, gc, after = cancelled(function()
      local log = {}
      concur.shield(function()
        concur.checkpoint()
        log.shield = true
      end)
      do
        local _ <close> = setmetatable({}, { __close = function()
          concur.checkpoint()
          log.close = true
        end })
      end
      setmetatable({}, { __gc = function()
        concur.checkpoint()
        log.gc = true
      end })
      collectgarbage()
      return log.shield, log.close, log.gc, (pcall(concur.checkpoint))
    end)
    assert.is_true(shield)
    assert.is_true(close)
    assert.is_true(gc)
    assert.is_false(after)
  end)
end)

describe("concur.shield", function()
  it("passes arguments and results", function()
    assert.equal(0, select("#", concur.shield(function() end)))
    assert.same({ 3, nil, 2, nil, n = 4 }, table.pack(concur.shield(function(...)
      return select("#", ...), ...
    end, nil, 2, nil)))
    local list = {}
    for i = 1, 5000 do list[i] = i end
    assert.equal(5000, select("#", concur.shield(function(...) return ... end, table.unpack(list))))
    assert.equal("abc", concur.shield(string.lower, "ABC"))
  end)

  it("raises what its function raises", function()
    local value = {}
    local ok, err = pcall(concur.shield, error, value)
    assert.is_false(ok)
    assert.is_true(rawequal(err, value))
    assert.matches("attempt to index", select(2, pcall(concur.shield, function() return (nil).x end)))
  end)

  it("raises without a function", function()
    h.raises("bad argument #1 to 'shield' %(function expected", function() concur.shield() end)
    h.raises("bad argument #1 to 'shield' %(function expected", function() concur.shield(5) end)
  end)

  it("holds a cancellation back in waits and loops, and no longer", function()
    local results = { cancelled(function()
      local n = 0
      local list = table.pack(concur.shield(function()
        concur.sleep(0.001)
        for i = 1, 20000 do n = n + i end
        return pcall(concur.checkpoint)
      end))
      local ok, err = pcall(concur.sleep, 60)
      return list[1], n, ok, err == concur.CANCELLED
    end) }
    assert.same({ true, 200010000, false, true }, results)
  end)

  it("ends with an error, too", function()
    local results = { cancelled(function()
      local ok, err = pcall(concur.shield, function()
        concur.sleep(0.001)
        error("x", 0)
      end)
      local later, why = pcall(concur.checkpoint)
      return ok, err, later, why == concur.CANCELLED
    end) }
    assert.same({ false, "x", false, true }, results)
  end)

  it("nests", function()
    local results = { cancelled(function()
      local list = {}
      concur.shield(function()
        concur.shield(function() list[1] = pcall(concur.checkpoint) end)
        list[2] = pcall(concur.checkpoint)
        pcall(concur.shield, error, "x")
        list[3] = pcall(concur.checkpoint)
      end)
      list[4] = pcall(concur.checkpoint)
      return table.unpack(list)
    end) }
    assert.same({ true, true, true, false }, results)
  end)

  it("holds in coroutines that run within it", function()
    local results = { cancelled(function()
      local inside = concur.shield(function()
        return coroutine.wrap(function()
          concur.sleep(0.001)
          return coroutine.wrap(function() return (pcall(concur.checkpoint)) end)()
        end)()
      end)
      return inside, (pcall(concur.checkpoint))
    end) }
    assert.same({ true, false }, results)
  end)

  it("lets coroutines yield across it", function()
    local co = coroutine.wrap(function()
      local a, b = concur.shield(function(x)
        local y = coroutine.yield(x)
        return y, coroutine.yield(y)
      end, 1)
      return a, b, "end"
    end)
    assert.equal(1, co())
    assert.equal(2, co(2))
    assert.same({ 2, 3, "end" }, { co(3) })
  end)

  it("ends in a coroutine that yielded in it: by its end, an error, close, and collection", function()
    local function inside(finish)
      local co = coroutine.create(function()
        concur.shield(function()
          if coroutine.yield() then error("x") end
        end)
      end)
      coroutine.resume(co)
      finish(co)
      return (pcall(concur.checkpoint))
    end
    for _, finish in ipairs {
      function(co) coroutine.resume(co) end,
      function(co) coroutine.close(select(2, coroutine.resume(co, true)) and co) end,
      function(co) coroutine.close(co) end,
    } do
      assert.is_false(cancelled(inside, finish))
    end
    assert.is_false(cancelled(function()
      do -- left in the middle, and then out of reach
        local co = coroutine.wrap(function() concur.shield(coroutine.yield) end)
        co()
      end
      collectgarbage()
      collectgarbage()
      return (pcall(concur.checkpoint))
    end))
  end)

  it("does not keep an error from ending the thread", function()
    concur.excepthook = false
    local t = concur.spawn(function() concur.shield(error, "boom", 0) end)
    assert.same({ false, "boom" }, { h.join(t) })
    assert.equal("failed", t:status())
  end)

  it("ended by concur.exit ends the thread", function()
    local t = concur.spawn(function()
      concur.shield(concur.exit, "result")
      return "not reached"
    end)
    assert.same({ true, "result" }, { h.join(t) })
  end)

  it("of the thread before is none of the next thread's", function()
    for _ = 1, 20 do
      h.join(concur.spawn(function()
        local co = coroutine.wrap(function() concur.shield(coroutine.yield) end)
        co()
        concur.shield(concur.exit, 1)
      end))
      local t = concur.spawn(function() concur.sleep(60) end)
      t:cancel()
      assert.same({ false, CANCELLED }, { h.join(t) })
    end
  end)
end)

describe("concur.CANCELLED", function()
  it("is one value in each state, prints, and crosses as itself", function()
    assert.equal("concur.CANCELLED", tostring(CANCELLED))
    local same, back = h.results(concur.spawn(function(c) return rawequal(c, concur.CANCELLED), c end, CANCELLED))
    assert.is_true(same)
    assert.is_true(rawequal(back, CANCELLED))
    local q = concur.queue()
    q:put { deep = CANCELLED }
    assert.is_true(rawequal(q:get(0).deep, CANCELLED))
  end)

  it("raised by hand ends a thread as cancelled, without a word", function()
    local r = h.run [[
      local concur = require "concur"
      local t = concur.spawn(function() error(concur.CANCELLED) end)
      local ok, err = t:join(10)
      print(ok, err == concur.CANCELLED, t:status())
    ]]
    assert.equal("false\ttrue\tcancelled\n", r.out, r.text)
    assert.equal("", r.err, r.text)
  end)
end)
