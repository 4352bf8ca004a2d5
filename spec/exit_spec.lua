-- concur.exit, and how a script ends that has threads.
local concur = require "concur"
local h = require "spec.support.helpers"

for _, kind in ipairs(h.kinds) do
  local make = concur[kind]
  local function start(...) return make(...):start() end

  describe("concur.exit in a " .. kind, function()
    before_each(function() concur.excepthook = false end)

    it("ends it with those results", function()
      for _, list in ipairs { table.pack(), table.pack(nil), table.pack(1, nil, "x", nil), table.pack({ 1 }, false) } do
        local t = start(function(l)
          concur.exit(table.unpack(l, 1, l.n))
          return "not reached"
        end, list)
        local got = table.pack(h.join(t))
        assert.equal(list.n + 1, got.n)
        assert.is_true(got[1])
        for i = 1, list.n do assert.same(list[i], got[i + 1]) end
        assert.equal("done", t:status())
        assert.is_nil(t:traceback())
      end
    end)

    it("from deep below", function()
      local function deep(n)
        if n == 0 then concur.exit("deep") end
        return deep(n - 1) + 1
      end
      assert.equal("deep", h.results(start(deep, 100)))
    end)

    local inside = {
      pcall = function() pcall(concur.exit, 1) end,
      ["nested pcall"] = function()
        pcall(function()
          pcall(pcall, function() concur.exit(1) end)
          error "reached"
        end)
      end,
      ["xpcall"] = function() xpcall(concur.exit, function(e) return e end, 1) end,
      ["coroutine.resume"] = function() coroutine.resume(coroutine.create(function() concur.exit(1) end)) end,
      ["coroutine.wrap"] = function() coroutine.wrap(function() concur.exit(1) end)() end,
      ["a coroutine in a coroutine"] = function()
        coroutine.wrap(function() coroutine.resume(coroutine.create(function() concur.exit(1) end)) end)()
      end,
      ["a pcall in a coroutine"] = function()
        coroutine.wrap(function()
          pcall(coroutine.wrap(function() concur.exit(1) end))
          error "reached"
        end)()
      end,
      ["table.sort"] = function() table.sort({ 3, 2, 1 }, function() concur.exit(1) end) end,
      ["string.gsub"] = function() string.gsub("x", "x", function() concur.exit(1) end) end,
      ["a metamethod"] = function() return setmetatable({}, { __index = function() concur.exit(1) end }).x end,
      ["lock:with"] = function() concur.lock():with(concur.exit, 1) end,
      ["a closing variable"] = function()
        local variable <close> = setmetatable({}, { __close = function() concur.exit(1) end })
        return variable and 2
      end,
    }
    for name, fn in pairs(inside) do
      it("ends it inside " .. name, function()
        local t = start(function(f)
          f()
          return "not reached"
        end, fn)
        assert.same({ true, 1 }, { h.join(t) })
        assert.equal("done", t:status())
      end)
    end

    it("closes variables and releases what they hold", function()
      local l, q = concur.lock(), concur.queue()
      h.results(start(function()
        local held <close> = l:acquire()
        local note <close> = setmetatable({}, { __close = function(_, e) q:put(tostring(e)) end })
        concur.exit(held ~= note)
      end))
      assert.is_false(l:locked())
      assert.equal(1, #q)
    end)

    it("with what cannot cross makes it fail", function()
      local t = start(function() concur.exit(coroutine.create(print)) end)
      local ok, err = h.join(t)
      assert.is_false(ok)
      assert.matches("cannot transfer a thread", err)
      assert.equal("failed", t:status())
    end)

    it("wins over a cancellation", function()
      local t = start(function()
        pcall(concur.sleep, 60)
        concur.exit("own")
      end)
      h.await_status(t, "waiting")
      t:cancel()
      assert.same({ true, "own" }, { h.join(t) })
      assert.equal("done", t:status())
    end)

    it("is forgotten by the next", function()
      for _ = 1, 5 do
        h.results(start(function() concur.exit(1, 2, 3) end))
        assert.same({ true, n = 1 }, table.pack(h.join(start(function() end))))
        assert.same({ false, "x", n = 2 }, table.pack(h.join(start(function() error("x", 0) end))))
      end
    end)
  end)
end

describe("concur.exit in the main thread", function()
  it("raises", function()
    h.raises("main thread", function() concur.exit() end)
    h.raises("main thread", function() concur.exit(1, 2) end)
    assert.is_false(coroutine.resume(coroutine.create(concur.exit)))
  end)
end)

describe("the end of a script", function()
  local function ends(script, options) return h.run('local concur = require "concur"\n' .. script, options) end

  it("is the usual without threads", function()
    assert.equal("", h.output 'require "concur"')
  end)

  it("waits for a thread", function()
    assert.equal("main\nthread\n", h.output [[
      local concur = require "concur"
      concur.spawn(function(main)
        while main:status() ~= "waiting" do concur.yield() end -- the end of the script waits
        print "thread"
      end, concur.main())
      print "main"
    ]])
  end)

  it("waits for threads without handles, and for theirs", function()
    local r = ends [[
      local function chain(n)
        concur.sleep(0.005)
        if n > 0 then concur.spawn(chain, n - 1) end
        concur.print("link", n)
      end
      concur.spawn(chain, 10)
      collectgarbage()
    ]]
    assert.equal(0, r.code, r.text)
    for i = 0, 10 do assert.matches("link\t" .. i .. "\n", r.out) end
  end)

  it("waits for a thread that a daemon made", function()
    assert.equal("inner\n", h.output [[
      local concur = require "concur"
      concur.thread { daemon = true, target = function()
        concur.thread { daemon = false, target = function() concur.sleep(0.02) print "inner" end }:start()
      end }:start():join(10)
    ]])
  end)

  it("waits for a thread that is started late", function()
    assert.equal("finalizer's\n", h.output [[
      local concur = require "concur"
      setmetatable({}, { __gc = function()
        concur.spawn(function() concur.sleep(0.02) print "finalizer's" end)
      end })
    ]])
  end)

  it("waits after an error, with status 1", function()
    local r = ends [[
      concur.spawn(function() concur.sleep(0.02) print "thread" end)
      error "main's error"
    ]]
    assert.equal(1, r.code, r.text)
    assert.equal("thread\n", r.out)
    assert.matches("main's error", r.err)
  end)

  it("has status 0 when a thread fails, which is reported", function()
    local r = ends [[concur.spawn(function(m)
      while m:status() ~= "waiting" do concur.yield() end
      error "thread's error"
    end, concur.main())]]
    assert.equal(0, r.code, r.text)
    assert.matches("thread's error", r.err)
  end)

  it("stops daemons that are blocked", function()
    local r = ends [[
      local list = { function() concur.sleep(60) end, function() concur.queue():get() end,
        function() concur.event():wait() end, function() local l = concur.lock() l:acquire() l:acquire() end }
      for i, f in ipairs(list) do concur.thread { target = f, daemon = true }:start() end
      for _, t in ipairs(concur.threads()) do
        while t ~= concur.main() and t:status() ~= "waiting" do concur.yield() end
      end
      print "main"
    ]]
    assert.equal(0, r.code, r.text)
    assert.equal("main\n", r.out)
    assert.equal("", r.err)
    assert.is_true(r.seconds < 2, r.text)
  end)

  it("stops daemons that are about to start", function()
    for _ = 1, 10 do
      local r = ends [[
        for i = 1, 10 do concur.thread { target = function() concur.sleep(60) end, daemon = true }:start() end
      ]]
      assert.equal(0, r.code, r.text)
      assert.equal("", r.err)
      assert.is_true(r.seconds < 2, r.text)
    end
  end)

  local busy = {
    ["in Lua"] = "while true do end",
    ["allocating"] = "while true do local t = {} t[1] = ('x'):rep(1000) end",
    ["catching errors"] = "while true do pcall(error, {}) end",
    ["in a C function"] = "string.find(('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40))",
    ["with concur"] = "local q = require 'concur'.queue() while true do q:put({}) q:get() end",
    ["starting threads"] = "while true do pcall(require 'concur'.spawn, print) end",
    ["printing"] = "while true do require 'concur'.print('x') end",
  }
  for name, loop in pairs(busy) do
    it("is not delayed by a daemon that is busy " .. name, function()
      local r = ends(([[
        local e = concur.event()
        for i = 1, 2 do
          concur.thread { target = function() e:set() %s end, daemon = true }:start()
        end
        e:wait(10)
        io.stdout:write("main\n")
      ]]):format(loop))
      assert.equal(0, r.code, r.text:sub(1, 1000))
      assert.matches("main\n", r.out)
      assert.equal("", r.err)
      assert.is_true(r.seconds < 3, r.seconds)
    end)
  end

  it("waits for threads while daemons are busy", function()
    assert.equal("thread\n", h.output [[
      local concur = require "concur"
      concur.thread { target = function() while true do end end, daemon = true }:start()
      concur.spawn(function() concur.sleep(0.05) print "thread" end)
    ]])
  end)

  it("lets daemons work on while it waits", function()
    assert.equal("served\n", h.output [[
      local concur = require "concur"
      local q, a = concur.queue(), concur.queue()
      concur.thread { target = function() while true do a:put(q:get() .. "ed\n") end end, daemon = true }:start()
      concur.spawn(function(main)
        while main:status() ~= "waiting" do concur.yield() end
        q:put "serv"
        io.write(a:get(10))
      end, concur.main())
    ]])
  end)

  it("is the same inside a coroutine and after a collected module", function()
    assert.equal("thread\n", h.output [[
      coroutine.wrap(function()
        local concur = require "concur"
        concur.spawn(function() concur.sleep(0.02) print "thread" end)
      end)()
      package.loaded.concur = nil
      collectgarbage()
      collectgarbage()
    ]])
  end)

  it("flushes what threads wrote", function()
    assert.equal(("x"):rep(1000), h.output [[
      local concur = require "concur"
      concur.spawn(function() io.write(("x"):rep(1000)) end)
    ]])
  end)
end)

describe("os.exit", function()
  local function ends(script) return h.run('local concur = require "concur"\n' .. script) end

  local slow = [[
    concur.spawn(function() concur.sleep(0.2) concur.print "thread" end)
  ]]

  it("does not wait", function()
    local r = ends [[
      local t = concur.spawn(function() concur.sleep(60) print "thread" end)
      while t:status() ~= "waiting" do concur.yield() end
      io.write "main"
      os.exit(3)
    ]]
    assert.equal(3, r.code, r.text)
    assert.equal("main", r.out)
    assert.equal("", r.err)
    assert.is_true(r.seconds < 2, r.text)
  end)

  it("does not wait for busy threads, and does not crash", function()
    for _ = 1, 10 do
      local r = ends [[
        for i = 1, 4 do
          concur.spawn(function() while true do local t = { concur.queue() } t[2] = tostring(t) end end)
        end
        concur.sleep(0.002)
        os.exit(true)
      ]]
      assert.equal(0, r.code, r.text)
      assert.equal("", r.err)
      assert.is_true(r.seconds < 2, r.text)
    end
  end)

  for status, code in pairs { ["5"] = 5, ["true"] = 0, ["false"] = 1 } do
    it("with " .. status .. ", true closes the state and waits", function()
      local r = ends(slow .. ("os.exit(%s, true)"):format(status))
      assert.equal(code, r.code, r.text)
      assert.equal("thread\n", r.out)
    end)
  end

  it("in a thread ends the process", function()
    local r = ends [[
      local t = concur.spawn(function() io.write "thread" os.exit(7) end)
      t:join()
      print "not reached"
    ]]
    assert.equal(7, r.code, r.text)
    assert.equal("thread", r.out)
    assert.is_true(r.seconds < 2, r.text)
  end)

  it("in a thread ends the process whose script has ended", function()
    local r = ends "concur.spawn(function() concur.sleep(0.02) os.exit(8) end)"
    assert.equal(8, r.code, r.text)
    assert.is_true(r.seconds < 2, r.text)
  end)

  it("in a thread, closing its state, ends the process", function()
    local r = ends [[
      local t = concur.spawn(function()
        FINAL = setmetatable({}, { __gc = function() io.write "finalizer" end })
        os.exit(9, true)
      end)
      t:join()
      print "not reached"
    ]]
    assert.equal(9, r.code, r.text)
    assert.equal("finalizer", r.out)
    assert.equal("", r.err)
    assert.is_true(r.seconds < 5, r.text)
  end)

  it("in a thread, closing its state, waits for the others", function()
    local r = ends [[
      concur.spawn(function() concur.sleep(0.2) io.write "other" end)
      concur.spawn(function() os.exit(9, true) end):join()
      print "not reached"
    ]]
    assert.equal(9, r.code, r.text)
    assert.equal("other", r.out)
    assert.is_true(r.seconds < 5, r.text)
  end)

  it("in many threads at once ends it once", function()
    for _ = 1, 5 do
      local r = ends [[
        local e = concur.event()
        for i = 1, 8 do concur.spawn(function() e:wait(10) os.exit(6) end) end
        e:set()
        concur.sleep(10)
      ]]
      assert.equal(6, r.code, r.text)
      assert.equal("", r.err)
      assert.is_true(r.seconds < 2, r.text)
    end
  end)

  it("while threads come and go does not crash", function()
    for _ = 1, 10 do
      local r = ends [[
        for i = 1, 4 do
          concur.spawn(function() while true do concur.spawn(function() return {} end):join() end end)
        end
        concur.sleep(0.003)
        os.exit(4)
      ]]
      assert.equal(4, r.code, r.text)
      assert.equal("", r.err)
    end
  end)
end)
