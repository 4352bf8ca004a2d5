-- concur.thread: making, starting, joining, results, errors, status.
local concur = require "concur"
local h = require "spec.support.helpers"

local huge = math.huge

for _, kind in ipairs(h.kinds) do
  local current = h.current[kind]

  local make = concur[kind]
  local function start(...) return make(...):start() end

  describe("concur." .. kind, function()
    before_each(function() concur.excepthook = false end)

    describe("results", function()
      local shared = { 1 }
      local values = {
        ["nil"] = table.pack(nil),
        ["no value"] = table.pack(),
        ["true"] = table.pack(true),
        ["false"] = table.pack(false),
        ["integers"] = table.pack(0, -1, math.maxinteger, math.mininteger),
        ["floats"] = table.pack(0.5, -0.0, huge, -huge, 1e308, 2.0),
        ["strings"] = table.pack("", "x", "a\0b\xff", ("y"):rep(100000)),
        ["a nil first"] = table.pack(nil, 2),
        ["nils in the middle"] = table.pack(1, nil, nil, 4),
        ["nils at the end"] = table.pack(1, nil, nil),
        ["tables"] = table.pack({}, { 1, 2, { 3 } }, { a = { b = { c = "d" } } }),
        ["the same table twice"] = table.pack(shared, shared, { shared }),
        ["library functions"] = table.pack(string.rep, table.insert, math),
      }
      for name, list in pairs(values) do
        it("can be " .. name, function()
          local got = table.pack(h.join(start(function(v) return table.unpack(v, 1, v.n) end, list)))
          assert.is_true(got[1])
          assert.equal(list.n + 1, got.n)
          for i = 1, list.n do
            assert.same(list[i], got[i + 1])
            assert.equal(math.type(list[i]), math.type(got[i + 1]))
          end
        end)
      end

      it("keep NaN and -0.0", function()
        local nan, zero = h.results(start(function() return 0 / 0, -0.0 end))
        assert.is_true(nan ~= nan)
        assert.equal(-huge, 1 / zero)
      end)

      it("share what they share", function()
        local a, b = h.results(start(function()
          local t = {}
          t.me = t
          return t, { t }
        end))
        assert.equal(a, a.me)
        assert.equal(a, b[1])
      end)

      it("can be functions and handles", function()
        local q = concur.queue()
        local f, same = h.results(start(function(handle)
          local n = 0
          return function() n = n + 1 return n end, handle
        end, q))
        assert.equal(1, f())
        assert.equal(2, f())
        assert.equal(q, same)
      end)

      it("can be many", function()
        local n = 10000
        local got = table.pack(h.join(start(function(count)
          local list = {}
          for i = 1, count do list[i] = i end
          return table.unpack(list, 1, count)
        end, n)))
        assert.equal(n + 1, got.n)
        for i = 1, n do assert(got[i + 1] == i) end
      end)

      it("are new copies at each join", function()
        local t = start(function() return { 1 } end)
        local a = h.results(t)
        a[1] = "changed"
        local b = h.results(t)
        assert.same({ 1 }, b)
      end)

      it("that cannot cross make the thread fail", function()
        local t = start(function() return 1, { x = coroutine.create(print) } end)
        local ok, err = h.join(t)
        assert.is_false(ok)
        assert.matches("cannot transfer a thread %(at .*%.x%)", err)
        assert.equal("failed", t:status())
      end)
    end)

    describe("arguments", function()
      it("keep their number", function()
        local f = function(...) return select("#", ...), ... end
        assert.same({ 0, n = 1 }, table.pack(h.results(start(f))))
        assert.same({ 1, n = 2 }, table.pack(h.results(start(f, nil))))
        assert.same({ 3, nil, false, n = 4 }, table.pack(h.results(start(f, nil, false, nil))))
      end)

      it("can be many", function()
        local list = {}
        for i = 1, 5000 do list[i] = i end
        local n, last = h.results(start(function(...) return select("#", ...), (select(-1, ...)) end,
          table.unpack(list)))
        assert.equal(5000, n)
        assert.equal(5000, last)
      end)

      it("share what they share", function()
        local x = {}
        assert.is_true(h.results(start(function(a, b) return a == b[1] end, x, { x })))
      end)

      it("that cannot cross raise at the start, and the thread stays new", function()
        local t = make(function() end, { deep = { er = coroutine.create(print) } })
        h.raises("cannot transfer a thread %(at .*%.deep%.er%)", function() t:start() end)
        assert.equal("new", t:status())
        assert.is_false(t:is_alive())
        h.raises("cannot join an unstarted", function() t:join() end)
      end)

      it("can be repaired after a start that raised", function()
        local args = { coroutine.create(print) }
        local t = make { target = function(x) return x end, args = args }
        assert.is_false(pcall(t.start, t))
        args[1] = 7
        t:start()
        assert.equal(7, h.results(t))
      end)

      it("are copied at the start, not before and not after", function()
        local list, up = { 1 }, 1
        local gate = concur.event()
        local t = make(function(l)
          gate:wait(20)
          return l[1], up
        end, list)
        list[1], up = 2, 2
        t:start()
        list[1], up = 3, 3
        gate:set()
        assert.same({ 2, 2 }, { h.results(t) })
      end)
    end)

    describe("errors", function()
      it("keep a string, with its position", function()
        local f = function() error("boom") end
        local line = debug.getinfo(f, "S").linedefined
        local ok, err = h.join(start(f))
        assert.is_false(ok)
        assert.equal(("spec/thread_spec.lua:%d: boom"):format(line), err)
      end)

      for name, value in pairs { ["false"] = false, ["true"] = true, integer = 42, float = 0.5, string = "plain" } do
        it("keep a " .. name, function()
          local got = table.pack(h.join(start(function(v) error(v, 0) end, value)))
          assert.same({ false, value, n = 2 }, got)
        end)
      end

      it("keep nil", function()
        local t = start(function() error(nil) end)
        local got = table.pack(h.join(t))
        assert.equal(2, got.n)
        assert.is_false(got[1])
        assert.is_nil(got[2])
        assert.equal("failed", t:status())
      end)

      it("keep a table with its metatable", function()
        local ok, err = h.join(start(function()
          error(setmetatable({ code = 7, list = { 1, 2 } }, { __tostring = function(e) return "E" .. e.code end }))
        end))
        assert.is_false(ok)
        assert.equal(7, err.code)
        assert.same({ 1, 2 }, err.list)
        assert.equal("E7", tostring(err))
      end)

      it("keep a handle", function()
        local q = concur.queue()
        local ok, err = h.join(start(function() error(q) end))
        assert.is_false(ok)
        assert.equal(q, err)
      end)

      it("that cannot cross become text", function()
        local t = start(function() error(coroutine.create(print)) end)
        local ok, err = h.join(t)
        assert.is_false(ok)
        assert.equal("string", type(err))
        assert.equal("failed", t:status())
      end)

      it("of the run-time system are strings like any", function()
        local ok, err = h.join(start(function()
          local x = nil
          return x.y
        end))
        assert.is_false(ok)
        assert.matches("^spec/thread_spec.lua:%d+: attempt to index a nil value", err)
      end)

      it("carry a traceback that names functions and lines", function()
        local function culprit() error("boom") end
        local line = debug.getinfo(culprit, "S").linedefined
        local t = start(function()
          culprit()
          return 1
        end)
        h.join(t)
        local trace = t:traceback()
        assert.matches("boom\nstack traceback:\n", trace)
        assert.matches(("spec/thread_spec.lua:%d:"):format(line), trace)
        assert.matches("culprit", trace)
      end)

      it("have no traceback where there was none", function()
        local t = start(function() return 1 end)
        h.join(t)
        assert.is_nil(t:traceback())
        assert.is_nil(make(print):traceback())
      end)

      it("with a long message cross whole", function()
        local ok, err = h.join(start(function() error(("m"):rep(1000000), 0) end))
        assert.is_false(ok)
        assert.equal(1000000, #err)
      end)

      it("whose __tostring raises do no harm", function()
        local t = start(function() error(setmetatable({ n = 1 }, { __tostring = function() error "no" end })) end)
        local ok, err = h.join(t)
        assert.is_false(ok)
        assert.equal(1, err.n)
      end)
    end)

    describe("start", function()
      it("returns the thread", function()
        local t = make(function() end)
        assert.equal(t, t:start())
        h.join(t)
      end)

      it("raises the second time, while it runs and when it has ended", function()
        local gate = concur.event()
        local t = start(function() gate:wait(20) end)
        h.raises("threads can only be started once", function() t:start() end)
        gate:set()
        h.join(t)
        h.raises("threads can only be started once", function() t:start() end)
        local f = start(function() error "x" end)
        h.join(f)
        h.raises("threads can only be started once", function() f:start() end)
      end)

      it("runs the function once", function()
        local n = concur.value(0)
        local t = make(function() n:add(1) end)
        t:start()
        pcall(t.start, t)
        h.join(t)
        assert.equal(1, n:get())
      end)
    end)

    describe("join", function()
      it("can be repeated", function()
        local t = start(function() return 1, 2 end)
        for _ = 1, 3 do assert.same({ true, 1, 2 }, { h.join(t) }) end
        local f = start(function() error({ 1 }) end)
        for _ = 1, 3 do assert.same({ false, { 1 } }, { h.join(f) }) end
      end)

      it("works from other states, at once and later", function()
        local gate = concur.event()
        local t = start(function()
          gate:wait(20)
          return "result", nil, 3
        end)
        local joiners = {}
        for i = 1, 5 do joiners[i] = start(function(x) return x:join(20) end, t) end
        for _, j in ipairs(joiners) do h.await_status(j, "waiting") end
        gate:set()
        for _, j in ipairs(joiners) do assert.same({ true, "result", nil, 3, n = 4 }, table.pack(h.results(j))) end
        assert.same({ true, "result", nil, 3 }, { h.join(t) })
        assert.same({ true, "result", nil, 3 }, { h.results(start(function(x) return x:join(20) end, t)) })
      end)

      it("gives a failure to every state", function()
        local t = start(function() error({ code = 3 }) end)
        local ok, err = h.results(start(function(x) return x:join(20) end, t))
        assert.is_false(ok)
        assert.equal(3, err.code)
        assert.matches("stack traceback", h.results(start(function(x)
          x:join(20)
          return x:traceback() or "stack traceback"
        end, t)))
      end)

      it("works on the thread of a thread that has gone", function()
        local inner = h.results(start(function(m) return concur[m](function() return 5 end):start() end, kind))
        assert.equal(5, h.results(inner))
      end)

      local short = { ["0"] = 0, ["0.0"] = 0.0, ["false"] = false, ["-0.0"] = -0.0, ["a short time"] = 0.01 }
      for name, timeout in pairs(short) do
        it("with a timeout of " .. name .. " says so", function()
          local gate = concur.event()
          local t = start(function() gate:wait(20) end)
          assert.same({ nil, "timeout", n = 2 }, table.pack(t:join(timeout)))
          assert.is_true(t:is_alive())
          gate:set()
          h.join(t)
          assert.same({ true, n = 1 }, table.pack(t:join(timeout)))
        end)
      end

      it("waits as long as it was told", function()
        local gate = concur.event()
        local t = start(function() gate:wait(20) end)
        local before = concur.now()
        assert.is_nil((t:join(0.05)))
        local took = concur.now() - before
        assert.is_true(took >= 0.05, took)
        gate:set()
        h.join(t)
      end)

      it("with no timeout, nil, true or infinity waits for ever", function()
        local forms = { table.pack(), table.pack(nil), table.pack(true), table.pack(huge), table.pack(1e300) }
        for _, form in ipairs(forms) do
          local gate = concur.event()
          local t = start(function()
            gate:wait(20)
            return "x"
          end)
          local joiner = start(function(x, a) return x:join(table.unpack(a, 1, a.n)) end, t, form)
          h.await_status(joiner, "waiting")
          gate:set()
          assert.same({ true, "x" }, { h.results(joiner) })
        end
      end)

      it("refuses a timeout that is none", function()
        local t = start(function() end)
        h.join(t)
        for _ = 1, 2 do
          h.raises("bad argument #1 to 'join' %(", function() t:join(-1) end)
          h.raises("bad argument #1 to 'join' %(", function() t:join(-1e-9) end)
          h.raises("bad argument #1 to 'join' %(", function() t:join(-huge) end)
          h.raises("bad argument #1 to 'join' %(", function() t:join(0 / 0) end)
          h.raises("bad argument #1 to 'join' %(", function() t:join("soon") end)
          h.raises("bad argument #1 to 'join' %(", function() t:join({}) end)
          h.raises("bad argument #1 to 'join' %(", function() t:join(print) end)
          t = start(function() concur.sleep(0.01) end) -- and the same while it runs
        end
        h.join(t)
      end)

      it("of an unstarted thread raises", function()
        local t = make(function() end)
        h.raises("unstarted", function() t:join() end)
        h.raises("unstarted", function() t:join(0) end)
      end)

      it("of oneself raises", function()
        local ok, err = h.results(start(function() return pcall(function() return (current():join()) end) end))
        assert.is_false(ok)
        assert.matches("^spec/thread_spec.lua:%d+: .*join itself", err)
        h.raises("join itself", function() current():join(0) end)
      end)
    end)

    describe("status", function()
      it("goes from new to running to done", function()
        local go, seen = concur.value(false), concur.event()
        local t = make(function()
          seen:set()
          while not go:get() do concur.yield() end
        end)
        assert.equal("new", t:status())
        assert.is_false(t:is_alive())
        t:start()
        assert.is_true(t:is_alive())
        assert.is_true(seen:wait(20))
        assert.equal("running", t:status())
        go:set(true)
        h.join(t)
        assert.equal("done", t:status())
        assert.is_false(t:is_alive())
      end)

      it("is failed after an error", function()
        local t = start(function() error "x" end)
        h.join(t)
        assert.equal("failed", t:status())
        assert.is_false(t:is_alive())
      end)

      it("is running right after the start", function()
        local gate = concur.event()
        for _ = 1, 50 do
          local t = start(function() gate:wait(20) end)
          local status = t:status()
          assert.is_true(status == "running" or status == "waiting", status)
        end
        gate:set()
      end)

      local function full()
        local q = concur.queue(1)
        q:put(1)
        return q
      end
      local function held()
        local l = concur.lock()
        l:acquire()
        return l
      end
      -- what blocks, on what, and what ends it
      local blocked = {
        { "queue:get", function(q) return q:get(20) end, concur.queue, function(q) q:put(1) end },
        { "queue:put", function(q) return q:put(2, 20) end, full, function(q) q:get() end },
        { "the loop over queue:items", function(q) return q:items()() end, concur.queue,
          function(q) q:close() end },
        { "event:wait", function(e) return e:wait(20) end, concur.event, function(e) e:set() end },
        { "lock:acquire", function(l) l:acquire(20):release() end, held, function(l) l:release() end },
        { "lock:with", function(l) l:with(function() end) end, held, function(l) l:release() end },
      }
      for _, case in ipairs(blocked) do
        local name, fn, object, finish = table.unpack(case)
        it("is waiting in " .. name, function()
          local o = object()
          local t = start(fn, o)
          h.await_status(t, "waiting")
          assert.is_true(t:is_alive())
          finish(o)
          h.results(t)
          assert.equal("done", t:status())
        end)
      end

      it("is waiting in sleep and in join", function()
        local gate = concur.event()
        local other = start(function() gate:wait(20) end)
        local joins = start(function(x) return x:join(20) end, other)
        local sleeps = start(function() concur.sleep(0.2) end)
        h.await_status(sleeps, "waiting")
        h.await_status(joins, "waiting")
        gate:set()
        h.results(joins)
        h.results(sleeps)
      end)

      it("is running again after a wait", function()
        local gate, seen, stop = concur.event(), concur.event(), concur.value(false)
        local t = start(function()
          gate:wait(20)
          seen:set()
          while not stop:get() do concur.yield() end
        end)
        h.await_status(t, "waiting")
        gate:set()
        assert.is_true(seen:wait(20))
        assert.equal("running", t:status())
        stop:set(true)
        h.results(t)
      end)

      it("can be asked in the thread itself", function()
        assert.equal("running", h.results(start(function() return current():status() end)))
      end)
    end)

    describe("handles", function()
      it("print kind, name and status", function()
        local t = make { target = function() end, name = "worker" }
        assert.matches("^concur%." .. kind .. ": 0x%x+ %(.*worker.*new.*%)$", tostring(t))
        assert.equal(kind, concur.type(t))
      end)

      it("are equal when they mean the same thread", function()
        local a, b = make(function() return current() end), make(function() end)
        assert.is_true(a == h.results(a:start()))
        assert.is_false(a == b)
        assert.equal(a:id(), h.results(a):id())
        assert.not_equal(a:id(), b:id())
      end)

      it("refuse strange receivers", function()
        local t = make(function() end)
        for _, name in ipairs { "start", "join", "is_alive", "status", "cancel", "traceback" } do
          assert.is_false(pcall(t[name]))
          assert.is_false(pcall(t[name], {}))
          assert.is_false(pcall(t[name], concur.queue()))
          assert.is_false(pcall(t[name], io.stdout))
        end
        h.raises("bad argument", function() t.join(concur.queue()) end)
        h.raises("bad argument", function() t.start(1) end)
      end)

      it("refuse fields that do not exist", function()
        local t = make(function() end)
        assert.is_nil(t.nonsense)
        h.raises("nonsense", function() t.nonsense = 1 end)
      end)

      it("can all go while the thread runs", function()
        local gate, done = concur.event(), concur.queue()
        for i = 1, 10 do
          start(function()
            gate:wait(20)
            done:put(i)
          end)
        end
        collectgarbage()
        collectgarbage()
        gate:set()
        local sum = 0
        for _ = 1, 10 do sum = sum + done:get(20) end
        assert.equal(55, sum)
      end)
    end)

    it("runs 100 in sequence and leaves nothing", function()
      for _ = 1, 10 do h.results(start(function() end)) end
      collectgarbage()
      collectgarbage()
      local before = concur.info()
      for i = 1, 100 do assert(h.results(start(function(x) return x * 2 end, i)) == 2 * i) end
      for _ = 1, 20 do h.join(start(function() error({}) end)) end
      collectgarbage()
      collectgarbage()
      -- the last thread's message goes a moment after its end was told
      h.poll("objects to go", function()
        local after = concur.info()
        for name, n in pairs(after.objects) do
          if n > before.objects[name] then return false end
        end
        return after.threads == 1
      end)
    end)

    it("keeps 100 alive at once", function()
      local gate = concur.event()
      local list = {}
      for i = 1, 100 do
        list[i] = start(function()
          gate:wait(20)
          return i
        end)
      end
      local function alive() return kind == "thread" and concur.active_count() - 1 or #concur.active_children() end
      assert.equal(100, alive())
      gate:set()
      for i = 1, 100 do assert.equal(i, h.results(list[i])) end
      assert.equal(0, alive())
    end)
  end)
end

describe("concur.spawn", function()
  it("makes and starts", function()
    local t = concur.spawn(function(...) return select("#", ...), ... end, 1, nil)
    assert.equal("thread", concur.type(t))
    assert.same({ 2, 1, nil, n = 3 }, table.pack(h.results(t)))
    h.raises("threads can only be started once", function() t:start() end)
  end)

  it("refuses what is no function", function()
    h.raises("bad argument #1 to 'spawn' %(", function() concur.spawn() end)
    h.raises("bad argument #1 to 'spawn' %(", function() concur.spawn(1, 2) end)
    h.raises("bad argument #1 to 'spawn' %(", function() concur.spawn(nil) end)
    h.raises("cannot transfer a thread", function() concur.spawn(print, coroutine.create(print)) end)
  end)
end)
