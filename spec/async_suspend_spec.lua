-- concur.async: calls that do more than one wait suspend their task all the same.
local concur = require "concur"
local kit = require "spec.support.kit"

local async = concur.async
local T = kit.TIMEOUT

local function run(fn)
  local results = table.pack(async.run(function() return async.timeout(T, function() return "in time", fn() end) end))
  assert(results[1] == "in time", "the loop takes too long")
  return table.unpack(results, 2, results.n)
end

local function until_waiting(task)
  while task:status() ~= "waiting" and not task:done() do async.yield() end
end

-- A thread calls hold(object, inside), which has to wait for `inside` in its turn; returns what lets it go on.
local function held(object, hold)
  local up, go = concur.event(), concur.event()
  local thread = concur.spawn(function() hold(object, function() up:set() go:wait() end) end)
  assert(up:wait(T))
  return function()
    go:set()
    kit.join(thread)
  end
end

local function hold_value(v, inside) v:update(function(x) inside() return x + 1 end) end
local function hold_key(d, inside) d:update("a", function(x) inside() return x + 1 end) end
local function hold_list(l, inside) l:sort(function(a, b) inside() return a < b end) end

-- Each entry makes a wait, and what lets it end.
local waits = {
  { "value:update", function()
    local v = concur.value(1)
    local go = held(v, hold_value)
    return function() return (v:update(function(x) return x * 10 end)) end, go
  end, 20 },
  { "value:set", function()
    local v = concur.value(1)
    local go = held(v, hold_value)
    return function() v:set(7) return v:get() end, go
  end, 7 },
  { "value:add", function()
    local v = concur.value(1)
    local go = held(v, hold_value)
    return function() return v:add(5) end, go
  end, 7 },
  { "dict:update", function()
    local d = concur.dict { a = 1 }
    local go = held(d, hold_key)
    return function() return (d:update("a", function(x) return x * 10 end)) end, go
  end, 20 },
  { "dict.key = value", function()
    local d = concur.dict { a = 1 }
    local go = held(d, hold_key)
    return function() d.a = 7 return d.a end, go
  end, 7 },
  { "dict:clear", function()
    local d = concur.dict { a = 1, b = 2 }
    local go = held(d, hold_key)
    return function() d:clear() return #d end, go
  end, 0 },
  { "dict:merge", function()
    local d = concur.dict { a = 1 }
    local go = held(d, hold_key)
    return function() d:merge { a = 3, b = 4 } return d.a + d.b end, go
  end, 7 },
  { "list:append", function()
    local l = concur.list { 2, 1 }
    local go = held(l, hold_list)
    return function() l:append(7) return l[3] end, go
  end, 7 },
  { "list:sort", function()
    local l = concur.list { 2, 1 }
    local go = held(l, hold_list)
    return function() l:sort(function(a, b) return a > b end) return l[1] end, go
  end, 2 },
}

-- The same for a pool of one thread, whose task waits for an event.
local function with_pool(name, wait, expected, options)
  waits[#waits + 1] = { name, function()
    options = options or {}
    options.workers = 1
    local pool, go = concur.pool(options), concur.event()
    return function()
      local _ <close> = pool
      return wait(pool, function(x) go:wait() return x end)
    end, function() go:set() end
  end, expected }
end

with_pool("pool:map", function(pool, work) return pool:map(work, { 1, 2, 4 })[3] end, 4)
with_pool("pool:map with progress", function(pool, work)
  local told
  pool:map(work, { 1, 2, 4 }, { progress = function(done) told = done end })
  return told
end, 3)
with_pool("pool:starmap", function(pool, work) return pool:starmap(work, { { 1 }, { 7 } })[2] end, 7)
with_pool("pool:imap", function(pool, work)
  local sum = 0
  for _, x in pool:imap(work, { 1, 2, 4 }) do sum = sum + x end
  return sum
end, 7)
with_pool("pool:imap_unordered", function(pool, work)
  local sum = 0
  for _, x in pool:imap_unordered(work, { 1, 2, 4 }) do sum = sum + x end
  return sum
end, 7)
with_pool("pool:map_reduce", function(pool, work)
  return pool:map_reduce(work, { 1, 2, 4 }, function(a, b) return a + b end, 0)
end, 7)
with_pool("pool:submit to a full pool", function(pool, work)
  local last
  for i = 1, 7 do last = pool:submit(work, i) end
  return last:result()
end, 7, { max_queue = 1 })
with_pool("pool:apply to a full pool", function(pool, work)
  pool:submit(work)
  pool:submit(work)
  return pool:apply(work, 7)
end, 7, { max_queue = 1 })
with_pool("pool:apply_async to a full pool", function(pool, work)
  local result
  local future
  for i = 1, 7 do future = pool:apply_async(work, { i }, function(x) result = x end) end
  future:result()
  return result
end, 7, { max_queue = 1 })

