-- concur.async: mistakes, cancellations and errors at the wrong moment.
local concur = require "concur"
local kit = require "spec.support.kit"

local async = concur.async
local T = kit.TIMEOUT

-- What a function returns as the main task of a loop; a hang is an error.
local function run(fn)
  local results = table.pack(async.run(function() return async.timeout(T, function() return "in time", fn() end) end))
  assert(results[1] == "in time", "the loop takes too long")
  return table.unpack(results, 2, results.n)
end

local function until_waiting(task)
  while task:status() ~= "waiting" and not task:done() do async.yield() end
end

local function on_close(fn) return setmetatable({}, { __close = fn }) end

describe("a wait of a task", function()
  it("that was left by a cancellation does not end a later sleep", function()
    run(function()
      local go = concur.event()
      local slow = async.spawn(function() go:wait() end)
      local sleeper = async.spawn(function()
        kit.same({ nil, "timeout" }, { async.timeout(0.001, slow.await, slow) })
        go:set()
        local start = concur.now()
        async.sleep(0.05)
        return concur.now() - start
      end)
      assert(sleeper:await() >= 0.05)
    end)
  end)

  it("for a connection that another task closes ends", function()
    run(function()
      local a, b = concur.pipe()
      local q = concur.queue()
      local task = async.spawn(function()
        local first = table.pack(a:recv())
        return first, table.pack(q:get(0.001))
      end)
      until_waiting(task)
      a:close()
      local first, second = task:await()
      kit.same({ nil, "closed", n = 2 }, first)
      kit.same({ nil, "empty", n = 2 }, second)
      b:close()
    end)
  end)

  it("keeps its coroutine from others", function()
    run(function()
      local q = concur.queue()
      local co
      local task = async.spawn(function()
        co = coroutine.create(function() return q:get() end)
        return coroutine.resume(co)
      end)
      until_waiting(task)
      kit.same({ false, "cannot resume non-suspended coroutine" }, { coroutine.resume(co) })
      kit.raises("cannot close a normal coroutine", function() coroutine.close(co) end)
      q:put(7)
      kit.same({ true, 7 }, { task:await() })
      kit.same({ false, "cannot resume dead coroutine" }, { coroutine.resume(co) })
    end)
  end)

  it("keeps a wrapped generator from others", function()
    run(function()
      local q = concur.queue()
      local next_item = coroutine.wrap(function() return q:get() end)
      local task = async.spawn(next_item)
      until_waiting(task)
      kit.raises("cannot resume non-suspended coroutine", function() next_item() end)
      q:put(7)
      assert.are.equal(7, task:await())
    end)
  end)

  it("by a short timeout, again and again, leaves nothing", function()
    run(function()
      local go = concur.event()
      local task = async.spawn(function() go:wait() end)
      for _ = 1, 100 do kit.same({ nil, "timeout" }, { task:await(0) }) end
      assert(#task.waiters == 0)
      go:set()
      task:await()
    end)
  end)
end)

describe("a cancelled task", function()
  it("does not go on after a mere yield", function()
    run(function()
      for _, yield in ipairs { async.yield, coroutine.yield } do
        local rounds = 0
        local task = async.spawn(function()
          while true do
            rounds = rounds + 1
            pcall(yield)
            if rounds > 3 then yield() end
          end
        end)
        async.yield()
        task:cancel()
        kit.same({ false, concur.CANCELLED }, { task:join() })
        assert(rounds < 6)
      end
    end)
  end)

  it("whoever awaits it is cancelled by that, and nothing is reported", function()
    local hook, reports = concur.excepthook, 0
    concur.excepthook = function() reports = reports + 1 end
    run(function()
      local inner = async.spawn(function() async.sleep(T) end)
      local outer = async.spawn(function() inner:await() end)
      until_waiting(outer)
      until_waiting(inner)
      inner:cancel()
      while not outer:done() do async.yield() end
      assert.are.equal("cancelled", outer:status())
    end)
    concur.excepthook = hook
    assert.are.equal(0, reports)
  end)

  it("of a loop within a clean-up ends", function()
    kit.join(concur.spawn(function()
      local loops = require "concur.async"
      local ok, err
      do
        local _ <close> = setmetatable({}, { __close = function()
          loops.run(function()
            local task = loops.spawn(function() concur.event():wait() end)
            loops.yield()
            task:cancel()
            ok, err = task:join()
          end)
        end })
      end
      assert(ok == false and err == concur.CANCELLED)
    end))
  end)
end)

describe("async.run in a thread that is stopped", function()
  -- What becomes of a thread whose loop runs that function, and the log that it has left.
  local function stopped(fn)
    local log, up = concur.queue(), concur.event()
    local thread = concur.spawn(function()
      local loops = require "concur.async"
      loops.run(function()
        for _ = 1, 3 do
          loops.spawn(function()
            local _ <close> = setmetatable({}, { __close = function()
              loops.sleep(0.001)
              log:put "closed"
            end })
            concur.event():wait()
          end)
        end
        loops.yield()
        fn(loops, up)
      end)
    end)
    assert(up:wait(T))
    local results = table.pack(thread, log)
    return table.unpack(results, 1, results.n)
  end

  local function check_log(log)
    for _ = 1, 3 do assert.are.equal("closed", log:get(0)) end
    assert.are.equal("empty", select(2, log:get(0)))
  end

  it("awaits the clean-up of its tasks", function()
    local thread, log = stopped(function(_, up)
      up:set()
      concur.event():wait()
    end)
    thread:cancel()
    kit.same({ false, concur.CANCELLED }, { thread:join(T) })
    check_log(log)
  end)

  it("is reached in a task that computes", function()
    local thread, log = stopped(function(_, up)
      up:set()
      while true do end
    end)
    thread:cancel()
    kit.same({ false, concur.CANCELLED }, { thread:join(T) })
    check_log(log)
  end)

  it("is reached while tasks yield to each other", function()
    local thread, log = stopped(function(loops, up)
      loops.spawn(function() while true do loops.yield() end end)
      up:set()
      while true do loops.yield() end
    end)
    thread:cancel()
    kit.same({ false, concur.CANCELLED }, { thread:join(T) })
    check_log(log)
  end)

  it("by concur.exit awaits their clean-up, too", function()
    local thread, log = stopped(function(loops, up)
      up:set()
      loops.spawn(function() concur.exit(7) end)
      concur.event():wait()
    end)
    kit.same({ true, 7 }, { thread:join(T) })
    check_log(log)
  end)

  it("is reached afterwards, though a task of it was cancelled", function()
    local up = concur.event()
    local thread = concur.spawn(function()
      local loops = require "concur.async"
      loops.run(function()
        local task = loops.spawn(function() concur.event():wait() end)
        loops.yield()
        task:cancel()
      end)
      up:set()
      while true do end
    end)
    assert(up:wait(T))
    thread:cancel()
    kit.same({ false, concur.CANCELLED }, { thread:join(T) })
  end)

  it("has room for more sleepers than there are places for threads", function()
    assert.are.equal(70000, kit.join(concur.spawn(function()
      local loops = require "concur.async"
      local n = 0
      loops.run(function()
        local go, tasks = false, {}
        for i = 1, 70000 do
          tasks[i] = loops.spawn(function()
            repeat loops.sleep(0) until go
            n = n + 1
          end)
        end
        loops.yield()
        go = true
        loops.gather(tasks)
      end)
      return n
    end)))
  end)
end)

describe("a task that finds no place", function()
  it("raises, and later ones do not", function()
    run(function()
      local q, tasks = concur.queue(), {}
      local before = concur.excepthook
      concur.excepthook = false
      for i = 1, 66000 do tasks[i] = async.spawn(function() return q:get() end) end
      async.yield()
      local failed
      for _, task in ipairs(tasks) do
        if task:done() then
          failed = task
          break
        end
      end
      local ok, err = failed:join()
      assert(not ok and err:find("too many tasks and threads use concur at once", 1, true), err)
      q:close()
      for _, task in ipairs(tasks) do task:join() end
      concur.excepthook = before
      kit.same({ nil, "closed" }, { async.spawn(q.get, q):await() })
    end)
  end)
end)

describe("tasks that can only wait for each other", function()
  it("are told", function()
    local report = kit.error_of(function()
      async.run(function()
        local a, b
        a = async.spawn(function() return b:await() end)
        b = async.spawn(function() return async.gather(a) end)
        a:await()
      end)
    end)
    assert(report:find "^spec/async_trouble_spec.lua:%d+: deadlock: every task of the loop waits for another\n", report)
    assert(report:find("waits for several tasks", 1, true), report)
  end)

  it("may catch that and go on", function()
    assert.are.equal(7, async.run(function()
      local a, b
      a = async.spawn(function()
        local ok, err = pcall(b.await, b)
        assert(not ok and err:find("deadlock", 1, true))
        return 7
      end)
      b = async.spawn(function() pcall(a.await, a) end)
      assert(select(2, pcall(a.await, a)):find("deadlock", 1, true))
      return a:await()
    end))
  end)

  it("are not told while something may come", function()
    async.run(function()
      local server <close> = assert(async.listen "127.0.0.1:0")
      local accepting = async.spawn(function() return server:accept() end)
      local outer = async.spawn(function() return accepting:await() end)
      concur.spawn(function(address)
        local loops = require "concur.async"
        loops.run(function() loops.connect(address):close() end)
      end, server:address())
      outer:await():close()
    end)
  end)
end)

describe("an error", function()
  it("of the excepthook is not that of async.run", function()
    local hook = concur.excepthook
    concur.excepthook = function() error "hook" end
    assert.are.equal(1, run(function()
      async.spawn(error, "x")
      async.yield()
      return 1
    end))
    concur.excepthook = hook
  end)

  it("keeps its traceback through timeouts and awaits", function()
    run(function()
      local function boom() error "boom" end
      local function deep() boom() return 1 end
      local inner = async.spawn(function() async.timeout(T, async.timeout, T, deep) end)
      local outer = async.spawn(function() async.timeout(T, inner.await, inner) end)
      outer:join()
      assert(inner:traceback():find("'boom'", 1, true), inner:traceback())
      local awaited = outer:traceback():match "awaited task:\n.*"
      assert(awaited and awaited:find("'boom'", 1, true), outer:traceback())
    end)
  end)

  it("of a task is reported that somebody has waited for in vain", function()
    local hook, reports = concur.excepthook, {}
    concur.excepthook = function(_, err) reports[#reports + 1] = err end
    run(function()
      local task = async.spawn(function() async.yield() async.yield() error("late", 0) end)
      task:await(0)
      while not task:done() do async.yield() end
    end)
    concur.excepthook = hook
    kit.same({ "late" }, reports)
  end)
end)

describe("async.gather", function()
  it("checks all before it begins any", function()
    run(function()
      local ran = false
      kit.raises("bad argument #2 to 'gather' (function expected, got number)", function()
        async.gather(function() ran = true end, 5)
      end)
      async.yield()
      assert.is_false(ran)
      kit.raises("a task cannot await itself", function() async.gather(print, async.current()) end)
      local message = "bad argument #1 to 'gather' (its n must be a number of tasks)"
      kit.raises(message, function() async.gather { n = -1 } end)
    end)
  end)
end)

describe("clean-up", function()
  it("of a cancelled task may wait, be cancelled again, and wait on", function()
    run(function()
      local q, log = concur.queue(), {}
      local task = async.spawn(function()
        local _ <close> = on_close(function()
          log[1] = q:get()
          log[2] = q:get()
        end)
        async.sleep(T)
      end)
      until_waiting(task)
      for i = 1, 2 do
        task:cancel()
        until_waiting(task)
        task:cancel()
        async.yield()
        q:put(i)
        while #log < i do async.yield() end
      end
      kit.same({ false, concur.CANCELLED }, { task:join() })
      kit.same({ 1, 2 }, log)
    end)
  end)
end)
