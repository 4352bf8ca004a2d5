-- Deadlocks: what is found, what the report says, and what must never be reported.
-- Each case is a script of its own, since the main thread is part of most.
local h = require "spec.support.helpers"

local PRELUDE = [[local concur = require "concur" local hook = concur.excepthook concur.excepthook = false
]]

-- Runs a script. A comment `--@name` marks a line; where.name is "file:line" of it, as a pattern.
local function run(script, options)
  local where, n = {}, 0
  script = PRELUDE .. script
  for line in script:gmatch("([^\n]*)\n") do
    n = n + 1
    local name = line:match("%-%-@(%w+)")
    if name then where[name] = "[^\n:]*:" .. n end
  end
  local r = h.run(script, options or { timeout = 15 })
  assert.is_false(r.hung, r.text)
  return r, where
end

-- The script must end well; its output.
local function quiet(script, options)
  local r = run(script, options)
  if r.code ~= 0 or r.err ~= "" then error(r.text, 2) end
  return r.out
end

local function matches(pattern, r, text)
  if not (text or r.out):find(pattern) then error(("no %q in %s"):format(pattern, r.text), 2) end
end

local function count(text, pattern) return select(2, text:gsub(pattern, "")) end

-- Prints what each of the threads was told, in order of their names.
local TELL = [[
  local function tell(list)
    for _, t in ipairs(list) do
      local ok, err = t:join(10)
      print("[" .. t.name .. "] " .. tostring(ok) .. " " .. tostring(err))
    end
  end
]]

describe("a circle of rlocks", function()
  it("of two is told to both, while other threads run", function()
    local r, where = run(TELL .. [[
      local a, b, both = concur.rlock(), concur.rlock(), concur.barrier(2)
      local stop = concur.value(false)
      local busy = concur.spawn(function() while not stop:get() do end end)
      local function take(first, second)
        local held <close> = first:acquire()
        both:wait(10)
        second:acquire() --@take
      end
      local list = {
        concur.thread{ name = "anna", target = take, args = { a, b } }:start(),
        concur.thread{ name = "bert", target = take, args = { b, a } }:start(),
      }
      tell(list)
      stop:set(true)
      busy:join()
      print(a:locked(), b:locked())
    ]])
    assert.equal(0, r.code, r.text)
    assert.equal("", r.err, r.text)
    for _, pair in ipairs { { "anna", "bert" }, { "bert", "anna" } } do
      matches(("%%[%s%%] false %s: deadlock: "):format(pair[1], where.take), r)
      matches(("\n *%s waits for concur%%.rlock: 0x%%x+, held by %s, at %s\n"):format(pair[1], pair[2], where.take), r)
    end
    matches("false\tfalse\n$", r)
  end)

  it("of three names each, its holder and its line", function()
    local r, where = run(TELL .. [[
      local locks, all = { concur.rlock(), concur.rlock(), concur.rlock() }, concur.barrier(3)
      local function take(i)
        local held <close> = locks[i]:acquire():acquire()
        all:wait(10)
        if i == 1 then
          locks[2]:acquire() --@one
        elseif i == 2 then
          locks[3]:acquire() --@two
        else
          locks[1]:acquire() --@three
        end
      end
      local list = {}
      for i = 1, 3 do list[i] = concur.thread{ name = "t" .. i, target = take, args = { i } }:start() end
      concur.sleep(0.001)
      tell(list)
    ]])
    assert.equal(0, r.code, r.text)
    for i, mark in ipairs { "one", "two", "three" } do
      local next_one = i % 3 + 1
      matches(("%%[t%d%%] false %s: deadlock: "):format(i, where[mark]), r)
      matches(("t%d waits for concur%%.rlock: 0x%%x+, held by t%d, at %s\n"):format(i, next_one, where[mark]), r)
    end
    assert.equal(3, count(r.out, ": deadlock: "), r.text)
  end)

  it("with the main thread in it is raised there, and the script goes on", function()
    local r, where = run [[
      local a, b, ready = concur.rlock(), concur.rlock(), concur.event()
      a:acquire()
      local t = concur.thread{ name = "other", target = function()
        local held <close> = b:acquire()
        ready:set()
        return pcall(a.acquire, a)
      end }:start()
      ready:wait()
      local ok, err = pcall(function()
        b:acquire() --@main
      end)
      print(ok, err)
      a:release()
      local fine, got, why = t:join(10)
      print(fine, got, why)
      print(a:acquire(1) == a or "held by the thread that ended", b:acquire(1) == b)
    ]]
    assert.equal(0, r.code, r.text)
    matches("^false\t" .. where.main .. ": deadlock: ", r)
    matches("MainThread waits for concur%.rlock: 0x%x+, held by other, at " .. where.main, r)
    matches("other waits for concur%.rlock: 0x%x+, held by MainThread", r)
    matches("true\ttrue\n$", r)
  end)

  it("is not one with a timeout in it", function()
    assert.equal("false\ttrue\n", quiet [[
      local a, b, both = concur.rlock(), concur.rlock(), concur.barrier(2)
      local t = concur.spawn(function()
        local held <close> = a:acquire()
        both:wait(10)
        return b:acquire(0.15)
      end)
      local got = concur.spawn(function()
        local held <close> = b:acquire()
        both:wait(10)
        return a:acquire() == a
      end)
      local _, first = t:join()
      local _, second = got:join()
      print(first, second)
    ]])
  end)
end)

