-- Processes: what they have besides what they have in common with threads (thread_spec.lua and the
-- others run for both), their ends, and their relations.
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

local function start(...) return concur.process(...):start() end

local function waiting(...)
  local p = start(...)
  h.await_status(p, "waiting")
  return p
end

describe("a process", function()
  before_each(function() concur.excepthook = false end)

  it("is another one, with this one as its parent", function()
    local p = start(function()
      local me, parent = concur.current_process(), concur.parent_process()
      local f <close> = assert(io.open "/proc/self/stat")
      return me.name, me.pid, f:read("n"), parent.name, parent.pid, concur.current().name, me:is_alive()
    end)
    local name, pid, real, parent, parent_pid, thread, alive = h.results(p)
    assert.equal(p.name, name)
    assert.equal(p.pid, pid)
    assert.equal(real, pid)
    assert.equal("MainProcess", parent)
    assert.equal(concur.current_process().pid, parent_pid)
    assert.not_equal(pid, parent_pid)
    assert.equal("MainThread", thread)
    assert.is_true(alive)
    assert.is_nil(concur.parent_process())
  end)

  it("has no pid before the start, and an exit code after the end only", function()
    local go = concur.event()
    local p = concur.process(function() go:wait(20) end)
    assert.is_nil(p.pid)
    assert.is_nil(p.exitcode)
    h.raises("cannot signal an unstarted process", function() p:kill() end)
    p:start()
    assert.is_true(p.pid > 1)
    assert.is_nil(p.exitcode)
    go:set()
    h.join(p)
    assert.equal(0, p.exitcode)
    assert.is_false(p:kill())
    assert.is_false(p:terminate())
  end)

  local ends = {
    { "returns", function() return 1, nil, "x" end, { true, 1, nil, "x", n = 4 }, 0 },
    { "returns nothing", function() end, { true, n = 1 }, 0 },
    { "raises a table", function() error({ code = 5 }) end, nil, 1 },
    { "exits with 0", function() os.exit(0) end, { true, n = 1 }, 0 },
    { "exits with true", function() os.exit(true) end, { true, n = 1 }, 0 },
    { "exits with 7", function() os.exit(7) end, { false, "exited with code 7", n = 2 }, 7 },
    { "exits with false", function() os.exit(false) end, { false, "exited with code 1", n = 2 }, 1 },
    { "exits and closes its state", function() os.exit(3, true) end, { false, "exited with code 3", n = 2 }, 3 },
    { "exits in a thread", function()
      concur.spawn(function() os.exit(4) end)
      concur.sleep(20)
    end, { false, "exited with code 4", n = 2 }, 4 },
    { "kills itself", function() concur.current_process():kill() concur.sleep(20) end,
      { false, "killed by signal 9 (SIGKILL)", n = 2 }, -9 },
    { "ends by another signal", function() concur.current_process():signal(10) concur.sleep(20) end,
      { false, "killed by signal 10 (SIGUSR1)", n = 2 }, -10 },
  }
  for _, case in ipairs(ends) do
    it("that " .. case[1] .. " tells how it ended", function()
      local p = start(case[2])
      local results = table.pack(h.join(p))
      if case[3] then kit.same(case[3], results) else assert.equal(5, results[2].code) end
      assert.equal(case[4], p.exitcode)
      kit.same(results, table.pack(h.join(p)))
      assert.is_false(p:is_alive())
      assert.equal(results[1] and "done" or "failed", p:status())
    end)
  end

  it("keeps results that were in place when it is killed", function()
    local p = start(function()
      concur.spawn(concur.sleep, 20)
      return "in place"
    end)
    -- its main thread waits nowhere but for the thread, after the function has returned
    h.await_status(p, "waiting")
    p:kill()
    kit.same({ true, "in place", n = 2 }, table.pack(h.join(p)))
    assert.equal(-9, p.exitcode)
  end)

  it("an error has a traceback, and goes to the excepthook with the process", function()
    local seen = concur.queue()
    concur.excepthook = function(who, err, traceback)
      seen:put { concur.type(who), who.name, err, traceback }
    end
    local p = start { name = "failing", target = function() error "on purpose" end }
    local ok, err = h.join(p)
    assert.is_false(ok)
    assert.matches("on purpose$", err)
    assert.matches("stack traceback", p:traceback())
    local call = seen:get(0)
    kit.same({ "process", "failing", err }, { call[1], call[2], call[3] })
    concur.excepthook = false
  end)

  it("join waits for its threads and children", function()
    for _, kind in ipairs(h.kinds) do
      local go, list = concur.event(), concur.queue()
      local p = start(function()
        concur[kind](function()
          go:wait(20)
          list:put "last"
        end):start()
      end)
      h.await_status(p, "waiting") -- its function has returned
      kit.same({ nil, "timeout", n = 2 }, table.pack(p:join(0)))
      assert.is_nil(p.exitcode)
      go:set()
      h.join(p)
      assert.equal("last", list:get(0))
    end
  end)

  it("may be joined by a sibling, and by its child's child", function()
    local gate = concur.event()
    local p = start(function() gate:wait(20) return "seen" end)
    local q = start(function() return p:join(20) end)
    local r = start(function()
      return concur.process(function() return p:join(20) end):start():join(20)
    end)
    for _, x in ipairs { q, r } do h.await_status(x, "waiting") end
    gate:set()
    kit.same({ true, true, "seen", n = 3 }, table.pack(h.join(q)))
    kit.same({ true, true, true, "seen", n = 4 }, table.pack(h.join(r)))
  end)

  it("cannot join itself", function()
    local p = start(function() return pcall(function() concur.current_process():join() end) end)
    local ok, err = h.results(p)
    assert.is_false(ok)
    assert.matches("cannot join itself", err)
  end)

  it("takes a stack and processors as threads do", function()
    local function count() return concur.cpu_count() end
    local all = count()
    assert.same({ true, 1 }, { concur.process { target = count, stack = 1 << 22, affinity = { 1 } }:start():join(T) })
    assert.same({ true, all }, { concur.process(count):start():join(T) })
    assert.equal(all, count())
    local huge = concur.process { target = count, stack = 1 << 60 }
    h.raises("cannot start the process: ", function() huge:start() end)
    h.raises("bad option 'affinity'", function() concur.process { target = count, affinity = { 0 } } end)
  end)

  it("refuses unknown options and signals", function()
    h.raises("unknown option 'stock' for a process", function() concur.process { stock = 1 << 20 } end)
    local p = waiting(concur.sleep, 20)
    h.raises("bad argument #1 to 'signal'", function() p:signal(-1) end)
    h.raises("bad argument #1 to 'signal'", function() p:signal(1000) end)
    assert.is_true(p:signal(0))
    assert.is_true(p:terminate())
    kit.same({ false, "killed by signal 15 (SIGTERM)", n = 2 }, table.pack(h.join(p)))
  end)

  it("names count in the family, and children are listed while they live", function()
    local p = waiting(concur.sleep, 20)
    local found = false
    for _, child in ipairs(concur.active_children()) do found = found or child == p end
    assert.is_true(found)
    local n = tonumber(p.name:match "^Process%-(%d+)$")
    local q = start(function()
      return concur.process(function() return concur.current_process().name end):start():join(20)
    end)
    local _, inner = h.results(q)
    assert.is_true(tonumber(inner:match "%d+$") > n)
    p:kill()
    h.join(p)
    assert.equal(0, #concur.active_children())
  end)

  it("cancel reaches a busy loop, in its threads, too", function()
    if h.holds_signals then return end
    local on = concur.event()
    local p = start(function()
      on:set()
      while true do end
    end)
    assert.is_true(on:wait(T))
    p:cancel()
    kit.same({ false, concur.CANCELLED, n = 2 }, table.pack(h.join(p)))
    assert.equal("cancelled", p:status())
    local threads = concur.queue()
    local q = start(function()
      local t = concur.spawn(function()
        threads:put(concur.current())
        while true do end
      end)
      return t:join()
    end)
    local t = threads:get(T)
    t:cancel()
    kit.same({ true, false, concur.CANCELLED, n = 3 }, table.pack(h.join(q)))
  end)

  it("wait and fileno tell of its end", function()
    local p, never = waiting(concur.sleep, 20), concur.event()
    assert.equal("number", type(p:fileno()))
    kit.same({}, concur.wait({ p, never }, 0.01))
    p:kill()
    kit.same({ p }, concur.wait({ p, never }, T))
  end)

  it("is made in many threads at once", function()
    local list = {}
    for i = 1, 8 do
      list[i] = concur.spawn(function()
        local sum = 0
        for k = 1, 5 do
          local ok, n = concur.process(function() return k end):start():join(20)
          assert(ok)
          sum = sum + n
        end
        return sum
      end)
    end
    for _, t in ipairs(list) do assert.equal(15, h.results(t)) end
  end)

  it("leaves no descriptor, zombie or object behind", function()
    local function count()
      local pipe <close> = io.popen("ls -l /proc/" .. concur.current_process().pid ..
        "/fd | sed 's/.* \\([0-9]* ->\\)/\\1/'")
      local list = {}
      for line in pipe:lines() do
        if line:find "->" and not line:find "pipe:" then list[#list + 1] = line:gsub("%[.*", "") end
      end
      return table.concat(list, ", ")
    end
    h.results(start(function() end))
    local before, fds = kit.live(), count()
    for i = 1, 60 do
      local p = start(function() if i % 3 == 0 then os.exit(2) end end)
      if i % 5 == 0 then p:kill() end
      h.join(p)
    end
    kit.settled(before)
    assert.equal(fds, count())
    local pipe <close> = io.popen("ps -o stat= --ppid " .. concur.current_process().pid .. " | grep -c Z")
    assert.equal(0, pipe:read("n"))
  end)
end)

describe("what a killed process leaves:", function()
  before_each(function() concur.excepthook = false end)

  -- A process that has done that and sleeps, killed.
  local function killed(fn, ...)
    local ready = concur.event()
    local p = start(function(...)
      local keep = table.pack(fn(...))
      ready:set()
      concur.sleep(20)
      return keep
    end, ...)
    assert.is_true(ready:wait(T), tostring(p:traceback()))
    p:kill()
    h.join(p)
  end

  for _, kind in ipairs { "lock", "rlock" } do
    it("a " .. kind .. " is free, and abandoned once", function()
      local lock = concur[kind]()
      killed(function() return lock:acquire() end)
      assert.is_false(lock:locked())
      kit.same({ lock, "abandoned", n = 2 }, table.pack(lock:acquire(T)))
      lock:release()
      kit.same({ lock, n = 1 }, table.pack(lock:acquire(T)))
      lock:release()
    end)

    it("who waits for its " .. kind .. " gets it", function()
      local lock = concur[kind]()
      local holder = waiting(function()
        lock:acquire()
        concur.sleep(20)
      end)
      kit.eventually("it is held", function() return lock:locked() end)
      local taker = concur.spawn(function() return select(2, lock:acquire(20)) end)
      kit.until_waiting(taker)
      assert.equal(holder.name .. "/MainThread", lock:owner())
      holder:kill()
      assert.equal("abandoned", h.results(taker))
    end)
  end

  it("an rwlock is free, read or written", function()
    for _, mode in ipairs { "read", "write" } do
      local rwlock = concur.rwlock()
      killed(function() return rwlock[mode](rwlock) end)
      local hold, how = rwlock:write(T)
      assert.equal("abandoned", how)
      hold:release()
      assert.is_nil(select(2, rwlock:write(T)))
    end
  end)

  it("a condition's lock and place in line", function()
    local c = concur.condition()
    local p = waiting(function() c:with(function() c:wait() end) end)
    p:kill()
    h.join(p)
    c:acquire(T)
    assert.equal(0, c:notify_all())
    c:release()
    killed(function() c:acquire() end)
    assert.equal("abandoned", select(2, c:acquire(T)))
    c:release()
  end)

  it("a semaphore's units, unless it is told otherwise", function()
    local owned, used_up = concur.semaphore(3), concur.semaphore { n = 3, owned = false }
    killed(function()
      for _ = 1, 2 do owned:acquire() used_up:acquire() end
      owned:acquire()
      owned:release()
    end)
    assert.equal(3, owned:value())
    assert.equal(1, used_up:value())
    -- at an ordinary end they are used up
    h.results(start(function() owned:acquire() end))
    assert.equal(2, owned:value())
  end)

  it("a barrier is broken", function()
    local b = concur.barrier(3)
    local p = waiting(function() b:wait() end)
    local other = concur.spawn(function() return b:wait(20) end)
    kit.eventually("both wait", function() return b:n_waiting() == 2 end)
    p:kill()
    kit.same({ nil, "broken", n = 2 }, table.pack(h.results(other)))
    assert.is_true(b:broken())
  end)

  it("a once is run by the next", function()
    local once = concur.once()
    local p = waiting(function() once:run(concur.sleep, 20) end)
    local other = concur.spawn(function() return once:run(function() return "other" end) end)
    kit.until_waiting(other)
    p:kill()
    assert.equal("other", h.results(other))
  end)

  it("an item that a blocked getter was about to be handed is not lost", function()
    for _, kind in ipairs { "queue", "lifo", "priority_queue" } do
      for i = 1, 20 do
        local q = concur[kind]()
        local p = waiting(function() return q:get() end)
        p:kill()
        q:put(i)
        h.join(p)
        assert.equal(i, q:get(T))
      end
    end
  end)

  it("an item of a blocked putter goes with it", function()
    local q = concur.queue(1)
    q:put "first"
    local p = waiting(function() q:put { "second" } end)
    p:kill()
    h.join(p)
    assert.equal("first", q:get(T))
    kit.same({ nil, "empty", n = 2 }, table.pack(q:get(0.01)))
  end)

  it("the end of a stream", function()
    local a, b = concur.pipe()
    local p = start(function(mine)
      mine:send "last"
      concur.sleep(20)
    end, b)
    b:close()
    assert.equal("last", a:recv(T))
    kit.same({ nil, "empty", n = 2 }, table.pack(a:recv(0.01)))
    p:kill()
    kit.same({ nil, "closed", n = 2 }, table.pack(a:recv(T)))
  end)

  it("turns of a value and of a dict's keys", function()
    local v, d = concur.value(1), concur.dict { k = 1 }
    local p = waiting(function()
      v:update(function()
        d:update("k", function() concur.sleep(20) end)
      end)
    end)
    kit.eventually("it is at both", function() return d:has "k" and p:status() == "waiting" end)
    local setter = concur.spawn(function()
      v:set(5)
      d.k = 6
    end)
    p:kill()
    h.join(p)
    h.results(setter)
    assert.equal(5, v:get())
    assert.equal(6, d.k)
  end)

  it("a thread of its that others join has failed", function()
    local threads = concur.queue()
    local p = start(function()
      threads:put(concur.spawn(concur.sleep, 20))
      concur.sleep(20)
    end)
    local t = threads:get(T)
    local joiner = concur.spawn(function() return t:join(20) end)
    kit.until_waiting(joiner)
    p:kill()
    kit.same({ false, "its process has ended", n = 2 }, table.pack(h.results(joiner)))
    assert.equal("failed", t:status())
  end)

  it("children: daemons go, others finish and can be joined", function()
    local children = concur.queue()
    local go = concur.event()
    local p = start(function()
      children:put(concur.process { target = concur.sleep, args = { 20 }, daemon = true }:start())
      children:put(concur.process(function() go:wait(20) return "finished" end):start())
      concur.sleep(20)
    end)
    local daemon, other = children:get(T), children:get(T)
    p:kill()
    h.join(p)
    assert.is_false((h.join(daemon)))
    assert.is_true(other:is_alive())
    go:set()
    kit.same({ true, "finished", n = 2 }, table.pack(h.join(other)))
  end)
end)

describe("the family", function()
  it("a deadlock is found across it", function()
    local out = h.run([[
      local concur = require "concur"
      concur.excepthook = false
      local a, b = concur.lock(), concur.lock()
      a:acquire()
      local p = concur.process(function()
        b:acquire()
        a:acquire()
      end):start()
      while not b:locked() do concur.sleep(0.001) end
      local ok, err = pcall(function() b:acquire() end)
      print(ok, (err:gsub("\n", " ")))
      a:release()
      print(p:join(5))
    ]])
    assert.matches("^false.*deadlock: every thread waits for another", out.out, out.text)
    assert.matches("Process%-1/MainThread", out.out, out.text)
  end)

  it("the report of one has the same names for all, and reaches who waited for another's end", function()
    for _ = 1, 20 do
      local out = h.run([[
        local concur = require "concur"
        concur.excepthook = false
        local a, b = concur.pipe()
        local p = concur.process(function() return b:recv() end):start()
        b:close()
        local ok, err = pcall(a.recv, a)
        print(ok, (tostring(err):gsub("\n", " ")))
        print(select(2, p:join()))
      ]])
      local mine, theirs = out.out:match "^false\t(.-)\n(.*)$"
      assert(mine, out.text)
      for _, text in ipairs { mine, theirs } do
        assert.matches("deadlock: ", text, out.text)
        assert.matches("MainProcess/MainThread waits for", text, out.text)
        assert.matches("Process%-1/MainThread waits for", text, out.text)
      end
    end
  end)

  it("a process that can still signal is no deadlock", function()
    local out = h.output([[
      local concur = require "concur"
      local e = concur.event()
      local p = concur.process(function()
        concur.sleep(0.1)
        e:set()
      end):start()
      e:wait()
      print(p:join())
    ]])
    assert.equal("true\n", out)
  end)

  it("what the parent had printed is written once", function()
    local out = h.output([[
      local concur = require "concur"
      io.stdout:setvbuf "full"
      io.write "parent "
      local function child(i)
        io.write(i, " ")
        if i == 2 then os.exit(0) end
      end
      for i = 1, 3 do assert(concur.process(child, i):start():join()) end
      io.write "end\n"
    ]])
    local words = {}
    for word in out:gmatch "%S+" do words[#words + 1] = word end
    table.sort(words)
    kit.same({ "1", "2", "3", "end", "parent" }, words)
  end)

  it("the script's end waits for children, and ends daemons", function()
    local r = h.run([[
      local concur = require "concur"
      local said = concur.event()
      concur.process { daemon = true, target = function() concur.sleep(30) print "never" end }:start()
      concur.process(function() said:wait() print "child" end):start()
      print "main"
      io.stdout:flush()
      said:set()
    ]])
    assert.equal("main\nchild\n", r.out, r.text)
    assert.is_true(r.seconds < 10, r.text)
  end)

  it("Ctrl-C interrupts a child, which ends with code 1", function()
    concur.excepthook = false
    local p = waiting(concur.sleep, 20)
    p:signal(2)
    local ok, err = h.join(p)
    assert.is_false(ok)
    assert.matches("interrupted!", err)
    assert.equal(1, p.exitcode)
    if h.holds_signals then return end
    local on = concur.event()
    local busy = start(function()
      on:set()
      while true do end
    end)
    assert.is_true(on:wait(T))
    busy:signal(2)
    assert.matches("interrupted!", select(2, h.join(busy)))
  end)
end)
