-- Cancellation: what it leaves behind in each object, what holds it back, and how it
-- reaches loops that never wait.  spec/thread_cancel_spec.lua has the states of threads.
local concur = require "concur"
local h = require "spec.support.helpers"

local CANCELLED = concur.CANCELLED

for _, kind in ipairs(h.kinds) do

  local function start(...) return concur[kind](...):start() end

  -- `fn` runs in a thread that the case holds back with `go`.
  local function holder(fn, ...)
    local ready, go = concur.event(), concur.event()
    local t = start(function(f, r, g, ...) return f(r, g, ...) end, fn, ready, go, ...)
    assert.is_true(ready:wait(20))
    return t, go
  end

  local function full()
    local q = concur.queue(1)
    q:put("first")
    return q
  end

  -- {== each kind of wait: name, what is waited on, the wait, and that it is as before

  local waits = {
    { "sleep", function() return concur.event() end, function() concur.sleep(60) end },
    { "event:wait", concur.event, function(e) e:wait() end, function(e)
      assert.is_false(e:is_set())
      e:set()
      assert.is_true(e:wait(0))
    end },
    { "lock:acquire", function() return concur.lock():acquire() end, function(l) l:acquire() end, function(l)
      assert.equal("MainThread", l:owner())
      l:release()
      assert.is_false(l:locked())
      assert.equal(1, select("#", l:acquire(0)))
    end },
    { "lock:with", function() return concur.lock():acquire() end, function(l) l:with(print) end, function(l)
      l:release()
      assert.equal(l, l:acquire(0))
    end },
    { "rlock:acquire", function() return concur.rlock():acquire():acquire() end, function(l) l:acquire() end,
      function(l)
        assert.equal("MainThread", l:owner())
        assert.equal(2, l:count())
        l:release()
        l:release()
        assert.is_false(l:locked())
        assert.equal(1, select("#", l:acquire(0)))
        assert.equal(1, l:count())
      end },
    { "condition:acquire", function() return concur.condition():acquire() end, function(c) c:acquire() end,
      function(c)
        assert.equal(0, c:notify_all())
        c:release()
        assert.equal(c, c:acquire(0))
      end },
    { "condition:wait", concur.condition, function(c)
      local held <close> = c:acquire()
      c:wait()
      held:release()
    end, function(c)
      assert.equal(1, select("#", c:acquire(0)))
      assert.equal(0, c:notify_all())
      assert.is_false(c:wait(0))
      c:release()
    end },
    { "condition:wait on a lock", function() return concur.condition(concur.lock()) end, function(c)
      c:with(function() c:wait() end)
    end, function(c)
      assert.equal(c, c:acquire(0))
      assert.equal(0, c:notify())
      c:release()
    end },
    { "condition:wait_for", concur.condition, function(c)
      local held <close> = c:acquire()
      c:wait_for(function() return false end)
      held:release()
    end, function(c)
      assert.equal(1, select("#", c:acquire(0)))
      assert.equal(0, c:notify_all())
      c:release()
    end },
    { "semaphore:acquire", function() return concur.semaphore(0) end, function(s) s:acquire() end, function(s)
      assert.equal(0, s:value())
      s:release()
      assert.equal(1, s:value())
      assert.equal(s, s:acquire(0))
      assert.is_false(s:acquire(0))
    end },
    { "bounded_semaphore:acquire", function() return concur.bounded_semaphore(1):acquire() end,
      function(s) s:acquire() end, function(s)
        s:release()
        assert.equal(1, s:value())
        assert.is_false(pcall(s.release, s))
      end },
    { "rwlock:read", function()
      local w = concur.rwlock()
      return w, w:write()
    end, function(w) w:read() end, function(w, hold)
      hold:release()
      assert.is_truthy(w:write(0))
    end },
    { "rwlock:write", function()
      local w = concur.rwlock()
      return w, w:read()
    end, function(w) w:write() end, function(w, hold)
      assert.is_truthy(h.results(start(function(x) return x:read(0) ~= false end, w)))
      hold:release()
      assert.is_truthy(w:write(0))
    end },
    { "latch:wait", function() return concur.latch(2) end, function(l) l:wait() end, function(l)
      assert.equal(2, l:count())
      l:count_down(2)
      assert.is_true(l:wait(0))
    end },
    { "once:run", function()
      local o = concur.once()
      return o, holder(function(ready, go, x)
        return x:run(function()
          ready:set()
          return go:wait(20)
        end)
      end, o)
    end, function(o) o:run(function() return "mine" end) end, function(o, t, go)
      go:set()
      assert.is_true(h.results(t))
      assert.is_true(o:run(error))
    end },
    { "timer:join", function() return concur.timer(60, function() end):start() end, function(t) t:join() end,
      function(t)
        assert.is_true(t:is_alive())
        assert.is_true(t:cancel())
        assert.same({ false, CANCELLED }, { h.join(t) })
      end },
    { "thread:join", function() return holder(function(ready, go)
      ready:set()
      return go:wait(20)
    end) end, function(t) t:join() end, function(t, go)
      assert.is_true(t:is_alive())
      go:set()
      assert.is_true(h.results(t))
    end },
    { "queue:get", concur.queue, function(q) q:get() end, function(q)
      q:put("item")
      assert.equal(1, q:qsize())
      assert.equal("item", q:get(0))
    end },
    { "queue:items", concur.queue, function(q) for _ in q:items() do q:put("again") end end, function(q)
      q:put("item")
      assert.equal("item", q:get(0))
      assert.equal(0, q:qsize())
    end },
    { "queue:put", full, function(q) q:put("mine") end, function(q)
      assert.equal("first", q:get(0))
      assert.same({ nil, "empty" }, { q:get(0) })
      assert.is_true(q:put("other", 0))
      assert.equal("other", q:get(0))
    end },
  }

  -- ==}

  describe("cancelling a waiting " .. kind, function()
    before_each(function() concur.excepthook = false end)

    for _, case in ipairs(waits) do
      local name, make, wait, check = table.unpack(case)

      it("in " .. name .. " leaves it as if it had never waited", function()
        local o, a, b = make()
        local t = start(wait, o)
        h.await_status(t, "waiting")
        assert.is_true(t:cancel())
        assert.same({ false, CANCELLED, n = 2 }, table.pack(h.join(t)))
        assert.equal("cancelled", t:status())
        if check then check(o, a, b) end
      end)

      it("in " .. name .. " raises in each later wait, too", function()
        local o, a, b = make()
        local t = start(function(f, x)
          local n = 0
          for _ = 1, 3 do
            local ok, err = pcall(f, x)
            if not ok and err == concur.CANCELLED then n = n + 1 end
          end
          for _, later in ipairs { concur.sleep, concur.checkpoint } do
            local ok, err = pcall(later, 60)
            if not ok and err == concur.CANCELLED then n = n + 1 end
          end
          return n
        end, wait, o)
        h.await_status(t, "waiting")
        t:cancel()
        assert.equal(5, h.results(t))
        assert.equal("done", t:status())
        if check then check(o, a, b) end
      end)
    end

    it("in barrier:wait breaks it for all, until a reset", function()
      local b = concur.barrier(3)
      local t = start(function() b:wait() end)
      local other = start(function() return b:wait(20) end)
      h.await_status(t, "waiting")
      h.await_status(other, "waiting")
      t:cancel()
      assert.same({ false, CANCELLED }, { h.join(t) })
      assert.same({ nil, "broken" }, { h.results(other) })
      assert.is_true(b:broken())
      assert.equal(0, b:n_waiting())
      assert.same({ nil, "broken" }, { b:wait(0) })
      b:reset()
      local two = { start(function() return b:wait(20) end), start(function() return b:wait(20) end) }
      local sum = b:wait(20) + h.results(two[1]) + h.results(two[2])
      assert.equal(6, sum)
    end)

    it("in the middle of a line serves those behind it", function()
      local cases = {
        { concur.semaphore(0), function(s) return s:acquire(20) == s end, function(s) s:release(2) end },
        { concur.lock():acquire(), function(l)
          local held <close> = assert(l:acquire(20))
          return held == l
        end, function(l) l:release() end },
        { concur.rlock():acquire(), function(l)
          local held <close> = assert(l:acquire(20))
          return held == l
        end, function(l) l:release() end },
        { concur.queue(), function(q) return q:get(20) end, function(q)
          q:put(true)
          q:put(true)
        end },
        { concur.condition(), function(c)
          local held <close> = c:acquire(20)
          return held == c and c:wait(20)
        end, function(c) c:with(function() assert.equal(2, c:notify(2)) end) end },
        { concur.event(), function(e) return e:wait(20) end, function(e)
          e:set()
          e:clear()
        end },
      }
      for _, case in ipairs(cases) do
        local o, wait, serve = table.unpack(case)
        local line = {}
        for i = 1, 3 do
          line[i] = start(wait, o)
          h.await_status(line[i], "waiting")
        end
        line[2]:cancel()
        assert.same({ false, CANCELLED }, { h.join(line[2]) })
        serve(o)
        assert.is_true(h.results(line[1]), tostring(o))
        assert.is_true(h.results(line[3]), tostring(o))
      end
    end)

    it("in rwlock:write lets the readers behind it in", function()
      local w = concur.rwlock()
      local hold = w:read()
      local writer = start(function() w:write() end)
      h.await_status(writer, "waiting")
      local reader = start(function() return w:read(20) ~= false end)
      h.await_status(reader, "waiting")
      writer:cancel()
      assert.is_true(h.results(reader))
      assert.same({ false, CANCELLED }, { h.join(writer) })
      hold:release()
    end)

    it("that runs a once passes it on to the next", function()
      local o, inside = concur.once(), concur.event()
      local runner = start(function()
        return o:run(function()
          inside:set()
          concur.event():wait(60)
        end)
      end)
      assert.is_true(inside:wait(20))
      local waiter = start(function() return o:run(function() return "second" end) end)
      h.await_status(waiter, "waiting")
      runner:cancel()
      assert.same({ false, CANCELLED }, { h.join(runner) })
      assert.equal("second", h.results(waiter))
      assert.equal("second", o:run(error))
    end)

    -- The thread's function is the C function itself, so that no hook can come in between.
    it("either took or left what came at that moment", function()
      local function race(make, method, give, took, left)
        local counts = { [true] = 0, [false] = 0 }
        for i = 1, 150 do
          local o = make()
          local t = start(table.unpack(method(o)))
          h.await_status(t, "waiting")
          local giver = start(function()
            for _ = 1, i % 5 * 10 do concur.yield() end
            give(o)
          end)
          for _ = 1, i * 7 % 5 * 10 do concur.yield() end
          t:cancel()
          local ok, err = h.join(t)
          h.results(giver)
          if not ok then assert.equal(CANCELLED, err) end
          counts[ok] = counts[ok] + 1
          if ok then took(o) else left(o) end
        end
        return counts
      end
      race(function() return concur.semaphore(0) end, function(s) return { s.acquire, s } end,
        function(s) s:release() end,
        function(s) assert.equal(0, s:value()) end,
        function(s) assert.equal(1, s:value()) end)
      race(concur.queue, function(q) return { q.get, q } end,
        function(q) q:put(7) end,
        function(q) assert.equal(0, q:qsize()) end,
        function(q) assert.equal(7, q:get(0)) end)
      race(full, function(q) return { q.put, q, "mine" } end,
        function(q) assert(q:get(20) == "first") end,
        function(q) assert.equal("mine", q:get(0)) end,
        function(q) assert.equal(0, q:qsize()) end)
      race(function() return concur.lock():acquire() end, function(l) return { l.acquire, l } end,
        function(l) l:release() end,
        -- what a process holds at its end is free then
        function(l) assert.equal(kind == "thread", l:locked()) end,
        function(l) assert.is_false(l:locked()) end)
      race(function() return concur.rlock() end, function(l)
        l:acquire()
        return { l.acquire, l }
      end, function() end, function() error("not released, and got all the same") end,
        function(l) assert.equal(1, l:count()) end)
    end)

    it("never swallows a notify", function()
      for i = 1, 150 do
        local c, told = concur.condition(), concur.value(0)
        local first = start(c.with, c, c.wait, c)
        h.await_status(first, "waiting")
        local second = start(c.with, c, c.wait, c, 20)
        h.await_status(second, "waiting")
        local notifier = start(function()
          for _ = 1, i % 5 * 10 do concur.yield() end
          c:with(function() told:set(c:notify()) end)
        end)
        for _ = 1, i * 7 % 5 * 10 do concur.yield() end
        first:cancel()
        local ok = h.join(first)
        h.results(notifier)
        assert.equal(1, told:get())
        if ok then c:with(function() assert.equal(1, c:notify()) end) end
        assert.is_true(h.results(second))
      end
    end)
  end)

  describe("a cancelled " .. kind, function()
    before_each(function() concur.excepthook = false end)

    it("does all that need not wait", function()
      local gate = concur.event()
      local t = start(function()
        pcall(gate.wait, gate)
        local l, r, c, s = concur.lock(), concur.rlock(), concur.condition(), concur.semaphore(1)
        local b, w, la, o, q = concur.barrier(1), concur.rwlock(), concur.latch(0), concur.once(), concur.queue(1)
        local e = concur.event()
        e:set()
        l:acquire():release()
        r:acquire():acquire()
        local list = {
          c:acquire() == c, s:acquire() == s, b:wait(), w:read():release(), la:wait(), o:run(function() return 5 end),
          q:put(1), q:put(2, 0), q:get(), e:wait(), r:count(), c:notify(), l:acquire() == l,
        }
        concur.yield()
        return list, l:acquire(0), s:acquire(0)
      end)
      h.await_status(t, "waiting")
      t:cancel()
      local list, lock, semaphore = h.results(t)
      assert.is_true(list[1])
      assert.is_true(list[2])
      assert.equal(1, list[3])
      assert.is_false(lock)
      assert.is_false(semaphore)
    end)

    it("may use coroutines once it caught that", function()
      for _, busy in ipairs { false, true } do
        local on = concur.event()
        local t = start(function()
          pcall(function()
            on:set()
            while busy do end
            concur.sleep(60)
          end)
          local n = 0
          for i in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do n = n + i end
          return n
        end)
        assert.is_true(on:wait(20))
        t:cancel()
        assert.equal(6, h.results(t))
      end
    end)

    it("still holds the condition's lock, as often as before", function()
      for _, make in ipairs { concur.rlock, concur.lock } do
        local l = make()
        local c, inside = concur.condition(l), concur.event()
        local t = start(function()
          c:acquire()
          if concur.type(l) == "rlock" then c:acquire() end
          inside:set()
          local ok, err = pcall(c.wait, c)
          return ok, err == concur.CANCELLED, l:owner() == concur.current().name, l.count and l:count(), c:notify()
        end)
        assert.is_true(inside:wait(20))
        c:acquire()
        assert.is_true(t:cancel())
        h.await_status(t, "waiting") -- for the lock, which is not a wait that cancelling ends
        t:cancel()
        assert.is_true(t:is_alive())
        c:release()
        local ok, cancelled, owns, count, told = h.results(t)
        assert.is_false(ok)
        assert.is_true(cancelled)
        assert.is_true(owns)
        if concur.type(l) == "rlock" then assert.equal(2, count) end
        assert.equal(0, told)
      end
    end)

    it("that returns all the same is done", function()
      local t = start(function()
        local ok, err = pcall(function() while true do end end)
        return ok, err == concur.CANCELLED, "result"
      end)
      h.poll("running", function() return t:status() == "running" end)
      concur.yield()
      t:cancel()
      local alive, ok, cancelled, result = h.join(t)
      if alive then -- else it had not got as far as pcall
        assert.is_false(ok)
        assert.is_true(cancelled)
        assert.equal("result", result)
        assert.equal("done", t:status())
      end
    end)
  end)
end
