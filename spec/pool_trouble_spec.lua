-- Pools whose tasks die in every way, by every method: nothing hangs, only the task fails, and the pool goes on.
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- Ways to die: a function, what the error must look like, and where it is possible.
local deaths = {
  { name = "an error", die = function() error("on purpose", 0) end, err = "^on purpose$" },
  { name = "an error without a value", die = function() error() end, err = "^nil$" },
  { name = "an error that cannot cross", die = function() error(coroutine.create(print)) end, err = "^thread: " },
  { name = "endless recursion", die = function()
    local function f() return 1 + f() end
    f()
  end, err = "stack overflow", slow = true },
  { name = "a result that cannot cross", die = function() return coroutine.create(print) end,
    err = "cannot transfer a thread" },
  { name = "an error in a coroutine", die = function() coroutine.wrap(error)("inside", 0) end, err = "^inside$" },
  { name = "an error while closing", die = function()
    local scope <close> = setmetatable({}, { __close = function() error("closing", 0) end })
    return scope and 1
  end, err = "^closing$" },
  { name = "an error after its hook and globals are ruined", die = function()
    debug.sethook(function() error("hook", 0) end, "", 1)
    for _ = 1, 100 do _G.x = 1 end
  end, err = "^hook$" },
  { name = "a raised mark of cancellation", die = function() error(concur.CANCELLED) end, cancelled = true },
  { name = "os.exit", die = function() os.exit(3) end, err = "^worker exited with code 3$", process = true },
  { name = "os.exit with 0", die = function() os.exit(true, true) end, err = "^worker exited with code 0$",
    process = true },
  { name = "SIGKILL", die = function() concur.current_process():kill() end,
    err = "^worker killed by signal 9 %(SIGKILL%)$", process = true },
  { name = "SIGTERM while it waits", die = function()
    concur.spawn(function()
      while concur.main():status() ~= "waiting" do concur.yield() end
      concur.current_process():terminate()
    end)
    concur.event():wait(100)
  end, err = "^worker killed by signal 15 %(SIGTERM%)$", process = true },
  { name = "os.exit from a thread of its own", die = function()
    concur.spawn(function() os.exit(4) end)
    concur.event():wait(100)
  end, err = "^worker exited with code 4$", process = true },
  { name = "SIGKILL with a lock in its hands", die = function(lock)
    lock:acquire()
    concur.current_process():kill()
  end, err = "^worker killed by signal 9", process = true },
}

-- Every way to have a pool do something: each returns what pcall would of the work, whose items 1 … 5 are fine but
-- for the third, which dies.
local methods = {
  submit = function(pool, fn, lock)
    local list = {}
    for i = 1, 5 do list[i] = pool:submit(fn, i, lock) end
    for i = 1, 5 do
      local ok, value = list[i]:wait(T)
      assert(ok ~= nil, value)
      if i ~= 3 then assert(ok and value == 10 * i, value) end
    end
    return pcall(list[3].result, list[3])
  end,
  apply = function(pool, fn, lock)
    for i = 1, 2 do assert(pool:apply(fn, i, lock) == 10 * i) end
    local r = table.pack(pcall(pool.apply, pool, fn, 3, lock))
    assert(pool:apply(fn, 4, lock) == 40)
    return table.unpack(r, 1, r.n)
  end,
  apply_async = function(pool, fn, lock)
    local sum, failure = 0, nil
    for i = 1, 5 do
      pool:apply_async(fn, { i, lock }, function(x) sum = sum + x end, function(e) failure = { e } end)
    end
    kit.eventually("all callbacks", function()
      pool:poll()
      return sum == 120 and failure
    end)
    return false, failure[1]
  end,
  as_completed = function(pool, fn, lock)
    local list, n, err = {}, 0, nil
    for i = 1, 5 do list[i] = pool:submit(fn, i, lock) end
    for f in concur.as_completed(list, T) do
      n = n + 1
      if f == list[3] then err = { select(2, f:wait()) } end
    end
    assert(n == 5)
    return false, err[1]
  end,
  map = function(pool, fn) return pcall(pool.map, pool, fn, { 1, 2, 3, 4, 5 }) end,
  ["map in chunks"] = function(pool, fn) return pcall(pool.map, pool, fn, { 1, 2, 3, 4, 5 }, { chunk = 2 }) end,
  starmap = function(pool, fn, lock)
    return pcall(pool.starmap, pool, fn, { { 1, lock }, { 2, lock }, { 3, lock }, { 4, lock } })
  end,
  map_reduce = function(pool, fn)
    return pcall(pool.map_reduce, pool, fn, { 1, 2, 3, 4, 5 }, function(a, b) return a + b end, 0)
  end,
  imap = function(pool, fn)
    local sum = 0
    local r = table.pack(pcall(function()
      for _, x in pool:imap(fn, { 1, 2, 3, 4, 5 }) do sum = sum + x end
    end))
    assert(sum == 30, sum)
    return table.unpack(r, 1, r.n)
  end,
  imap_unordered = function(pool, fn)
    return pcall(function()
      for _ in pool:imap_unordered(fn, { 1, 2, 3, 4, 5 }) do concur.checkpoint() end
    end)
  end,
}