describe("a lock taken twice by one thread", function()
  it("is a deadlock when nobody else is there", function()
    local r, where = run [[
      local l = concur.lock()
      l:acquire()
      print(pcall(function()
        l:acquire() --@again
      end))
      l:release()
      print(l:acquire(0) == l)
    ]]
    matches("^false\t" .. where.again .. ": deadlock: ", r)
    matches("MainThread waits for concur%.lock: 0x%x+, held by MainThread, at " .. where.again, r)
    matches("\ntrue\n$", r)
    assert.equal(0, r.code, r.text)
  end)

  it("uncaught ends the script with status 1 and the report", function()
    local r, where = run [[
      local l = concur.lock()
      l:acquire()
      l:acquire() --@again
      print "not reached"
    ]]
    assert.equal(1, r.code, r.text)
    assert.equal("", r.out)
    matches(where.again .. ": deadlock: ", r, r.err)
    assert.equal(1, count(r.err, "deadlock: "), r.text)
  end)

  it("in another thread, while main waits for it at the script's end", function()
    local r, where = run [[
      concur.excepthook = hook
      concur.thread{ name = "selfish", target = function()
        local l = concur.lock()
        l:acquire()
        l:acquire() --@again
      end }:start()
    ]]
    assert.equal(0, r.code, r.text)
    matches(where.again .. ": deadlock: ", r, r.err)
    matches("selfish waits for concur%.lock: 0x%x+, held by selfish, at " .. where.again, r, r.err)
    matches("MainThread waits for concur%.thread", r, r.err)
    assert.equal(1, count(r.err, ": deadlock: "), r.text)
  end)
end)

