-- Names, idents, daemons, and the functions that list threads.
local concur = require "concur"
local h = require "spec.support.helpers"

local function comm(t)
  return (h.read(("/proc/self/task/%d/comm"):format(t.native_id)) or "gone\n"):match("^(.*)\n$")
end

local gates = {}

-- An event that is set at the end of the test, whatever happens.
local function new_gate()
  local gate = concur.event()
  gates[#gates + 1] = gate
  return gate
end

local function open_gates()
  for _, gate in ipairs(gates) do gate:set() end
  gates = {}
  h.poll("threads to end", function() return concur.active_count() == 1 end)
end

-- A thread that waits until the gate opens.
local function waiter(options)
  local gate = new_gate()
  options = options or {}
  options.target = function()
    gate:wait(20)
    return concur.current().name
  end
  local t = concur.thread(options)
  return t, gate
end

for _, kind in ipairs(h.kinds) do
  local current = h.current[kind]

  local make = concur[kind]

  describe("the name of a " .. kind, function()
    after_each(open_gates)

    it("is what it was told", function()
      local t = make { target = function() return current().name end, name = "worker" }
      assert.equal("worker", t.name)
      t:start()
      assert.equal("worker", h.results(t))
      assert.equal("worker", t.name)
    end)

    local strange = { empty = "", long = ("n"):rep(1000), ["in UTF-8"] = "Fädchen–☃", ["with a zero"] = "a\0b" }
    for what, name in pairs(strange) do
      it("may be " .. what, function()
        local t = make { target = function() return current().name end, name = name }
        assert.equal(name, t.name)
        assert.equal(name, h.results(t:start()))
        t.name = name .. "2"
        assert.equal(name .. "2", t.name)
      end)
    end

    it("is writable before, during and after, from both sides", function()
      local gate = new_gate()
      local t = make(function()
        local first = current().name
        gate:wait(20)
        local second = current().name
        current().name = "third"
        return first, second
      end)
      t.name = "first"
      t:start()
      h.await_status(t, "waiting")
      t.name = "second"
      gate:set()
      assert.same({ "first", "second" }, { h.results(t) })
      assert.equal("third", t.name)
      t.name = "fourth"
      assert.equal("fourth", t.name)
    end)

    it("must be a string", function()
      local t = make(function() end)
      local before = t.name
      h.raises("string", function() t.name = {} end)
      h.raises("string", function() t.name = nil end)
      h.raises("string", function() t.name = true end)
      assert.equal(before, t.name)
      h.raises("name", function() make { target = print, name = {} } end)
      h.raises("name", function() make { target = print, name = true } end)
    end)
  end)

  describe("daemon of a " .. kind, function()
    after_each(open_gates)

    it("is false, or what it was told", function()
      assert.is_false(make(print).daemon)
      assert.is_true(make { target = print, daemon = true }.daemon)
      assert.is_false(make { target = print, daemon = false }.daemon)
      assert.is_true(h.results(make { target = function() return current().daemon end, daemon = true }:start()))
    end)

    it("is inherited, unless told", function()
      local t = make {
        daemon = true,
        args = { kind },
        target = function(k)
          return concur[k](print).daemon, concur[k] { target = print, daemon = false }.daemon,
            concur[k] { target = print }.daemon, h ~= nil
        end,
      }
      assert.same({ true, false, true, true }, { h.results(t:start()) })
      local plain = make(function(k) return concur[k](print).daemon end, kind)
      assert.is_false(h.results(plain:start()))
    end)

    it("is writable before the start only", function()
      local gate = new_gate()
      local t = make(function()
        gate:wait(20)
        return current().daemon
      end)
      t.daemon = true
      assert.is_true(t.daemon)
      t.daemon = false
      t.daemon = true
      t:start()
      h.raises("daemon", function() t.daemon = false end)
      assert.is_true(t.daemon)
      gate:set()
      assert.is_true(h.results(t))
      h.raises("daemon", function() t.daemon = false end)
    end)

    it("must be a boolean", function()
      local t = make(function() end)
      h.raises("boolean", function() t.daemon = 1 end)
      h.raises("boolean", function() t.daemon = nil end)
      h.raises("daemon", function() make { target = print, daemon = 1 } end)
      h.raises("daemon", function() make { target = print, daemon = "yes" } end)
      assert.is_false(t.daemon)
    end)
  end)
end

describe("default names", function()
  it("count unnamed threads only", function()
    assert.equal("Thread-1 Thread-2 x Thread-3 Thread-4 Thread-5", h.output [[
      local concur = require "concur"
      local thread, names = concur.thread, {}
      local function note(t) names[#names + 1] = t.name end
      note(thread(print))
      note(thread { target = print })
      note(thread { target = print, name = "x" })
      note(thread(print))
      local t = concur.spawn(function() return concur.thread(print).name end)
      names[#names + 1] = select(2, t:join(10)) == "Thread-5" and t.name
      names[#names + 1] = select(2, t:join(10))
      io.write(table.concat(names, " "))
    ]])
  end)

  it("are given when the thread is made", function()
    local a, b = concur.thread(print), concur.thread(print)
    assert.equal(tonumber(a.name:match("^Thread%-(%d+)$")) + 1, tonumber(b.name:match("^Thread%-(%d+)$")))
    local before = a.name
    h.results(a:start())
    assert.equal(before, a.name)
  end)
end)

describe("the kernel", function()
  after_each(open_gates)

  it("sees the name, cut to 15 bytes", function()
    for name, seen in pairs { short = "short", ["a-name-longer-than-fifteen"] = "a-name-longer-t" } do
      local t, gate = waiter { name = name }
      t:start()
      h.await_status(t, "waiting")
      assert.equal(seen, comm(t))
      gate:set()
      h.results(t)
    end
  end)

  it("sees the default name, also in a thread that follows another", function()
    for _ = 1, 5 do
      local t, gate = waiter()
      t:start()
      h.await_status(t, "waiting")
      assert.equal(t.name, comm(t))
      gate:set()
      h.results(t)
    end
  end)

  it("sees a thread rename itself", function()
    local gate = new_gate()
    local t = concur.spawn(function()
      concur.current().name = "mine"
      gate:wait(20)
    end)
    h.await_status(t, "waiting")
    assert.equal("mine", comm(t))
    gate:set()
    h.results(t)
  end)

  it("sees a running thread renamed by another", function()
    local t, gate = waiter { name = "before" }
    t:start()
    h.await_status(t, "waiting")
    t.name = "after"
    assert.equal("after", comm(t))
    gate:set()
    assert.equal("after", h.results(t))
  end)

  it("keeps its name for the process", function()
    local own = h.read("/proc/self/comm")
    h.results(concur.thread { target = function() end, name = "other" }:start())
    assert.equal(own, h.read("/proc/self/comm"))
  end)
end)

describe("ident and native_id", function()
  after_each(open_gates)

  it("are nil before the start, and read-only", function()
    local t = concur.thread(print)
    assert.is_nil(t.ident)
    assert.is_nil(t.native_id)
    h.raises("ident", function() t.ident = 1 end)
    h.raises("native_id", function() t.native_id = 1 end)
  end)

  it("are known when start returns", function()
    for _ = 1, 50 do
      local t, gate = waiter()
      t:start()
      local ident, native = t.ident, t.native_id
      gate:set()
      assert.equal("integer", math.type(ident))
      assert.equal("integer", math.type(native))
      h.results(t)
    end
  end)

  it("are the same on both sides, and stay", function()
    local gate = new_gate()
    local t = concur.spawn(function()
      gate:wait(20)
      return concur.current().ident, concur.current().native_id
    end)
    h.await_status(t, "waiting")
    local ident, native = t.ident, t.native_id
    assert.is_not_nil(h.read(("/proc/self/task/%d/comm"):format(native)))
    gate:set()
    assert.same({ ident, native }, { h.results(t) })
    assert.equal(ident, t.ident)
    assert.equal(native, t.native_id)
  end)

  it("are different for each that is alive, idents for each ever", function()
    local idents, main = { [concur.main().ident] = true }, concur.main().native_id
    for _ = 1, 10 do
      local round, gate = {}, new_gate()
      for i = 1, 10 do round[i] = concur.spawn(function() gate:wait(20) end) end
      for _, t in ipairs(round) do h.await_status(t, "waiting") end
      local now = {}
      for _, t in ipairs(round) do
        assert.is_nil(idents[t.ident])
        assert.is_nil(now[t.native_id])
        assert.not_equal(main, t.native_id)
        idents[t.ident], now[t.native_id] = true, true
      end
      gate:set()
      for _, t in ipairs(round) do h.results(t) end
    end
  end)

  it("of the main thread is the process", function()
    assert.equal(tonumber(h.read("/proc/self/stat"):match("^%d+")), concur.main().native_id)
    assert.equal("integer", math.type(concur.main().ident))
  end)
end)

describe("concur.current and concur.main", function()
  it("are the same in the main thread", function()
    assert.equal(concur.main(), concur.current())
    assert.equal("MainThread", concur.main().name)
    assert.equal("thread", concur.type(concur.main()))
    assert.is_true(concur.main():is_alive())
    assert.equal("running", concur.main():status())
    assert.is_false(concur.main().daemon)
  end)

  it("tell threads apart", function()
    local main = concur.main()
    local t = concur.thread(function(m) return concur.current(), concur.main() == m, concur.current() == m end, main)
    local current, same, confused = h.results(t:start())
    assert.equal(t, current)
    assert.is_true(same)
    assert.is_false(confused)
  end)

  it("work in coroutines", function()
    local t = concur.thread(function() return coroutine.wrap(concur.current)() end)
    assert.equal(t, h.results(t:start()))
    assert.equal(concur.main(), coroutine.wrap(concur.current)())
  end)

  it("show the main thread to others as it is", function()
    local t = concur.spawn(function(m)
      while m:status() ~= "waiting" do concur.yield() end
      return m:status(), m:is_alive(), m.name, m.ident
    end, concur.main())
    assert.same({ "waiting", true, "MainThread", concur.main().ident }, { h.results(t) })
  end)

  it("refuse what makes no sense for the main thread", function()
    h.raises("threads can only be started once", function() concur.main():start() end)
    h.raises("join itself", function() concur.main():join() end)
    h.raises("daemon", function() concur.main().daemon = true end)
    local t = concur.spawn(function(m) return m:join(0) end, concur.main())
    assert.same({ nil, "timeout" }, { h.results(t) })
  end)

  it("rename the main thread", function()
    assert.equal("boss boss", h.output [[
      local concur = require "concur"
      concur.main().name = "boss"
      local _, name = concur.spawn(function() return concur.main().name end):join(10)
      io.write(name, " ", io.open("/proc/self/comm"):read())
    ]])
  end)
end)

describe("concur.threads and concur.active_count", function()
  after_each(open_gates)

  local function listed(t)
    for _, x in ipairs(concur.threads()) do
      if x == t then return true end
    end
    return false
  end

  it("show the main thread alone", function()
    assert.same(1, concur.active_count())
    assert.equal(1, #concur.threads())
    assert.equal(concur.main(), concur.threads()[1])
  end)

  it("show a thread from its start to its end", function()
    local t, gate = waiter()
    assert.is_false(listed(t))
    t:start()
    assert.is_true(listed(t))
    assert.equal(2, concur.active_count())
    gate:set()
    h.results(t)
    assert.is_false(listed(t))
    assert.equal(1, concur.active_count())
  end)

  it("show the same in every thread", function()
    local a, gate = waiter()
    a:start()
    local n, list, me = h.results(concur.spawn(function()
      return concur.active_count(), concur.threads(), concur.current()
    end))
    gate:set()
    h.results(a)
    assert.equal(3, n)
    assert.equal(3, #list)
    local found = 0
    for _, t in ipairs(list) do
      if t == a or t == me or t == concur.main() then found = found + 1 end
    end
    assert.equal(3, found)
  end)

  it("never show a thread that was joined", function()
    for _ = 1, 300 do
      local t = concur.spawn(function() end)
      h.results(t)
      assert(concur.active_count() == 1)
    end
  end)

  it("may be asked while threads come and go", function()
    local stop, asked = concur.value(false), concur.latch(4)
    local list = {}
    for i = 1, 4 do
      list[i] = concur.spawn(function()
        local n = 0
        repeat
          assert(#concur.threads() >= 2)
          assert(concur.active_count() >= 2)
          n = n + 1
          if n == 1 then asked:count_down() end
        until stop:get()
        return n
      end)
    end
    assert.is_true(asked:wait(20))
    for _ = 1, 200 do h.results(concur.spawn(function() end)) end
    stop:set(true)
    for _, t in ipairs(list) do assert.is_true(h.results(t) > 0) end
  end)
end)
