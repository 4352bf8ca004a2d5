-- Cancellation and clean-up: what holds it back while it runs; and how cancellation reaches
-- loops that never wait.
local concur = require "concur"
local h = require "spec.support.helpers"

local CANCELLED = concur.CANCELLED
-- By a sanitizer or Valgrind, with which all is slow.
local watched = (os.getenv "LUA" or ""):find "LD_PRELOAD" or os.getenv "WATCHED"

for _, kind in ipairs(h.kinds) do
  local function start(...) return concur[kind](...):start() end

  -- {== what holds it back

  -- The clean-up: says that it began, is busy until it was cancelled, waits, and counts
  -- itself when it got through all that.
  local function tidy(s)
    s.inside:set()
    while not s.go:get() do concur.yield() end
    for _ = 1, 20000 do end
    assert(s.gate:wait(20))
    concur.checkpoint()
    concur.sleep(0.0001)
    s.log:add(1)
  end

  local function closing(s, f)
    return setmetatable({}, { __close = function(_, err)
      f(s, err)
      return nil
    end })
  end

  local function closing_bare(s, f)
    return setmetatable({}, { __close = function()
      f(s)
      return nil
    end })
  end

  local function closing_tail(s, f)
    return setmetatable({}, { __close = function() return f(s) end })
  end

  local function closing_counting(s, f) -- its first local is no parameter
    return setmetatable({}, { __close = function()
      local n = 0
      for i = 1, 10 do n = n + i end
      f(s)
      return n
    end })
  end

  local function closing_varargs(s, f)
    return setmetatable({}, { __close = function(...)
      local n = select("#", ...)
      f(s)
      return n
    end })
  end

  -- the third: not for blocks left without an error, where Lua does not tell a tail call's origin
  local makers = {
    { "with parameters", closing }, { "without parameters", closing_bare },
    { "with locals only", closing_counting }, { "with varargs", closing_varargs },
    { "with a tail call", closing_tail, true },
  }

  -- how a block with such a variable is left: name, function(s, make, tidy), what join gives
  local exits = {
    { "at its end", function(s, make, f)
      do local _ <close> = make(s, f) end
      concur.event():wait(60)
    end },
    { "by return", function(s, make, f)
      local function inner()
        local _ <close> = make(s, f)
        return 1, 2, 3
      end
      inner()
      concur.event():wait(60)
    end },
    { "by break", function(s, make, f)
      while true do
        local _ <close> = make(s, f)
        if s then break end
      end
      concur.event():wait(60)
    end },
    { "as the closing value of a loop", function(s, make, f)
      for _ in next, { 1 }, nil, make(s, f) do s.loops = 1 end
      concur.event():wait(60)
    end },
    { "by an error in a pcall", function(s, make, f)
      pcall(function()
        local _ <close> = make(s, f)
        error("x")
      end)
      concur.event():wait(60)
    end },
    { "by an error in a concur.pcall", function(s, make, f)
      concur.pcall(function()
        local _ <close> = make(s, f)
        error("x")
      end)
      concur.event():wait(60)
    end },
    { "by an error in an xpcall", function(s, make, f)
      xpcall(function()
        local _ <close> = make(s, f)
        error("x")
      end, function(e) return e end)
      concur.event():wait(60)
    end },
    { "by an error at the bottom", function(s, make, f)
      local _ <close> = make(s, f)
      error("boom", 0)
    end, "boom" },
    { "by an error at the bottom, below calls", function(s, make, f)
      local function deep(n)
        if n > 0 then return 1 + deep(n - 1) end
        local _ <close> = make(s, f)
        error("boom", 0)
      end
      deep(10)
    end, "boom" },
    { "by an error in a coroutine", function(s, make, f)
      local co = coroutine.create(function()
        local _ <close> = make(s, f)
        error("x")
      end)
      coroutine.resume(co)
      coroutine.close(co)
      concur.event():wait(60)
    end },
    { "by an error in a pcall in a coroutine", function(s, make, f)
      coroutine.wrap(function()
        pcall(function()
          local _ <close> = make(s, f)
          error("x")
        end)
        concur.event():wait(60)
      end)()
    end },
    { "by an error in a wrapped coroutine", function(s, make, f)
      pcall(coroutine.wrap(function()
        local _ <close> = make(s, f)
        error("x")
      end))
      concur.event():wait(60)
    end },
    { "at its end in a coroutine", function(s, make, f)
      coroutine.wrap(function()
        do local _ <close> = make(s, f) end
        concur.event():wait(60)
      end)()
    end },
    { "by coroutine.close", function(s, make, f)
      local co = coroutine.create(function()
        local _ <close> = make(s, f)
        coroutine.yield()
      end)
      coroutine.resume(co)
      coroutine.close(co)
      concur.event():wait(60)
    end },
    { "in a handler of another block", function(s, make, f)
      do
        local _ <close> = setmetatable({}, { __close = function()
          local _ <close> = make(s, f)
        end })
      end
      concur.event():wait(60)
    end },
    { "by an error in a handler of another block", function(s, make, f)
      pcall(function()
        local _ <close> = setmetatable({}, { __close = function()
          local _ <close> = make(s, f)
          error("y")
        end })
        error("x")
      end)
      concur.event():wait(60)
    end },
  }

  local function new_state()
    return { inside = concur.event(), go = concur.value(false), gate = concur.event(), log = concur.value(0) }
  end

  -- Cancels the thread while it tidies, and lets it go on.
  local function cancel_inside(s, t)
    assert.is_true(s.inside:wait(20))
    assert.is_true(t:cancel())
    s.go:set(true)
    h.poll("waiting, or ended too early", function() return t:status() ~= "running" end)
    t:cancel()
    s.gate:set()
    return h.join(t)
  end

  describe("cancelling a " .. kind .. " that cleans up", function()
    before_each(function() concur.excepthook = false end)

    for _, maker in ipairs(makers) do
      for _, exit in ipairs(exits) do
        local tells = exit[1]:find("error") or exit[1]:find("close$")
        local test = (tells or not maker[3]) and it or function() end
        test(("lets a __close %s complete, its block left %s"):format(maker[1], exit[1]), function()
          local s = new_state()
          local t = start(exit[2], s, maker[2], tidy)
          local ok, err = cancel_inside(s, t)
          assert.equal(1, s.log:get())
          assert.is_false(ok)
          assert.equal(exit[3] or CANCELLED, err)
          assert.equal(exit[3] and "failed" or "cancelled", t:status())
        end)
      end

      for name, body in pairs {
        ["at the bottom"] = function(s, make, f)
          local _ <close> = make(s, f)
          s.waiting:set()
          concur.event():wait(60)
        end,
        ["in a pcall"] = function(s, make, f)
          pcall(function()
            local _ <close> = make(s, f)
            s.waiting:set()
            concur.event():wait(60)
          end)
          concur.event():wait(60)
        end,
        ["in a busy loop"] = function(s, make, f)
          local _ <close> = make(s, f)
          s.waiting:set()
          while true do end
        end,
        ["in a busy loop in a pcall"] = function(s, make, f)
          pcall(function()
            local _ <close> = make(s, f)
            s.waiting:set()
            while true do end
          end)
          concur.event():wait(60)
        end,
        ["in a coroutine"] = function(s, make, f)
          coroutine.wrap(function()
            local _ <close> = make(s, f)
            s.waiting:set()
            concur.event():wait(60)
          end)()
        end,
        ["in a busy coroutine"] = function(s, make, f)
          coroutine.wrap(function()
            local _ <close> = make(s, f)
            s.waiting:set()
            while true do end
          end)()
        end,
      } do
        it(("lets a __close %s complete that the cancellation itself runs, %s"):format(maker[1], name), function()
          local s = new_state()
          s.waiting = concur.event()
          s.go:set(true)
          local t = start(body, s, maker[2], tidy)
          assert.is_true(s.waiting:wait(20))
          assert.is_true(t:cancel())
          assert.is_true(s.inside:wait(20))
          h.poll("waiting, or ended too early", function() return t:status() ~= "running" end)
          t:cancel()
          s.gate:set()
          assert.same({ false, CANCELLED }, { h.join(t) })
          assert.equal(1, s.log:get())
          assert.equal("cancelled", t:status())
        end)
      end
    end

    it("lets a coroutine that a handler runs complete", function()
      for _, bottom in ipairs { true, false } do
        local s = new_state()
        local t = start(function(state, f, at_bottom)
          local function body()
            local _ <close> = setmetatable({}, { __close = function()
              coroutine.wrap(function() coroutine.wrap(function() f(state) end)() end)()
            end })
            error("boom", 0)
          end
          if at_bottom then body() end
          pcall(body)
          concur.event():wait(60)
        end, s, tidy, bottom)
        assert.same({ false, bottom and "boom" or CANCELLED }, { cancel_inside(s, t) })
        assert.equal(1, s.log:get())
      end
    end)

    it("lets a finalizer complete", function()
      local s = new_state()
      local t = start(function(state, f)
        setmetatable({}, { __gc = function() f(state) end })
        collectgarbage()
        concur.event():wait(60)
      end, s, tidy)
      assert.same({ false, CANCELLED }, { cancel_inside(s, t) })
      assert.equal(1, s.log:get())
    end)

    it("lets a finalizer complete in a coroutine", function()
      local s = new_state()
      local t = start(function(state, f)
        coroutine.wrap(function()
          setmetatable({}, { __gc = function() f(state) end })
          collectgarbage()
          concur.event():wait(60)
        end)()
      end, s, tidy)
      assert.same({ false, CANCELLED }, { cancel_inside(s, t) })
      assert.equal(1, s.log:get())
    end)

    it("lets a coroutine that a finalizer runs complete", function()
      local s = new_state()
      local t = start(function(state, f)
        setmetatable({}, { __gc = function() coroutine.wrap(function() f(state) end)() end })
        collectgarbage()
        concur.event():wait(60)
      end, s, tidy)
      assert.same({ false, CANCELLED }, { cancel_inside(s, t) })
      assert.equal(1, s.log:get())
    end)

    it("lets the finalizers at its end complete", function()
      local s = new_state()
      local t = start(function(state, f)
        _G.kept = setmetatable({}, { __gc = function() f(state) end })
        return "result"
      end, s, tidy)
      assert.same({ true, "result" }, { cancel_inside(s, t) })
      assert.equal(1, s.log:get())
    end)

    it("stops it afterwards, though it never waits again", function()
      for _, body in ipairs {
        function(s, f)
          do local _ <close> = setmetatable({}, { __close = function() f(s) end }) end
          while true do end
        end,
        function(s, f)
          concur.shield(f, s)
          while true do end
        end,
        function(s, f)
          coroutine.wrap(function() concur.shield(f, s) end)()
          while true do end
        end,
        function(s, f)
          setmetatable({}, { __gc = function() f(s) end })
          collectgarbage()
          while true do end
        end,
      } do
        local s = new_state()
        local t = start(body, s, tidy)
        assert.same({ false, CANCELLED }, { cancel_inside(s, t) })
        assert.equal(1, s.log:get())
      end
    end)
  end)

  -- ==} {== loops that never wait

  -- each calls `on()` once it is in the loop
  local loops = {
    { "plain", function(on)
      on()
      while true do end
    end },
    { "counting", function(on)
      on()
      local n = 0
      for i = 1, math.huge do n = n + i end
      return n
    end },
    { "of goto", function(on)
      on()
      ::again::
      goto again
    end },
    { "recursive", function(on)
      local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
      on()
      while true do fib(15) end
    end },
    { "deeply recursive", function(on)
      local function deep(n)
        if n > 0 then return 1 + deep(n - 1) end
        on()
        while true do end
      end
      return deep(1000)
    end },
    { "of tail calls", function(on)
      on()
      local function f() return f() end
      return f()
    end },
    { "in a coroutine", function(on)
      coroutine.wrap(function()
        on()
        while true do end
      end)()
    end },
    { "in nested coroutines", function(on)
      local function nest(n)
        if n > 0 then return coroutine.wrap(nest)(n - 1) end
        on()
        while true do end
      end
      nest(5)
    end },
    { "of resumes and yields", function(on)
      local co = coroutine.wrap(function() while true do coroutine.yield() end end)
      on()
      while true do co() end
    end },
    { "of new coroutines", function(on)
      on()
      while true do coroutine.wrap(function() return {} end)() end
    end },
    { "in coroutines whose errors resume returns", function(on)
      on()
      repeat until not coroutine.resume(coroutine.create(function() for _ = 1, 1000 do end end))
      concur.event():wait(60)
    end },
    { "in table.sort", function(on)
      local t = {}
      on()
      while true do
        for i = 1, 100 do t[i] = i * 7919 % 101 end
        table.sort(t, function(a, b) return a < b end)
      end
    end },
    { "in string.gsub", function(on)
      local s = ("x"):rep(1000)
      on()
      while true do s:gsub("x", function(c) return c end) end
    end },
    { "in metamethods", function(on)
      local t = setmetatable({}, { __index = function(_, k) return k end, __add = function(a) return a end })
      on()
      while true do
        local _ = t.field
        t = t + 1
      end
    end },
    { "of concur calls that do not wait", function(on)
      local q, l, r, e, v, s = concur.queue(), concur.lock(), concur.rlock(), concur.event(), concur.value(0),
        concur.semaphore(1)
      on()
      while true do
        q:put(1)
        q:get()
        l:acquire():release()
        r:acquire():release()
        s:acquire():release()
        v:add(1)
        e:is_set()
        q:get(0)
      end
    end },
    { "that makes garbage", function(on)
      on()
      local keep = {}
      for i = 1, math.huge do keep[i % 100 + 1] = { ("x"):rep(i % 100), keep[1] and {} } end
    end },
    { "with concur.pcall around", function(on)
      on()
      while true do concur.pcall(function() for _ = 1, 100 do end end) end
    end },
    { "of errors that concur.pcall catches", function(on)
      on()
      while true do concur.pcall(error, "x") end
    end },
    { "with a pcall around, that returns", function(on)
      pcall(function()
        on()
        while true do end
      end)
      concur.event():wait(60)
    end },
    { "of load", function(on)
      on()
      while true do load("local a = 1 return a")() end
    end },
    { "with a debug hook of its own", function(on)
      local n = 0
      debug.sethook(function() n = n + 1 end, "crl", 10)
      on()
      while true do n = n + 0 end
    end },
    { "with a debug hook of its own in a coroutine", function(on)
      coroutine.wrap(function()
        local n = 0
        debug.sethook(function() n = n + 1 end, "l")
        on()
        while true do n = n + 0 end
      end)()
    end },
  }

  describe("cancelling a busy " .. kind, function()
    before_each(function() concur.excepthook = false end)

    for _, loop in ipairs(loops) do
      local name, body = table.unpack(loop)

      it("stops a loop " .. name .. " within milliseconds", function()
        local best, limit = math.huge, watched and 0.1 or 0.005
        for try = 1, 30 do
          local on = concur.event()
          local t = start(function(f, e) f(function() e:set() end) end, body, on)
          assert.is_true(on:wait(20))
          local before = concur.now()
          assert.is_true(t:cancel())
          assert.same({ false, CANCELLED }, { h.join(t) })
          best = math.min(best, concur.now() - before)
          assert.equal("cancelled", t:status())
          if try >= 3 and best < limit then break end
        end
        assert.is_true(best < limit, ("took %.1f ms"):format(best * 1000))
      end)

      it("by several at once stops a loop " .. name, function()
        local on, go = concur.event(), concur.event()
        local t = start(function(f, e) f(function() e:set() end) end, body, on)
        local cancellers = {}
        for i = 1, 4 do
          cancellers[i] = start(function(x)
            go:wait(20)
            local n = 0
            for _ = 1, 50 do n = n + (x:cancel() and 1 or 0) end
            return n
          end, t)
        end
        assert.is_true(on:wait(20))
        go:set()
        local n = 0
        for _, c in ipairs(cancellers) do n = n + h.results(c) end
        assert.is_true(n >= 1)
        assert.same({ false, CANCELLED }, { h.join(t) })
      end)
    end

    it("lets it call what needs not wait once it caught that", function()
      local on = concur.event()
      local t = start(function()
        local ok, err = pcall(function()
          on:set()
          while true do end
        end)
        local n = 0
        for i = 1, 100000 do n = n + i end
        local q = concur.queue()
        q:put(n)
        return ok, err == concur.CANCELLED, q:get(), pcall(concur.checkpoint)
      end)
      assert.is_true(on:wait(20))
      t:cancel()
      local ok, cancelled, n, again, err = h.results(t)
      assert.is_false(ok)
      assert.is_true(cancelled)
      assert.equal(5000050000, n)
      assert.is_false(again)
      assert.equal(CANCELLED, err)
    end)

    it("keeps errors sound that come after it, in coroutines full of pcalls", function()
      for i = 1, 200 do
        local on = concur.event()
        local t = start(function()
          local n = 0
          coroutine.wrap(function()
            local function f() return 1 end
            local function loop()
              on:set()
              while pcall(f) do n = n + 1 end -- whichever pcall catches it, the loop ends
            end
            pcall(loop)
            local ok, err = pcall(error, "first")
            if ok or err ~= "first" then error("wrong: " .. tostring(err), 0) end
            concur.exit(n)
          end)()
        end)
        assert.is_true(on:wait(20))
        for _ = 1, i % 10 do concur.yield() end
        t:cancel()
        assert.equal("integer", math.type(h.results(t)))
      end
    end)
  end)
  -- ==}
