-- concur.pool: its options, submitting, calling off, and its end.
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

local function make(kind, options)
  options = options or {}
  options.kind = kind.name
  options.workers = options.workers or 2
  return concur.pool(options)
end

kit.each_kind(function(kind)
  describe("a pool", function()
    it("calls functions with their arguments, and gives all results", function()
      local pool <close> = make(kind)
      assert.are.equal("pool", concur.type(pool))
      local f = pool:submit(function(...) return select("#", ...), ... end, 1, nil, { "x" }, nil)
      assert.are.equal("future", concur.type(f))
      kit.same({ 4, 1, nil, { "x" }, nil, n = 5 }, table.pack(f:result(T)))
      kit.same({ n = 0 }, table.pack(pool:apply(function() end)))
      kit.same({ "x", n = 1 }, table.pack(pool:apply(string.sub, "xyz", 1, 1)))
      local q = concur.queue()
      assert.is_true(pool:apply(function(x) return x end, q) == q)
      pool:apply(function(x) x:put("from a worker") end, q)
      assert.are.equal("from a worker", q:get(T))
    end)

    it("runs in workers of its kind, as many as it may have, and uses them again", function()
      local pool <close> = make(kind, { workers = 3, name = "crew" })
      local barrier, seen, n = concur.barrier(3, nil, T), {}, 0
      local function who()
        barrier:wait()
        local w = kind.name == "process" and concur.current_process() or concur.current()
        return w.name, w.ident
      end
      for _ = 1, 4 do
        local list = {}
        for i = 1, 3 do list[i] = pool:submit(who) end
        for i = 1, 3 do
          local name, ident = list[i]:result(T)
          assert.is_truthy(name:find "^crew%-worker%-%d$", name)
          if not seen[ident] then n = n + 1 end
          seen[ident] = name
        end
      end
      assert.are.equal(3, n)
      assert.are.equal(3, pool:stats().workers)
    end)

    it("keeps the globals of a worker, and nothing else, from task to task", function()
      local pool <close> = make(kind, { workers = 1 })
      pool:apply(function()
        _G.counter = 1
        debug.sethook(function() error "a hook" end, "", 10)
      end)
      assert.are.equal(1, pool:apply(function()
        for _ = 1, 1000 do _G.counter = _G.counter + 0 end
        return _G.counter
      end))
      local lock = concur.rlock()
      pool:apply(function() lock:acquire() end)
      kit.same({ true, "abandoned" }, { lock:acquire(T) == lock, select(2, lock:acquire(T)) or "abandoned" })
    end)

    it("gives errors as they are, with the worker's traceback", function()
      local pool <close> = make(kind)
      local value = { code = 7 }
      local f = pool:submit(function() error(value) end)
      kit.same(value, kit.error_of(function() f:result(T) end))
      kit.same({ false, value, n = 2 }, table.pack(f:wait(T)))
      kit.same(value, f:error())
      f = pool:submit(function()
        local function deep() error("on purpose") end
        deep()
      end)
      local err = kit.error_of(function() f:result(T) end)
      assert.is_truthy(err:find "^spec/pool_spec.lua:%d+: on purpose$", err)
      local traceback = f:traceback()
      assert.is_truthy(traceback:find("upvalue 'deep'", 1, true) or traceback:find("local 'deep'", 1, true), traceback)
      assert.is_truthy(traceback:find "submitted at spec/pool_spec.lua:%d+$", traceback)
      assert.is_nil(pool:submit(function() end):traceback())
      err = kit.error_of(function() pool:apply(error, "plain", 0) end)
      assert.are.equal("plain", err)
      assert.is_truthy(pool:traceback():find "^plain\nstack traceback:", pool:traceback())
      kit.same({ false, nil, n = 2 }, table.pack(pool:submit(error):wait(T)))
    end)

    it("makes what cannot cross the task's error, or refuses it at once", function()
      local pool <close> = make(kind)
      local f = pool:submit(function() return 1, coroutine.create(print) end)
      local err = kit.error_of(function() f:result(T) end)
      assert.is_truthy(err:find("cannot transfer a thread (at argument #2)", 1, true), err)
      f = pool:submit(function()
        error(setmetatable({ coroutine.create(print) }, { __tostring = function() return "text" end }))
      end)
      assert.are.equal("text", kit.error_of(function() f:result(T) end))
      kit.raises("cannot transfer a thread (at argument #2)", function()
        pool:submit(print, 1, coroutine.create(print))
      end)
      kit.raises("bad argument #1 to 'submit' (function expected, got no value)", function() pool:submit() end)
      assert.are.equal(1, pool:apply(function() return 1 end))
      f = pool:submit(function() concur.exit("by exit", 2) end)
      kit.same({ "by exit", 2, n = 2 }, table.pack(f:result(T)))
    end)

    it("tells what a task is doing", function()
      local pool <close> = make(kind, { workers = 1 })
      local started, go = concur.event(), concur.event()
      local first = pool:submit(function()
        started:set()
        go:wait()
      end)
      local second = pool:submit(function() end)
      assert(started:wait(T))
      kit.same({ true, false, false, false }, { first:running(), first:done(), second:running(), second:done() })
      local stats = pool:stats()
      kit.same({ 1, 1, 1, 0, 0 }, { stats.workers, stats.queued, stats.running, stats.done, stats.failed })
      go:set()
      second:result(T)
      first:result(T)
      pool:submit(error):wait(T)
      stats = pool:stats()
      kit.same({ 0, 2, 1 }, { stats.queued, stats.done, stats.failed })
    end)

    it("calls back in the submitting thread", function()
      local pool <close> = make(kind)
      local results, errors, n = {}, {}, 20
      for i = 1, n do
        pool:apply_async(function(x)
          if x % 5 == 0 then error({ x }) end
          return x, concur.current()
        end, { i }, function(x, who)
          results[#results + 1] = x
          assert(who ~= concur.current())
        end, function(err) errors[#errors + 1] = err[1] end)
      end
      pool:apply_async(function(...) assert(select("#", ...) == 0) end)
      pool:apply_async(function(...) assert(select("#", ...) == 3) end, { n = 3 }):result(T)
      pool:close()
      assert.is_true(pool:join(T))
      table.sort(results)
      table.sort(errors)
      kit.same({ 16, 4 }, { #results, #errors })
      kit.same({ 5, 10, 15, 20 }, errors)
      kit.raises("bad argument #3 to 'apply_async' (function expected, got number)", function()
        pool:apply_async(print, {}, 1)
      end)
    end)

    it("runs what tasks submit to it, however deep", function()
      local pool <close> = make(kind)
      local function fib(p, n)
        if n < 2 then return n end
        local a, b = p:submit(fib, p, n - 1), p:submit(fib, p, n - 2)
        return a:result() + b:result()
      end
      assert.are.equal(55, pool:submit(fib, pool, 10):result(T))
      local function chain(p, n)
        if n == 0 then return 0 end
        return 1 + p:apply(chain, p, n - 1)
      end
      local depth = kind.name == "process" and 30 or 100
      assert.are.equal(depth, pool:submit(chain, pool, depth):result(T))
      local function nested(p, n)
        if n == 0 then return 1 end
        local sum = 0
        for _, x in ipairs(p:map(function() return nested(p, n - 1) end, { 1, 2, 3 })) do sum = sum + x end
        return sum
      end
      assert.are.equal(9, pool:apply(nested, pool, 2))
      assert.are.equal(6, pool:apply(function(p)
        local list, sum = {}, 0
        for i = 1, 3 do list[i] = p:submit(function() return i end) end
        for f in concur.as_completed(list) do sum = sum + f:result() end
        return sum
      end, pool))
    end)

    it("runs the children of a task in their order, before what others have brought", function()
      local pool <close> = make(kind, { workers = 1 })
      local order, go = concur.list(), concur.event()
      local f = pool:submit(function(p)
        go:wait()
        local list = {}
        for i = 1, 3 do list[i] = p:submit(function() order:append(i) end) end
        concur.wait_all(list)
      end, pool)
      local other = pool:submit(function() order:append("other") end)
      go:set()
      f:result(T)
      other:result(T)
      kit.same({ 1, 2, 3, "other" }, order:copy())
    end)

    it("may be used by others who have its handle", function()
      local pool <close> = make(kind)
      for _, by in ipairs(kit.kinds) do
        local t = by.spawn(function()
          local f = pool:submit(function(x) return x + 1 end, 41)
          local r = pool:map(function(x) return 2 * x end, { 1, 2, 3 })
          return f, f:result(T), r[3], pool:apply(function() return "applied" end)
        end)
        local f, a, b, c = kit.join(t)
        kit.same({ 42, 6, "applied" }, { a, b, c })
        assert.are.equal(42, f:result(0))
      end
    end)

    it("calls off what is pending, and stops what runs", function()
      local pool <close> = make(kind, { workers = 1 })
      local started, ran, closed = concur.semaphore(0), concur.value(0), concur.event()
      local endless = kit.endless(kind)
      local function busy()
        started:release()
        endless()
      end
      local function waiting()
        local scope <close> = setmetatable({}, { __close = function() closed:set() end })
        started:release()
        concur.event():wait(100)
        return scope
      end
      for _, fn in ipairs { busy, waiting } do
        local running, pending = pool:submit(fn), pool:submit(function() ran:add(1) end)
        assert(started:acquire(T))
        assert.is_true(pending:cancel())
        assert.is_true(pending:cancelled())
        assert.is_true(running:cancel())
        assert.is_true(kit.error_of(function() running:result(T) end) == concur.CANCELLED)
        assert.is_true(running:cancelled())
        assert.is_false(running:cancel())
        assert.is_true(select(2, pending:wait(0)) == concur.CANCELLED)
      end
      assert.is_true(closed:wait(T))
      assert.are.equal("next", pool:apply(function()
        concur.checkpoint()
        concur.sleep(0.001)
        return "next"
      end))
      assert.are.equal(0, ran:get())
      assert.are.equal(1, pool:stats().workers)
      assert.is_true(pool:submit(function()
        local f = pool:submit(function() end)
        return f:cancel() and f:cancelled()
      end):result(T))
    end)

    it("a cancellation hits the task that it is for, and no other", function()
      local pool <close> = make(kind, { workers = 1 })
      local hit = 0
      for i = 1, h.sanitized and 50 or 400 do
        local f = pool:submit(function()
          for _ = 1, 50 do concur.checkpoint() end
        end)
        if i % 3 == 0 then concur.yield() end
        if f:cancel() then hit = hit + 1 end
        local ok, err = f:wait(T)
        assert(ok or err == concur.CANCELLED, tostring(err))
        assert.is_true(pool:apply(function()
          local n = 0
          for _ = 1, 100 do n = n + 1 end
          concur.checkpoint()
          return n == 100
        end))
      end
      assert(hit > 0)
    end)

    it("is closed, and joined", function()
      local pool = make(kind)
      kit.raises("cannot join an open pool (close it first)", function() pool:join() end)
      local go, list = concur.event(), {}
      for i = 1, 5 do
        list[i] = pool:submit(function()
          go:wait(T)
          return i
        end)
      end
      pool:close()
      pool:close()
      kit.raises("the pool is closed", function() pool:submit(print) end)
      kit.raises("the pool is closed", function() pool:map(print, { 1 }) end)
      assert.is_false(pool:join(0.01))
      go:set()
      assert.is_true(pool:join(T))
      assert.is_true(pool:join())
      for i = 1, 5 do assert.are.equal(i, (list[i]:result(0))) end
      assert.are.equal(0, pool:stats().workers)
      local unused = make(kind)
      unused:close()
      assert.is_true(unused:join(T))
    end)

    it("closes and joins at the end of its scope, also after an error", function()
      local done = concur.value(0)
      local ok, err = pcall(function()
        local pool <close> = make(kind)
        for _ = 1, 5 do pool:submit(function() done:add(1) end) end
        error("on purpose", 0)
      end)
      kit.same({ false, "on purpose" }, { ok, err })
      assert.are.equal(5, done:get())
    end)

    it("terminates at once, whatever runs", function()
      local pool = make(kind, { workers = 3 })
      local started = concur.semaphore(0)
      local endless = kit.endless(kind)
      local list = {
        pool:submit(function()
          started:release()
          endless()
        end),
        pool:submit(function()
          started:release()
          concur.event():wait(100)
        end),
        pool:submit(function()
          started:release()
          os.execute "sleep 0.5"
        end),
      }
      for _ = 1, 3 do assert(started:acquire(T)) end
      for i = 4, 10 do list[i] = pool:submit(function() end) end
      local seconds = kit.seconds(function() pool:terminate() end)
      assert(h.sanitized or seconds < 0.1, seconds)
      for i = 1, 10 do
        assert.is_true(list[i]:cancelled())
        assert.is_true(select(2, list[i]:wait(0)) == concur.CANCELLED)
      end
      kit.raises("the pool was terminated", function() pool:submit(print) end)
      pool:terminate()
      assert.is_true(pool:join(T))
      kit.same({ 0, 0 }, { pool:stats().workers, pool:stats().queued })
    end)

    it("that is collected finishes what it has, and stops its workers", function()
      local function begin()
        local pool = make(kind)
        local list = {}
        for i = 1, 10 do list[i] = pool:submit(function() return i end) end
        return list
      end
      local list = begin()
      collectgarbage()
      collectgarbage()
      for i = 1, 10 do assert.are.equal(i, (list[i]:result(T))) end
      kit.eventually("the workers have ended", function()
        collectgarbage()
        return #concur.threads() == 1 and #concur.active_children() == 0
      end)
    end)

    it("lets idle workers go, and starts new ones", function()
      local pool <close> = make(kind, { idle_timeout = 0.02 })
      pool:map(function() concur.sleep(0.001) end, { 1, 2, 3, 4 })
      kit.eventually("no workers", function() return pool:stats().workers == 0 end)
      assert.are.equal(3, pool:apply(function(x) return x end, 3))
    end)

    it("replaces a worker after max_tasks", function()
      local pool <close> = make(kind, { workers = 1, max_tasks = 2 })
      local counts = {}
      for i = 1, 6 do
        counts[i] = pool:apply(function()
          _G.count = (_G.count or 0) + 1
          return _G.count
        end)
      end
      kit.same({ 1, 2, 1, 2, 1, 2 }, counts)
    end)

    it("lets submitters wait when its queue is full", function()
      local pool <close> = make(kind, { workers = 1, max_queue = 2 })
      local go, started = concur.event(), concur.event()
      local first = pool:submit(function()
        started:set()
        go:wait(T)
      end)
      assert(started:wait(T))
      pool:submit(function() end)
      pool:submit(function() end)
      local t = concur.spawn(function() return pool:submit(function() return "at last" end):result(T) end)
      kit.until_waiting(t)
      assert.are.equal(2, pool:stats().queued)
      go:set()
      assert.are.equal("at last", kit.join(t))
      first:result(T)
      assert.is_true(pool:apply(function() -- a task does not wait for room
        local list = {}
        for i = 1, 10 do list[i] = pool:submit(function() end) end
        return #concur.wait_all(list) == 10
      end))
    end)

    it("prepares each worker with the initializer", function()
      local n = concur.value(0)
      local pool <close> = make(kind, { initializer = function(a, ...)
        _G.setting = a + select("#", ...)
        n:add(1)
      end, initargs = { 40, nil, nil, n = 3 } })
      for _ = 1, 10 do
        assert.are.equal(42, pool:apply(function() return _G.setting end))
      end
      assert(n:get() >= 1 and n:get() <= 2)
    end)

    it("is broken by an initializer that fails", function()
      local pool = make(kind, { initializer = function() error({ "no" }) end })
      local f = pool:submit(print)
      kit.same({ "no" }, kit.error_of(function() f:result(T) end))
      assert.is_truthy(f:traceback() == nil or f:traceback():find "stack traceback", f:traceback())
      kit.same({ "no" }, kit.error_of(function() pool:submit(print) end))
      kit.same({ "no" }, kit.error_of(function() pool:map(print, { 1, 2, 3 }) end))
      pool:close()
      assert.is_true(pool:join(T))
      pool = make(kind, { initializer = function() error("text", 0) end })
      assert.are.equal("text", kit.error_of(function() pool:map(print, { 1, 2, 3 }) end))
    end)

    it("reports a deadlock instead of hanging", function()
      local pool = make(kind, { workers = 1 })
      local err = kit.error_of(function() concur.future():result() end)
      assert.is_truthy(err:find "deadlock", err)
      local q = concur.queue()
      local f = pool:submit(function() return q:get() end)
      pool:submit(function() q:put("never") end)
      local ok, first = pcall(f.result, f)
      local message = ok and "" or tostring(first)
      assert.is_truthy(message:find "deadlock: every thread waits", message)
      pool:terminate()
      local own = concur.queue()
      pool = make(kind)
      f = pool:submit(function() return own:get():result() end)
      own:put(f)
      assert.is_truthy(select(2, f:wait(T)):find "a task cannot wait for its own future")
      assert.is_truthy(select(2, pool:submit(function()
        pool:close()
        pool:join()
      end):wait(T)):find "a task cannot join its own pool")
    end)

    it("leaves nothing behind", function()
      local empty = kit.live()
      for round = 1, 3 do
        local pool <close> = make(kind)
        local list = {}
        for i = 1, 20 do list[i] = pool:submit(function(x) return { x, pool } end, { i }) end
        for i = 1, 20, 2 do list[i]:cancel() end
        concur.wait_all(list, T)
        pool:map(function(x) return { x } end, { 1, 2, 3, ("x"):rep(500) })
        pcall(pool.map, pool, function() error({}) end, { 1, 2, 3 })
        for i in pool:imap(function(x) return x end, { 1, 2, 3, 4, 5, 6 }) do
          if i == 2 then break end
        end
        if round == 2 then pool:terminate() end
      end
      kit.settled(empty)
    end)
  end)
end)

describe("a pool's maker", function()
  it("checks its options", function()
    kit.raises("unknown option 'worker' for a pool", function() concur.pool { worker = 1 } end)
    for _, bad in ipairs { 0, -1, 1.5, "2", {} } do
      kit.raises("bad option 'workers' (a positive integer expected, got …", function()
        concur.pool { workers = bad }
      end)
    end
    kit.raises("bad option 'kind' (\"thread\" or \"process\" expected)", function() concur.pool { kind = "fiber" } end)
    kit.raises("bad option 'initializer' (function expected, got number)", function()
      concur.pool { initializer = 1 }
    end)
    kit.raises("bad option 'initargs' (table expected, got number)", function() concur.pool { initargs = 1 } end)
    kit.raises("bad option 'idle_timeout' (seconds, not negative, expected)", function()
      concur.pool { idle_timeout = -1 }
    end)
    kit.raises("bad argument #1 to 'thread_pool' (the number of workers must be positive)", function()
      concur.thread_pool(0)
    end)
    kit.raises("bad argument #1 to 'process_pool' (number expected, got string)", function()
      concur.process_pool "x"
    end)
    kit.raises("bad argument #1 to 'pool' (table expected, got number)", function() concur.pool(3) end)
    kit.raises("cannot transfer a thread (at the value itself)", function()
      concur.pool { initializer = print, initargs = { coroutine.create(print) } }
    end)
  end)

  it("has names and numbers for all kinds", function()
    for _, pool in ipairs { concur.pool(), concur.thread_pool(), concur.process_pool(), concur.thread_pool(3),
                            concur.process_pool { workers = 3, name = "mine" } } do
      local closing <close> = pool
      assert.is_truthy(tostring(closing):find "^concur%.pool: 0x%x+ %(.+, open, %d+ %l+%)$", tostring(closing))
      assert.are.equal(0, pool:stats().workers)
    end
    local pool <close> = concur.process_pool(1)
    assert.are_not.equal(concur.current_process().pid, pool:apply(function() return concur.current_process().pid end))
  end)
end)
