-- concur.async: calls of proxies of a manager suspend the task only.
local concur = require "concur"
local kit = require "spec.support.kit"

local async = concur.async
local T = kit.TIMEOUT

local function until_waiting(task)
  while task:status() ~= "waiting" and not task:done() do async.yield() end
end

-- fn(proxies by name, connection, the objects, the server) in a task of a loop; what it returns.
local function with_proxies(objects, fn)
  local server = concur.manager.server { address = "127.0.0.1:0", authkey = "key" }
  for name, object in pairs(objects) do server:register(name, function() return object end) end
  server:register("echo", function(...) return ... end)
  server:start()
  local m = assert(concur.manager.connect { address = server:address(), authkey = "key", timeout = T })
  local results = table.pack(async.run(function()
    return async.timeout(T, function()
      local proxies = {}
      for name in pairs(objects) do proxies[name] = m[name](m) end
      return "in time", fn(proxies, m, objects, server)
    end)
  end))
  m:close()
  server:shutdown()
  assert(results[1] == "in time", "the loop takes too long")
  return table.unpack(results, 2, results.n)
end

describe("inside a task a proxy's call", function()
  it("suspends the task, and can be cancelled", function()
    with_proxies({ q = concur.queue() }, function(p, _, here)
      local reader = async.spawn(function() return p.q:get() end)
      until_waiting(reader)
      here.q:put(1)
      assert.are.equal(1, reader:await())
      local cancelled = async.spawn(function() return p.q:get() end)
      until_waiting(cancelled)
      cancelled:cancel()
      kit.same({ false, concur.CANCELLED }, { cancelled:join() })
      here.q:put(2)
      assert.are.equal(2, p.q:get(T))
      kit.same({ nil, "empty" }, { p.q:get(0.001) })
    end)
  end)

  it("knows the tasks apart", function()
    with_proxies({ r = concur.rlock(), l = concur.lock() }, function(p, _, here)
      p.r:acquire()
      p.r:acquire()
      local other = async.spawn(function() return p.r:acquire(0) end)
      assert.is_false(other:await())
      p.r:release()
      p.r:release()
      local n = 0
      local function work()
        for _ = 1, 10 do
          p.l:with(function()
            local before = n
            async.yield()
            n = before + 1
          end)
        end
      end
      async.gather(work, work, work)
      assert.are.equal(30, n)
      assert.is_false(here.l:locked())
    end)
  end)

  it("returns what it should to many tasks and threads at once", function()
    with_proxies({}, function(_, m)
      local function work(connection)
        local sum = 0
        for i = 1, 50 do
          local x, text = connection:echo(i, ("x"):rep(i * 20))
          assert(#text == i * 20)
          sum = sum + x
        end
        return sum
      end
      local threads, tasks = {}, {}
      for i = 1, 2 do threads[i] = concur.spawn(work, m) end
      for i = 1, 20 do tasks[i] = async.spawn(work, m) end
      for _, sum in ipairs(async.gather(tasks)) do assert.are.equal(1275, sum) end
      kit.join_all(threads)
    end)
  end)

  it("keeps the errors of the server, and ends when that is lost", function()
    with_proxies({ q = concur.queue() }, function(p, m, _, server)
      local ok, err = pcall(function() return m:nothing() end)
      assert(not ok and err:find("no function 'nothing' is registered", 1, true))
      local reader = async.spawn(function() return p.q:get() end)
      until_waiting(reader)
      server:shutdown()
      kit.same({ nil, "connection lost" }, { reader:await() })
      kit.same({ nil, "connection lost" }, { m:echo(1) })
    end)
  end)
end)