describe("a family in which everybody waits", function()
  -- name of the object in the report, set-up, the wait of a thread
  local waits = {
    { "queue", "concur.queue()", "o:get()" },
    { "queue", "concur.queue(1)", "o:put(1) o:put(2)" },
    { "event", "concur.event()", "o:wait()" },
    { "condition", "concur.condition()", "o:acquire() o:wait()" },
    { "condition", "concur.condition(concur.lock())", "o:acquire() o:wait_for(function() end)" },
    { "semaphore", "concur.semaphore(0)", "o:acquire()" },
    { "bounded_semaphore", "concur.bounded_semaphore(0)", "o:acquire()" },
    { "barrier", "concur.barrier(3)", "o:wait()" },
    { "latch", "concur.latch(1)", "o:wait()" },
    { "rwlock", "(function() local w = concur.rwlock() kept = w:write() return w end)()", "o:read()" },
    { "rwlock", "(function() local w = concur.rwlock() kept = w:read() return w end)()", "o:write()" },
    { "lock", "concur.lock():acquire()", "o:acquire()" },
    { "rlock", "concur.rlock():acquire()", "o:acquire()" },
    { "thread", "concur.main()", "o:join()" },
  }

  for _, case in ipairs(waits) do
    local kind, make, wait = table.unpack(case)

    it("in " .. make .. ", " .. wait, function()
      local r, where = run(([[
        local o = %s
        local t = concur.thread{ name = "waiter", target = function()
          local ok, err = pcall(function()
            %s --@thread
          end)
          return ok, err
        end }:start()
        local ok, err = pcall(function() return t:join() --@main
        end)
        print("main", ok, err)
        print("thread", t:join(10))
        print "end"
      ]]):format(make, wait))
      assert.equal(0, r.code, r.text)
      assert.equal("", r.err, r.text)
      matches("^main\tfalse\t" .. where.main .. ": deadlock: ", r)
      matches("\nthread\ttrue\tfalse\t" .. where.thread .. ": deadlock: ", r)
      matches("\n *MainThread waits for concur%.thread: 0x%x+, at " .. where.main .. "\n", r)
      matches("\n *waiter waits for concur%." .. kind .. ": 0x%x+[^\n]*, at " .. where.thread .. "\n", r)
      matches("\nend\n$", r)
    end)
  end

  it("tells each thread once, whatever they wait for", function()
    local r = run(TELL .. [[
      local q, full, e, c, s = concur.queue(), concur.queue(1), concur.event(), concur.condition(), concur.semaphore(0)
      local b, l, o, w, k = concur.barrier(5), concur.latch(2), concur.once(), concur.rwlock(), concur.lock()
      local later = concur.event()
      full:put(1)
      k:acquire()
      local hold = w:read()
      local bodies = {
        function() q:get() end,
        function() full:put(1) end,
        function() e:wait() end,
        function() c:with(function() c:wait() end) end,
        function() s:acquire() end,
        function() b:wait() end,
        function() l:wait() end,
        function() w:write() end,
        function() w:write() end,
        function() k:acquire() end,
        function() for _ in q:items() do e:set() end end,
        function(t) t:join() end,
      }
      local list = {}
      for i, f in ipairs(bodies) do
        list[i] = concur.thread{ name = "t" .. i, target = f, args = { list[1] } }:start()
      end
      -- the second runs once the first has failed: one of them at least is told
      local two = {}
      for i = 1, 2 do
        two[i] = concur.thread{ name = "once" .. i, target = function()
          return o:run(function() return later:wait() end)
        end }:start()
      end
      local ok, err = pcall(function() e:wait() end)
      print("[MainThread]", ok, err)
      tell(list)
      later:set()
      tell(two)
      hold:release()
    ]])
    assert.equal(0, r.code, r.text)
    matches("%[MainThread%]\tfalse\t", r)
    for i = 1, 12 do
      matches(("%%[t%d%%] false [^\n]*: deadlock: "):format(i), r)
      matches(("\n *t%d waits for concur%%."):format(i), r)
    end
    for i = 1, 2 do matches(("\n *once%d waits for concur%%."):format(i), r) end
    matches("waits for concur%.once: ", r)
    matches("%[once%d%] false [^\n]*: deadlock: ", r)
    assert.is_true(count(r.out, ": deadlock: ") >= 14, r.text)
  end)

  it("with threads that join each other", function()
    local r = run(TELL .. [[
      local other, list = {}, {}
      for i = 1, 3 do
        other[i] = concur.queue()
        list[i] = concur.thread{ name = "t" .. i, target = function() other[i]:get(10):join() end }:start()
      end
      for i = 1, 3 do other[i]:put(list[i % 3 + 1]) end
      print(pcall(function() list[1]:join() end))
      tell(list)
    ]])
    assert.equal(0, r.code, r.text)
    assert.is_true(count(r.out, ": deadlock: ") >= 4, r.text)
    for i = 1, 3 do matches(("%%[t%d%%] false "):format(i), r) end
  end)

  it("is found when the last that could signal ends", function()
    local r = run [[
      local e = concur.event()
      local t = concur.thread{ name = "waiter", target = function() return pcall(function() e:wait() end) end }:start()
      while t:status() ~= "waiting" do concur.yield() end
      concur.spawn(function(x)
        while x:status() ~= "waiting" do concur.yield() end
        concur.sleep(0.05)
      end, concur.main())
      print(pcall(function() e:wait() end))
      print(t:join(10))
    ]]
    assert.equal(0, r.code, r.text)
    assert.equal(2, count(r.out, ": deadlock: every"), r.text)
  end)

  it("is found when the last timer has run, or was cancelled", function()
    for _, finish in ipairs { "", "concur.spawn(function(t) concur.sleep(0.03) t:cancel() end, timer)" } do
      local r = run(([[
        local e = concur.event()
        local timer = concur.timer(%s, function() end):start()
        %s
        print(pcall(function() e:wait() end))
      ]]):format(finish == "" and "0.05" or "60", finish))
      assert.equal(0, r.code, r.text)
      matches(": deadlock: ", r)
    end
  end)

  it("with main at the script's end ends the script, each thread telling why", function()
    local r, where = run [[
      concur.excepthook = hook
      local q = concur.queue()
      for i = 1, 3 do
        concur.thread{ name = "getter-" .. i, target = function()
          q:get() --@get
        end }:start()
      end
      print "end"
    ]]
    assert.equal(0, r.code, r.text)
    assert.equal("end\n", r.out)
    assert.equal(3, count(r.err, where.get .. ": deadlock: "), r.text)
    for i = 1, 3 do
      matches("getter%-" .. i .. " waits for concur%.queue: 0x%x+, at " .. where.get, r, r.err)
    end
    matches("MainThread waits for concur%.thread: 0x%x+", r, r.err)
  end)

  it("may go on after it was caught, and be told again", function()
    local r = run [[
      local q, done = concur.queue(), concur.queue()
      local t = concur.spawn(function()
        local ok, first = pcall(function() q:get() end)
        local ok2, second = pcall(function() q:get() end)
        done:put(first:find(": deadlock: ") and second:find(": deadlock: ") and true)
        return q:get()
      end)
      print((pcall(function() t:join() end)))
      print((pcall(function() t:join() end)))
      print(done:get(10))
      q:put("fine")
      print(t:join())
    ]]
    assert.equal(0, r.code, r.text)
    matches("^false\nfalse\ntrue\ntrue\tfine\n$", r)
  end)

  it("told in a coroutine names the line there", function()
    local r, where = run [[
      local q = concur.queue()
      print(coroutine.resume(coroutine.create(function()
        local x = q:get() --@get
        return x
      end)))
    ]]
    matches("^false\t" .. where.get .. ": deadlock: ", r)
    matches("MainThread waits for concur%.queue: 0x%x+, at " .. where.get, r)
  end)

  it("called by a C function names the line that called that", function()
    local r, where = run [[
      local e, c = concur.event(), concur.condition()
      print(pcall(e.wait, e)) --@event
      print(pcall(function()
        c:with(c.wait, c) --@condition
      end))
    ]]
    assert.equal(0, r.code, r.text)
    matches("^false\t" .. where.event .. ": deadlock: ", r)
    matches("\nfalse\t" .. where.condition .. ": deadlock: ", r)
  end)

  it("of a hundred threads names many of them", function()
    local r = run [[
      local e, list = concur.event(), {}
      for i = 1, 120 do list[i] = concur.spawn(function() e:wait() end) end
      local ok, err = pcall(function() e:wait() end)
      print(select(2, err:gsub(" waits for concur%.event", "")), err:match("and %d+ more"))
      local n = 0
      for _, t in ipairs(list) do
        local fine, why = t:join(10)
        if fine == false and why:find(": deadlock: ") then n = n + 1 end
      end
      print(n)
    ]]
    assert.equal(0, r.code, r.text)
    matches("^100\tand 21 more\n120\n$", r)
  end)

  it("leaves the objects as if nobody had waited", function()
    assert.equal("0\t1\t0\tfalse\ttrue\t3\t0\ttrue\n", quiet [[
      local q, full, c, e, s, b, l = concur.queue(), concur.queue(1), concur.condition(), concur.event(),
        concur.semaphore(0), concur.barrier(9), concur.latch(3)
      full:put(1)
      local list = {}
      for i, f in ipairs {
        function() q:get() end, function() full:put(2) end, function() c:with(c.wait, c) end,
        function() e:wait() end, function() s:acquire() end, function() b:wait() end, function() l:wait() end,
      } do list[i] = concur.spawn(f) end
      pcall(e.wait, e)
      for _, t in ipairs(list) do assert(t:join(10) == false) end
      s:release()
      s:acquire(0)
      print(q:qsize(), full:qsize(), s:value(), e:is_set(), b:broken(), l:count(), c:with(c.notify_all, c),
        c:acquire(0) == c)
    ]])
  end)
end)