end

-- {== main, daemons

describe("cancelling the main thread", function()
  it("that waits, in a coroutine or not, ends the script with an error", function()
    for _, wait in ipairs { "concur.sleep(20)", "coroutine.wrap(function() concur.event():wait(20) end)()" } do
      local r = h.run(([[
        local concur = require "concur"
        concur.spawn(function(main)
          while main:status() ~= "waiting" do concur.yield() end
          main:cancel()
        end, concur.main())
        %s
        print "not reached"
      ]]):format(wait))
      assert.equal(1, r.code, r.text)
      assert.equal("", r.out, r.text)
      assert.matches("concur%.CANCELLED", r.err)
      assert.is_true(r.seconds < 10)
    end
  end)

  it("is sticky there, too, and leaves what need not wait alone", function()
    assert.equal("true\ttrue\t5\ttrue\n", h.output [[
      local concur = require "concur"
      concur.main():cancel()
      local q = concur.queue()
      q:put(5)
      local _, first = pcall(concur.sleep, 10)
      local _, second = pcall(q.join or concur.checkpoint)
      local ok, third = pcall(concur.checkpoint)
      print(first == concur.CANCELLED, not ok and third == concur.CANCELLED, q:get(), second ~= nil)
    ]])
  end)
end)

describe("a daemon in a busy loop", function()
  it("does not delay the script's end", function()
    for _, body in ipairs {
      "while true do end",
      "coroutine.wrap(function() while true do end end)()",
      "while true do concur.pcall(function() end) end",
      "local keep = {} for i = 1, math.huge do keep[i % 100] = { i } end",
      "pcall(function() while true do end end) pcall(concur.sleep, 20) while true do concur.sleep(20) end",
    } do
      local r = h.run(([[
        local concur = require "concur"
        local on = concur.latch(6)
        for i = 1, 6 do
          concur.thread{ daemon = true, target = function()
            on:count_down()
            %s
          end }:start()
        end
        assert(on:wait(20))
        print "end"
      ]]):format(body))
      assert.equal(0, r.code, r.text)
      assert.equal("end\n", r.out, r.text)
      assert.equal("", r.err, r.text)
      assert.is_true(r.seconds < 3, r.text)
    end
  end)
end)

-- ==}