local names = {}
for name in pairs(methods) do names[#names + 1] = name end
table.sort(names)

kit.each_kind(function(kind)
  describe("a pool", function()
    for _, death in ipairs(deaths) do
      if kind.name == "process" or not death.process then
        it("survives " .. death.name .. ", by every method", function()
          local pool <close> = concur.pool { kind = kind.name, workers = 2 }
          local shared = concur.lock()
          for _, name in ipairs(death.slow and { "apply", "map" } or names) do
            local die = death.die
            local function fn(i, lock)
              if i ~= 3 then return 10 * i end
              return die(lock or shared)
            end
            local ok, err = methods[name](pool, fn, shared)
            local what = name .. ": " .. tostring(err)
            assert(not ok, what)
            if death.cancelled then
              assert(err == concur.CANCELLED, what)
            else
              local text = tostring(err):gsub("^task 3: ", "")
              assert(text:find(death.err) or text:find(death.err:gsub("^%^", "")), what)
              if type(err) == "string" and name:find "map" then assert(err:find "^task 3: ", what) end
            end
            if shared:locked() then
              assert(select(2, shared:acquire(T)) == "abandoned")
              shared:release()
            end
            assert.are.equal(7, pool:apply(function() return 7 end))
          end
        end)
      end
    end
  end)
end)

describe("a process pool", function()
  it("is broken when no worker gets as far as its first task", function()
    for _, initializer in ipairs { function() os.exit(5) end, function() concur.current_process():kill() end } do
      local pool = concur.process_pool { workers = 2, initializer = initializer }
      local list = {}
      for i = 1, 5 do list[i] = pool:submit(print) end
      for i = 1, 5 do
        local ok, err = list[i]:wait(T)
        assert.is_false(ok)
        assert.is_truthy(err:find "^worker exited with code 5$" or err:find "^worker killed by signal 9", err)
      end
      assert.is_truthy(kit.error_of(function() pool:submit(print) end):find "^worker ")
      pool:close()
      assert.is_true(pool:join(T))
    end
  end)

  it("loses nothing but what was being done, under a hail of kills", function()
    local pool <close> = concur.process_pool(4)
    local workers = concur.dict()
    local function work(i)
      workers[concur.current_process().pid] = true
      if i % 7 == 0 then concur.sleep(0.001) end
      return i
    end
    local stop, killed = concur.event(), concur.value(0)
    local killer = concur.spawn(function()
      while not stop:wait(0.003) do
        local pid = workers:keys()[1]
        if pid then
          workers[pid] = nil
          os.execute("kill -9 " .. pid .. " 2>/dev/null")
          killed:add(1)
        end
      end
    end)
    local list, lost = {}, 0
    for i = 1, h.sanitized and 200 or 2000 do list[i] = pool:submit(work, i) end
    for i, f in ipairs(list) do
      local ok, value = f:wait(T)
      assert(ok ~= nil, "a future does not end")
      if ok then
        assert(value == i)
      else
        assert(value == "worker killed by signal 9 (SIGKILL)", tostring(value))
        lost = lost + 1
      end
    end
    local maps = 0
    for _ = 1, 20 do
      local ok, r = pcall(pool.map, pool, work, { 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { chunk = 1 })
      if ok then
        assert(r[9] == 9)
        maps = maps + 1
      else
        assert(tostring(r):find "^task %d: worker killed by signal 9", tostring(r))
      end
    end
    stop:set()
    kit.join(killer)
    assert(lost <= killed:get(), lost)
    assert.are.equal(1, pool:apply(function() return 1 end))
  end)

  it("ends with the process that made it, for all who wait", function()
    for _, how in ipairs { "kill", "return" } do
      local out = concur.queue()
      local p = concur.process(function()
        local pool = concur.process_pool(1)
        local started = concur.event()
        local running = pool:submit(function()
          started:set()
          concur.event():wait(100)
        end)
        started:wait()
        out:put({ pool, running, pool:submit(print) })
        if how == "kill" then concur.current_process():kill() end
      end):start()
      local pool, running, pending = table.unpack(out:get(T))
      p:join(T)
      for _, f in ipairs { running, pending } do
        local ok, err = f:wait(T)
        assert.is_false(ok)
        assert(err == concur.CANCELLED or err == "the process of the pool has ended", tostring(err))
      end
      assert.is_true(kit.error_of(function() pool:submit(print) end) ~= nil)
      assert.is_true(pool:join(T))
    end
    kit.eventually("no children", function() return #concur.active_children() == 0 end)
  end)

  it("takes work from a process that is killed meanwhile", function()
    local pool <close> = concur.process_pool(2)
    for i = 1, h.sanitized and 5 or 30 do
      local p = concur.process(function()
        while true do
          pool:submit(function() end)
          pcall(pool.map, pool, function(x) return x end, { 1, 2, 3, 4 })
        end
      end):start()
      concur.sleep(0.001 * (i % 10))
      p:kill()
      p:join(T)
      assert.are.equal(i, (pool:apply(function() return i end)))
    end
    kit.eventually("nothing is left to do", function() return pool:stats().queued == 0 end)
  end)
end)

describe("a script's end", function()
  local function script(body, kind)
    return ([[
      local concur = require "concur"
      local KIND = %q
    ]]):format(kind) .. body
  end

  for _, kind in ipairs(kit.kinds) do
    it("does not wait for a pool left open, with a " .. kind.name, function()
      for _, body in ipairs {
        "POOL = concur.pool{kind = KIND}",
        h.holds_signals and "" or
          "POOL = concur.pool{kind = KIND, workers = 2} F = POOL:submit(function() while true do end end)",
        [[POOL = concur.pool{kind = KIND, workers = 1}
          for i = 1, 100 do POOL:submit(function() concur.event():wait(100) end) end]],
        [[local pool = concur.pool{kind = KIND, workers = 2}
          assert(pool:apply(function() return 1 end) == 1)]],
        [[local pool = concur.pool{kind = KIND, workers = 2}
          for i in pool:imap(function(x) return x end, {1, 2, 3, 4, 5, 6}) do ITERATOR = i break end]],
      } do
        local r = h.run(script(body, kind.name))
        assert(r.code == 0 and r.err == "" and r.seconds < 5, r.text)
      end
    end)

    it("comes cleanly when Ctrl-C ends a map, with a " .. kind.name, function()
      local endless = h.holds_signals and "concur.sleep(100)" or "while true do end"
      for _, busy in ipairs { endless, "concur.event():wait(100)" } do
        local name = os.tmpname()
        local file <close> = assert(io.open(name, "w"))
        file:write((script(([[
          local pool <close> = concur.pool{kind = KIND, workers = 2}
          pool:map(function(x)
            io.stdout:write((concur.current_process().pid), "\n")
            io.stdout:flush()
            %s
          end, {1, 2, 3, 4, 5}, {chunk = 1})
        ]]):format(busy), kind.name)))
        file:flush()
        local command = {}
        for word in (os.getenv "LUA" or "lua5.4"):gmatch "%S+" do command[#command + 1] = word end
        command[#command + 1] = name
        local p = assert(concur.subprocess.popen(command))
        local pids = { p:read "l", (p:read "l") }
        os.execute(("kill -INT -%d"):format(p.pid)) -- to the group, as a terminal does
        local r, err = p:wait(T)
        p:kill() -- if it has not ended
        assert(r, err)
        os.remove(name)
        assert.are.equal(1, r.code)
        assert.is_truthy(r.stderr:find "^[^\n]*: interrupted!\n" or r.stderr:find "^interrupted!", r.stderr)
        assert.is_nil(r.stderr:find "Exception")
        for _, pid in ipairs(pids) do
          kit.eventually("the workers are gone", function()
            return not os.execute("kill -0 " .. pid .. " 2>/dev/null")
          end)
        end
      end
    end)
  end
end)