describe("no deadlock is reported", function()
  -- main waits for ever for e; what sets it: name, code
  for _, case in ipairs {
    { "a thread that sleeps", "concur.spawn(function() concur.sleep(0.1) e:set() end)" },
    { "a thread with a timeout", "concur.spawn(function() concur.queue():get(0.1) e:set() end)" },
    { "a thread with a timeout on an rlock", [[
      local r = concur.rlock()
      concur.spawn(function()
        local held <close> = r:acquire()
        concur.spawn(function() r:acquire(0.1) e:set() end)
        e:wait()
      end)]] },
    { "a busy thread", [[concur.spawn(function()
        local till = concur.now() + 0.1
        while concur.now() < till do end
        e:set()
      end)]] },
    { "a thread in io.read of a pipe", [[concur.spawn(function()
        local p = io.popen("sleep 0.1; echo x")
        p:read("a")
        p:close()
        e:set()
      end)]] },
    { "a thread in os.execute", "concur.spawn(function() os.execute('sleep 0.1') e:set() end)" },
    { "a timer", "concur.timer(0.1, function() e:set() end):start()" },
    { "a repeating timer", [[
      local n = concur.value(0)
      kept = concur.timer{ interval = 0.03, repeating = true, target = function()
        if n:add(1) == 4 then
          e:set()
          concur.current():cancel()
        end
      end }:start() ]] },
    { "a timer that waits in its function", "concur.timer(0.05, function() concur.sleep(0.1) e:set() end):start()" },
    { "a timer that starts a timer", [[concur.timer(0.05, function()
        concur.timer(0.1, function() e:set() end):start()
      end):start()]] },
    { "a chain of threads that just start", [[
      local function chain(n, f)
        if n == 0 then e:set() else concur.spawn(f, n - 1, f) end
      end
      concur.spawn(chain, 200, chain)]] },
    { "a chain of threads with stacks of their own", [[
      local function chain(n, f)
        if n == 0 then e:set() else concur.thread{ stack = 262144, target = f, args = { n - 1, f } }:start() end
      end
      concur.spawn(chain, 50, chain)]] },
    { "a finalizer at a thread's end", [[concur.spawn(function()
        kept = setmetatable({}, { __gc = function() concur.sleep(0.1) e:set() end })
      end)]] },
    { "a __close handler", [[concur.spawn(function()
        local _ <close> = setmetatable({}, { __close = function() concur.sleep(0.1) e:set() end })
        error "x"
      end)]] },
    { "the excepthook", [[
      concur.excepthook = function() concur.sleep(0.1) e:set() end
      concur.spawn(error, "x")]] },
    { "a daemon", "concur.thread{ daemon = true, target = function() concur.sleep(0.1) e:set() end }:start()" },
    { "a thread that cancels another which waits", [[
      local t = concur.spawn(function() pcall(concur.queue().get, concur.queue()) e:set() end)
      concur.spawn(function() concur.sleep(0.1) t:cancel() end)]] },
  } do
    local name, code = table.unpack(case)

    it("while there is " .. name, function()
      assert.equal("true\n", quiet(([[
        local e = concur.event()
        local also = concur.spawn(function() return e:wait() end)
        %s
        print(e:wait())
        also:join()
      ]]):format(code)))
    end)

    it("at the script's end while there is " .. name, function()
      assert.equal("true\n", quiet(([[
        local e = concur.event()
        concur.spawn(function() print(e:wait()) end)
        %s
      ]]):format(code:gsub("daemon = true", "daemon = false"))))
    end)
  end

  it("when all wait, but main reads its standard input", function()
    assert.equal("x\ttrue\n", quiet([[
      local e = concur.event()
      local t = concur.spawn(function() return e:wait() end)
      local p = io.popen("sleep 0.1; echo x")
      local text = p:read("l")
      p:close()
      e:set()
      print(text, select(2, t:join()))
    ]]))
  end)

  it("when threads end one after the other, each the last hope of the next", function()
    assert.equal("ok\n", quiet [[
      for _ = 1, 300 do
        local a = concur.spawn(function() end)
        local b = concur.spawn(function() a:join() end)
        local c = concur.spawn(function() b:join() a:join() end)
        c:join()
      end
      print "ok"
    ]])
  end)

  it("when a nested rlock is only slow", function()
    assert.equal("ok\n", quiet [[
      local a, b = concur.rlock(), concur.rlock()
      local list = {}
      for i = 1, 4 do
        list[i] = concur.spawn(function()
          for k = 1, 3 do
            local x <close> = a:acquire()
            local y <close> = b:acquire()
            if k == 2 then concur.sleep(0.03) end
          end
        end)
      end
      for _, t in ipairs(list) do assert(t:join()) end
      print "ok"
    ]])
  end)

  -- A token goes round among threads that wait without a timeout, main too: all but one
  -- are blocked at any time, and at times the holder keeps it long enough for a close look.
  for _, way in ipairs { "queue", "event", "condition", "semaphore", "lock" } do
    it("in a ring over " .. way .. "s, in which one at a time is awake", function()
      local head = ("local WAY, THREADS, SECONDS = %q, 6, 0.4\n"):format(way)
      assert.equal("ok\n", quiet(head .. h.read("spec/model/ring.lua")))
    end)
  end
end)