describe("inside a task", function()
  for _, entry in ipairs(waits) do
    it(entry[1] .. " suspends the task, not the thread", function()
      assert.are.equal(entry[3], run(function()
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
        act() -- what comes before the task looks wins
        local ok, result = task:join()
        assert.are.equal(ok and entry[3] or concur.CANCELLED, result)
      end)
    end)
  end

  it("a map ends at its timeout", function()
    run(function()
      local pool <close> = concur.thread_pool(1)
      local go = concur.event()
      local result, why = pool:map(function() go:wait() end, { 1, 2 }, { timeout = 0.002 })
      assert(result == nil and why == "timeout")
      go:set()
    end)
  end)

  it("the turns of many tasks and threads are all taken", function()
    local v, d = concur.value(0), concur.dict { n = 0 }
    local function add(x) return x + 1 end
    local function work(spawn)
      local list = {}
      for i = 1, 4 do
        list[i] = spawn(function()
          for _ = 1, 200 do
            v:update(add)
            d:update("n", add)
          end
        end)
      end
      return list
    end
    local threads = work(concur.spawn)
    run(function() async.gather(work(async.spawn)) end)
    kit.join_all(threads)
    assert.are.equal(1600, v:get())
    assert.are.equal(1600, d.n)
  end)
end)

describe("concur.subprocess in a task", function()
  it("runs programs side by side", function()
    run(function()
      local lists = {}
      for i = 1, 5 do
        lists[i] = function()
          local program <close> = assert(concur.subprocess.popen { "sh", "-c", "read x; echo $x; read x; exit $x" })
          program:write(i, "\n")
          local line = program:read()
          program:write(i, "\n")
          return line .. program:wait().code
        end
      end
      kit.same({ "11", "22", "33", "44", "55", n = 5 }, async.gather(lists))
    end)
  end)

  it("suspends the task, not the thread", function()
    run(function()
      local program <close> = assert(concur.subprocess.popen { "cat" })
      local reader = async.spawn(function() return program:read() end)
      until_waiting(reader)
      program:write "hello\n"
      assert.are.equal("hello", reader:await())
      local waiter = async.spawn(function() return program:wait(T) end)
      until_waiting(waiter)
      program:close_stdin()
      assert.are.equal(0, waiter:await().code)
    end)
  end)

  it("is killed when the task is cancelled, and at its timeout", function()
    run(function()
      local task = async.spawn(function() return concur.subprocess.run { "sleep", "1000" } end)
      until_waiting(task)
      task:cancel()
      kit.same({ false, concur.CANCELLED }, { task:join() })
      local result, why = concur.subprocess.run { "sleep", "1000", timeout = 0.002 }
      assert(result == nil and why == "timeout")
    end)
  end)
end)

describe("the function of a once", function()
  it("may wait in a task, while other tasks go on and others wait for it", function()
    run(function()
      local once, go, ran, order = concur.once(), concur.event(), 0, {}
      local function connect(...)
        ran = ran + 1
        assert(go:wait())
        async.sleep(0.001)
        return "connected", ...
      end
      local tasks = {}
      for i = 1, 5 do
        tasks[i] = async.spawn(function()
          local result, n = once:run(connect, i)
          order[#order + 1] = i
          return result, n
        end)
      end
      for _ = 1, 5 do async.sleep(0) end
      assert.is_false(once:done())
      go:set()
      for i = 1, 5 do kit.same({ "connected", 1 }, { tasks[i]:await() }) end
      assert.are.equal(1, order[1])
      assert.are.equal(1, ran)
      kit.same({ true, "connected", 1 }, { concur.spawn(once.run, once, error):join() })
    end)
  end)

  it("is the next one's turn when it is cancelled in the middle, or raises, or returns what cannot cross", function()
    run(function()
      local once = concur.once()
      local first = async.spawn(function() once:run(async.sleep, 100) end)
      async.sleep(0)
      local second = async.spawn(function()
        return once:run(function()
          async.sleep(0.001)
          error("no", 0)
        end)
      end)
      local third = async.spawn(function()
        return once:run(function()
          async.sleep(0.001)
          return coroutine.create(print)
        end)
      end)
      local fourth = async.spawn(function() return once:run(function() return "fine" end) end)
      async.sleep(0)
      first:cancel()
      kit.same({ false, "no" }, { second:join() })
      local ok, err = third:join()
      assert(not ok and err:find "^spec/async_suspend_spec.lua:%d+: ", err)
      assert.are.equal("fine", fourth:await())
      assert.is_true(once:done())
    end)
  end)

  it("may not run it again, also after a wait", function()
    run(function()
      local once = concur.once()
      kit.same({ false, "once:run called by the function that it runs" }, { pcall(once.run, once, function()
        async.sleep(0.001)
        local _, err = pcall(once.run, once, print)
        error((err:gsub("^.-:%d+: ", "")), 0)
      end) })
    end)
  end)
end)
