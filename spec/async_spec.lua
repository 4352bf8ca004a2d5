-- concur.async: tasks of one loop, and what they wait for.
local concur = require "concur"
local kit = require "spec.support.kit"

local async = concur.async
local T = kit.TIMEOUT

-- What a function returns as the main task of a loop; a hang is an error.
local function run(fn, ...)
  local results = table.pack(async.run(function(...)
    return async.timeout(T, function(...) return "in time", fn(...) end, ...)
  end, ...))
  assert(results[1] == "in time", "the loop takes too long")
  return table.unpack(results, 2, results.n)
end

-- Until that many tasks but the caller wait.
local function until_waiting(...)
  for _, task in ipairs {...} do
    while task:status() ~= "waiting" and not task:done() do async.yield() end
  end
end

describe("async.run", function()
  it("returns the results and raises the error of its function", function()
    kit.same({ 1, nil, "x", nil, n = 4 }, table.pack(async.run(function(...) return ... end, 1, nil, "x", nil)))
    kit.same({ n = 0 }, table.pack(async.run(function() end)))
    local err = {}
    kit.same(err, kit.error_of(function() async.run(function() error(err) end) end))
    kit.raises("bad argument #1 to 'run' (function expected, got nil)", function() async.run() end)
  end)

  it("refuses a loop within a loop, and tasks outside", function()
    run(function()
      kit.raises("async.run() called while a loop runs in this thread", function() async.run(print) end)
    end)
    kit.raises("no event loop is running (begin with async.run)", function() async.spawn(print) end)
    kit.raises("not in a task of an event loop (begin with async.run)", function() async.sleep(0) end)
    kit.raises("not in a task of an event loop (begin with async.run)", function() async.gather() end)
  end)

  it("cancels what is left when its function ends, and awaits its clean-up", function()
    local log = {}
    run(function()
      for i = 1, 3 do
        async.spawn(function()
          local _ <close> = setmetatable({}, { __close = function()
            async.sleep(0.001)
            log[#log + 1] = i
          end })
          concur.event():wait()
        end)
      end
      async.spawn(function() log[#log + 1] = "never" end):cancel()
      async.yield()
    end)
    table.sort(log)
    kit.same({ 1, 2, 3 }, log)
  end)

  it("reports the error of a task that nobody awaited", function()
    local reports = {}
    local hook = concur.excepthook
    concur.excepthook = function(thread, err, trace)
      reports[#reports + 1] = { thread == concur.current(), err, trace:find("stack traceback", 1, true) ~= nil }
    end
    run(function()
      async.spawn(function() error("alone", 0) end)
      local seen = async.spawn(function() error("seen", 0) end)
      async.yield()
      assert(seen:join() == false)
      local cancelled = async.spawn(function() async.sleep(T) end)
      async.yield()
      cancelled:cancel()
      async.yield()
    end)
    concur.excepthook = hook
    kit.same({ { true, "alone", true } }, reports)
  end)

  it("works in threads and processes, one loop each, with objects between them", function()
    for _, kind in ipairs(kit.kinds) do
      local q, answers = concur.queue(), concur.queue()
      local workers = {}
      for i = 1, 2 do
        workers[i] = kind.spawn(function()
          local loops = require "concur.async"
          return loops.run(function()
            local tasks = {}
            for j = 1, 10 do
              tasks[j] = loops.spawn(function()
                local n = 0
                for item in q:items() do
                  answers:put(item * 2)
                  n = n + 1
                end
                return n
              end)
            end
            local sum = 0
            for _, task in ipairs(tasks) do sum = sum + task:await() end
            return sum
          end)
        end)
      end
      local sum = run(function()
        local total = 0
        local reader = async.spawn(function()
          for _ = 1, 1000 do total = total + answers:get() end
        end)
        for i = 1, 1000 do
          q:put(i)
          if i % 100 == 0 then async.yield() end
        end
        reader:await()
        q:close()
        return total
      end)
      assert.are.equal(1000 * 1001, sum)
      local done = 0
      for _, worker in ipairs(workers) do done = done + kit.join(worker) end
      assert.are.equal(1000, done)
    end
  end)
end)

describe("a task", function()
  it("can be awaited many times, by many", function()
    kit.same({ 1, 2, 1, 2, 1, 2 }, { run(function()
      local task = async.spawn(function() async.sleep(0.001) return 1, 2 end)
      local other = async.spawn(function() return task:await() end)
      local a, b = task:await()
      local c, d = other:await()
      return a, b, c, d, task:await()
    end) })
  end)

  it("raises its error where it is awaited, with both tracebacks", function()
    run(function()
      local err = { "value" }
      local task = async.spawn(function() error(err) end)
      local outer = async.spawn(function() task:await() end)
      kit.same(err, kit.error_of(function() outer:await() end))
      assert(outer:traceback():find("awaited task:", 1, true))
      assert.are.equal("failed", task:status())
      kit.same({ false, err }, { task:join() })
    end)
  end)

  it("does not begin before others let it, and takes turns", function()
    local log = {}
    run(function()
      local function f(name)
        for i = 1, 3 do
          log[#log + 1] = name .. i
          async.yield()
        end
      end
      local a, b = async.spawn(f, "a"), async.spawn(f, "b")
      assert.are.equal("ready", a:status())
      assert.are.equal(0, #log)
      a:await()
      b:await()
    end)
    assert.are.equal("a1 b1 a2 b2 a3 b3", table.concat(log, " "))
  end)

  it("waits with a timeout", function()
    run(function()
      local task = async.spawn(function() async.sleep(T) end)
      kit.same({ nil, "timeout", n = 2 }, table.pack(task:await(0.001)))
      kit.same({ nil, "timeout", n = 2 }, table.pack(task:join(0)))
      assert.is_true(task:cancel())
      kit.same({ false, concur.CANCELLED }, { task:join() })
      assert.is_false(task:cancel())
      kit.raises("a task cannot await itself", function() async.current():await() end)
    end)
  end)

  it("that is cancelled raises at its wait, and at each later one", function()
    local raised = {}
    run(function()
      local q = concur.queue()
      local task = async.spawn(function()
        for i = 1, 3 do
          local ok, err = pcall(q.get, q)
          raised[i] = not ok and err == concur.CANCELLED
        end
        return "caught"
      end)
      until_waiting(task)
      task:cancel()
      assert.are.equal("caught", task:await())
      q:put("left")
      assert.are.equal("left", q:get(0))
    end)
    kit.same({ true, true, true }, raised)
  end)

  it("that was not begun never runs when it is cancelled", function()
    local ran = false
    run(function()
      local task = async.spawn(function() ran = true end)
      task:cancel()
      assert.are.equal("cancelled", task:status())
      async.yield()
    end)
    assert.is_false(ran)
  end)

  it("is as well a coroutine: yields let others run, generators may wait", function()
    kit.same({ 1, 2, 3, "end" }, run(function()
      local q = concur.queue()
      local function items()
        return coroutine.wrap(function()
          for _ = 1, 3 do coroutine.yield((q:get())) end
        end)
      end
      async.spawn(function()
        for i = 1, 3 do
          async.sleep(0.001)
          q:put(i)
        end
      end)
      local list = {}
      for i in items() do list[#list + 1] = i end
      list[#list + 1] = "end"
      return list
    end))
  end)
end)

describe("inside a task", function()
  -- Each entry waits in one task for what another does.
  local waits = {
    { "queue:get", function()
      local q = concur.queue()
      return function() return q:get() end, function() q:put(7) end
    end, 7 },
    { "queue:put", function()
      local q = concur.queue(1)
      q:put(0)
      return function() return q:put(7) end, function() assert(q:get() == 0) end
    end, true },
    { "queue:join", function()
      local q = concur.queue()
      q:put(1)
      return function() return q:join() end, function() q:get() q:task_done() end
    end, true },
    { "queue:put_many", function()
      local q = concur.queue(2)
      return function() return q:put_many { 1, 2, 3, 4, 5, 6 } end, function()
        for i = 1, 6 do assert(q:get() == i) end
      end
    end, 6 },
    { "queue:get_many", function()
      local q = concur.queue()
      return function() return q:get_many(5)[1] end, function() q:put(7) end
    end, 7 },
    { "queue:items", function()
      local q = concur.queue()
      return function() local n = 0 for i in q:items() do n = n + i end return n end,
        function() q:put(3) q:put(4) q:close() end
    end, 7 },
    { "lifo:get", function()
      local q = concur.lifo()
      return function() return q:get() end, function() q:put(7) end
    end, 7 },
    { "priority_queue:put", function()
      local q = concur.priority_queue(1)
      q:put(0)
      return function() return q:put(7) end, function() q:get() end
    end, true },
    { "connection:recv", function()
      local a, b = concur.pipe()
      return function() return a:recv() end, function() b:send("x") end
    end, "x" },
    { "connection:poll", function()
      local a, b = concur.pipe()
      return function() return a:poll(T) end, function() b:send("x") end
    end, true },
    { "event:wait", function()
      local e = concur.event()
      return function() return e:wait() end, function() e:set() end
    end, true },
    { "latch:wait", function()
      local l = concur.latch(1)
      return function() return l:wait() end, function() l:count_down() end
    end, true },
    { "semaphore:acquire", function()
      local s = concur.semaphore(0)
      return function() return s:acquire() == s end, function() s:release() end
    end, true },
    { "lock:acquire", function()
      local l = concur.lock()
      l:acquire()
      return function() return l:acquire() == l and l:locked() end, function() l:release() end
    end, true },
    { "lock:with", function()
      local l = concur.lock()
      l:acquire()
      return function() return l:with(function(...) async.yield() return ... end, 7) end, function() l:release() end
    end, 7 },
    { "rwlock:write", function()
      local w = concur.rwlock()
      local hold = concur.queue()
      concur.spawn(function() local _ <close> = w:read() hold:put(1) hold:join() end)
      hold:get()
      return function() return concur.type(w:write()) end, function() hold:task_done() end
    end, "hold" },
    { "barrier:wait", function()
      local b = concur.barrier(2)
      return function() return b:wait() end, function() b:wait() end
    end, 1 },
    { "once:run", function()
      local once, begun, go = concur.once(), concur.event(), concur.event()
      concur.spawn(function() once:run(function() begun:set() go:wait() return 7 end) end)
      begun:wait()
      return function() return once:run(error) end, function() go:set() end
    end, 7 },
    { "thread:join", function()
      local go = concur.event()
      local t = concur.spawn(function() go:wait() return 7 end)
      return function() return select(2, t:join()) end, function() go:set() end
    end, 7 },
    { "process:join", function()
      local go = concur.event()
      local t = concur.process(function() go:wait() return 7 end):start()
      return function() return select(2, t:join()) end, function() go:set() end
    end, 7 },
    { "future:result", function()
      local f = concur.future()
      return function() return f:result() end, function() f:set_result(7) end
    end, 7 },
    { "concur.wait", function()
      local e, q = concur.event(), concur.queue()
      return function() return concur.wait({ q, e })[1] == e end, function() e:set() end
    end, true },
    { "concur.wait_all", function()
      local a, b = concur.future(), concur.future()
      return function() return #concur.wait_all { a, b } end, function()
        a:set_result()
        async.yield()
        b:set_result()
      end
    end, 2 },
    { "concur.as_completed", function()
      local a, b = concur.future(), concur.future()
      return function()
        local n = 0
        for f in concur.as_completed { a, b } do n = n + f:result() end
        return n
      end, function()
        b:set_result(3)
        async.yield()
        a:set_result(4)
      end
    end, 7 },
    { "pool:apply", function()
      local go = concur.event()
      local pool = concur.thread_pool(1)
      return function()
        local result = pool:apply(function() go:wait() return 7 end)
        pool:terminate()
        return result
      end, function() go:set() end
    end, 7 },
    { "condition:wait", function()
      local c = concur.condition()
      return function() local _ <close> = c:acquire() return c:wait() end,
        function() local _ <close> = c:acquire() c:notify() end
    end, true },
    { "condition:wait_for", function()
      local c, v = concur.condition(), nil
      return function() local _ <close> = c:acquire() return c:wait_for(function() return v end, T) end, function()
        for i = 1, 3 do
          local _ <close> = c:acquire()
          if i == 3 then v = 7 end
          c:notify()
        end
      end
    end, 7 },
    { "async.to_thread", function()
      local go = concur.event()
      return function() return async.to_thread(function(x) go:wait() return x end, 7) end, function() go:set() end
    end, 7 },
  }

  for _, entry in ipairs(waits) do
    it(entry[1] .. " suspends the task, not the thread", function()
      kit.same(entry[3], run(function()
        local wait, act = entry[2]()
        local task = async.spawn(wait)
        until_waiting(task)
        act()
        return (task:await())
      end))
    end)

    it(entry[1] .. " can be cancelled", function()
      run(function()
        local wait, act = entry[2]()
        local task = async.spawn(wait)
        until_waiting(task)
        task:cancel()
        kit.same({ false, concur.CANCELLED }, { task:join() })
        -- what the other does then must not be taken by one that is gone, except by meeting it
        if not entry[1]:find("barrier", 1, true) and not entry[1]:find("put_many", 1, true) then act() end
      end)
    end)
  end

  it("timeouts end a wait", function()
    run(function()
      local q, e, l = concur.queue(), concur.event(), concur.lock()
      local full, c = concur.queue(1), concur.condition()
      full:put(1)
      l:acquire()
      kit.same({ nil, "empty", n = 2 }, table.pack(q:get(0.002)))
      kit.same({ false, "full", n = 2 }, table.pack(full:put(2, 0.002)))
      assert.is_false(e:wait(0.002))
      kit.same({}, concur.wait({ q, e }, 0.002))
      kit.same({ nil, "timeout", n = 2 }, table.pack(concur.future():result(0.002)))
      local other = async.spawn(function() return l:acquire(0.002) end)
      assert.is_false(other:await())
      c:acquire()
      assert.is_false(c:wait(0.002))
      assert.is_nil(c:wait_for(function() end, 0.002))
      c:release()
    end)
  end)

  it("rlocks belong to the task", function()
    run(function()
      local r = concur.rlock()
      r:acquire()
      r:acquire()
      local other = async.spawn(function()
        kit.raises("release of an rlock that another thread holds", function() r:release() end)
        assert.is_false(r:acquire(0))
        local _ <close> = r:acquire()
        return r:count()
      end)
      until_waiting(other)
      assert.are.equal(2, r:count())
      r:release()
      r:release()
      assert.are.equal(1, other:await())
      assert.are.equal(0, r:count())
    end)
  end)

  it("an rlock that a task leaves held is abandoned", function()
    run(function()
      local r = concur.rlock()
      async.spawn(function() r:acquire() end):await()
      local held, note = r:acquire(T)
      kit.same({ true, "abandoned" }, { held == r, note })
      r:release()
    end)
  end)

  it("waits are served in order of arrival", function()
    local order = {}
    run(function()
      local l = concur.lock()
      l:acquire()
      local tasks = {}
      for i = 1, 20 do
        tasks[i] = async.spawn(function()
          local _ <close> = l:acquire()
          order[#order + 1] = i
          async.yield()
        end)
        until_waiting(tasks[i])
      end
      l:release()
      async.gather(tasks)
    end)
    for i = 1, 20 do assert.are.equal(i, order[i]) end
  end)

  it("a cancelled get has delivered its item or left it, whenever that comes", function()
    run(function()
      local q = concur.queue()
      local got, put = 0, 0
      for i = 1, 300 do
        local task = async.spawn(function()
          q:get()
          got = got + 1
        end)
        if i % 3 > 0 then until_waiting(task) end
        if i % 2 == 0 then q:put(i) put = put + 1 end
        if i % 5 > 0 then task:cancel() else q:put(i) put = put + 1 end
        task:join()
      end
      assert.are.equal(put, got + q:qsize())
    end)
  end)

  it("clean-up may wait after a cancellation", function()
    local log = {}
    run(function()
      local q = concur.queue()
      local task = async.spawn(function()
        local _ <close> = setmetatable({}, { __close = function() log[#log + 1] = q:get() end })
        async.sleep(T)
      end)
      until_waiting(task)
      task:cancel()
      until_waiting(task)
      q:put("cleaned")
      kit.same({ false, concur.CANCELLED }, { task:join() })
    end)
    kit.same({ "cleaned" }, log)
  end)

  it("a call that cannot suspend blocks the thread, and ends well", function()
    assert(not async.in_task())
    run(function()
      assert(async.in_task() and coroutine.wrap(async.in_task)())
      local q = concur.queue()
      concur.spawn(function() q:put(2) end)
      -- within a comparison of table.sort no coroutine can yield
      local list = { 3, 1 }
      table.sort(list, function(a, b)
        assert(not async.in_task())
        if q then assert(q:get(T) == 2) end
        q = nil
        return a < b
      end)
      kit.same({ 1, 3 }, list)
    end)
  end)
end)

describe("async.gather", function()
  it("returns the first result of each, in order", function()
    run(function()
      kit.same({ 1, nil, 3, n = 3 }, table.pack(async.gather(
        function() async.sleep(0.003) return 1, "more" end, function() end, async.spawn(function() return 3 end))))
      kit.same({ 1, 2, n = 2 }, async.gather { function() return 1 end, function() return 2 end })
      kit.same({ n = 0 }, table.pack(async.gather()))
    end)
  end)

  it("raises the first error when the others have been cancelled", function()
    local cleaned = false
    run(function()
      local function long()
        local _ <close> = setmetatable({}, { __close = function() cleaned = true end })
        async.sleep(T)
      end
      assert.are.equal("bad", kit.error_of(function()
        async.gather(long, function() async.yield() error("bad", 0) end)
      end))
      assert.is_true(cleaned)
    end)
  end)

  it("cancels all when its task is cancelled", function()
    run(function()
      local inner = async.spawn(function() async.sleep(T) end)
      local outer = async.spawn(function() async.gather(inner) end)
      until_waiting(outer, inner)
      outer:cancel()
      kit.same({ false, concur.CANCELLED }, { outer:join() })
      assert.are.equal("cancelled", inner:status())
    end)
  end)
end)

describe("async.timeout", function()
  it("gives the results in time, or cancels", function()
    run(function()
      kit.same({ 1, 2, n = 2 }, table.pack(async.timeout(T, function(...) return ... end, 1, 2)))
      kit.same({ nil, "timeout", n = 2 }, table.pack(async.timeout(0.002, async.sleep, T)))
      kit.same({ nil, "timeout", n = 2 }, table.pack(async.timeout(0, concur.sleep, T)))
      async.sleep(0) -- it is as before
      assert.are.equal("x", kit.error_of(function() async.timeout(T, error, "x") end))
    end)
  end)

  it("can be nested, and an outer one wins", function()
    run(function()
      local reached = false
      kit.same({ nil, "timeout", n = 2 }, table.pack(async.timeout(0.002, function()
        async.timeout(T, async.sleep, T)
        reached = true
      end)))
      assert.is_false(reached)
      kit.same({ "inner", n = 1 }, table.pack(async.timeout(T, function()
        local r, reason = async.timeout(0.002, async.sleep, T)
        assert(r == nil and reason == "timeout")
        return "inner"
      end)))
    end)
  end)

  it("leaves a cancellation that is the task's own", function()
    run(function()
      local task = async.spawn(function() return async.timeout(T, async.sleep, T) end)
      until_waiting(task)
      task:cancel()
      kit.same({ false, concur.CANCELLED }, { task:join() })
    end)
  end)
end)

describe("a thread that runs a loop", function()
  it("is cancelled with its tasks", function()
    local log = concur.queue()
    local t = concur.spawn(function()
      local loops = require "concur.async"
      loops.run(function()
        loops.spawn(function()
          local _ <close> = setmetatable({}, { __close = function() log:put "closed" end })
          concur.event():wait()
        end)
        loops.yield()
        log:put "ready"
        concur.event():wait()
      end)
    end)
    assert.are.equal("ready", log:get(T))
    kit.until_waiting(t)
    t:cancel()
    kit.same({ false, concur.CANCELLED }, { t:join(T) })
    assert.are.equal("closed", log:get(0))
  end)

  it("runs a hundred thousand tasks", function()
    run(function()
      local n = 0
      local tasks = {}
      for i = 1, 100000 do
        tasks[i] = async.spawn(function()
          async.sleep(0.01)
          n = n + 1
        end)
      end
      for i = 1, #tasks do tasks[i]:await() end
      assert.are.equal(100000, n)
    end)
  end)

  it("leaves nothing when it ends", function()
    collectgarbage()
    collectgarbage()
    local before = concur.info().objects
    run(function()
      local q = concur.queue()
      for _ = 1, 100 do async.spawn(function() q:get() end) end
      async.yield()
    end)
    collectgarbage()
    collectgarbage()
    local after = concur.info().objects
    assert.are.equal(before.loop, after.loop)
    assert.are.equal(before.queue, after.queue)
  end)
end)
