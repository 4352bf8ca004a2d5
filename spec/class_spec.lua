-- concur.thread:extend: classes of threads.
local concur = require "concur"
local counts = require "spec.support.counts"
local h = require "spec.support.helpers"

for _, kind in ipairs(h.kinds) do
  local current = h.current[kind]

  describe("concur." .. kind .. ":extend", function()
    local gate

    before_each(function()
      concur.excepthook = false
      gate = concur.event()
    end)

    after_each(function() gate:set() end)

    local function new_class(name)
      local Class = concur[kind]:extend(name)
      function Class:init(a, b) self.a, self.b = a, b end
      function Class:run() return self.a, self.b end
      return Class
    end

    it("makes threads whose run's results are join's", function()
      local t = new_class()(1, "x")
      assert.equal(t, t:start())
      assert.same({ true, 1, "x" }, { h.join(t) })
      assert.same({ true, 1, "x" }, { t:join(0) })
      assert.equal("done", t:status())
    end)

    it("keeps the number of results", function()
      local Class = concur[kind]:extend()
      function Class:run() return nil, self.list.n, nil end
      function Class:init(...) self.list = table.pack(...) end
      assert.same({ true, nil, 3, nil, n = 4 }, table.pack(h.join(Class(nil, nil, nil):start())))
    end)

    it("needs no init and no run", function()
      local Empty = concur[kind]:extend()
      assert.same({ true, n = 1 }, table.pack(h.join(Empty():start())))
      local NoInit = concur[kind]:extend()
      function NoInit.run() return 5 end
      assert.equal(5, h.results(NoInit(1, 2):start()))
    end)

    it("gives instances all that threads have", function()
      local Class = concur[kind]:extend()
      function Class:run()
        self.gate:wait(20)
        return current()
      end
      local t = Class()
      t.gate = gate
      assert.equal("new", t:status())
      assert.is_false(t:is_alive())
      assert.is_nil(t.ident)
      assert.is_false(t.daemon)
      h.raises("unstarted", function() t:join() end)
      t:start()
      assert.is_true(t:is_alive())
      h.await_status(t, "waiting")
      assert.equal("integer", math.type(t.ident))
      assert.same({ nil, "timeout" }, { t:join(0) })
      assert.equal("integer", math.type(t:fileno()))
      assert.same({ t:fileno(), "r", nil }, { t:pollfd(), t:events(), t:timeout() })
      h.raises("bad argument #1 to 'join'", function() t:join(-1) end)
      h.raises("threads can only be started once", function() t:start() end)
      h.raises("daemon", function() t.daemon = true end)
      gate:set()
      local handle = h.results(t)
      assert.equal("userdata", type(handle))
      assert.equal(t.ident, handle.ident)
      assert.equal(t:id(), handle:id())
      assert.equal(t.name, handle.name)
      assert.equal(kind, concur.type(t))
    end)

    it("cancels", function()
      local Class = concur[kind]:extend()
      function Class.run() concur.sleep(60) end
      local t = Class():start()
      h.await_status(t, "waiting")
      assert.is_true(t:cancel())
      assert.same({ false, concur.CANCELLED }, { h.join(t) })
      assert.equal("cancelled", t:status())
    end)

    it("copies the fields at the start, each way no more", function()
      local Class = concur[kind]:extend()
      function Class:init() self.list = { 1 } end
      function Class:run()
        local list, extra = self.list, self.extra
        self.list = "changed there"
        self.new = true
        return list[1], extra
      end
      local t = Class()
      t.list[1] = 2
      t.extra = "set before the start"
      t:start()
      t.list[1] = 3
      assert.same({ 2, "set before the start" }, { h.results(t) })
      assert.same({ 3 }, t.list)
      assert.is_nil(t.new)
    end)

    it("copies fields that share, hold handles or are functions", function()
      local Class = concur[kind]:extend()
      function Class:init(q)
        self.x = {}
        self.y = { self.x }
        self.q = q
        self.f = function() return self.x end
      end
      function Class:run()
        self.q:put(self.x == self.y[1])
        return self.x == self.f()
      end
      local q = concur.queue()
      local ok, same = h.join(Class(q):start())
      assert.is_true(ok)
      assert.is_true(q:get(0))
      assert.equal("boolean", type(same)) -- self in the closure is the handle, or the instance
    end)

    it("passes errors and calls the hook", function()
      local q = concur.queue()
      concur.excepthook = function(t, e) q:put { t, e } end
      local Class = concur[kind]:extend()
      function Class.run() error({ code = 9 }) end
      local t = Class()
      local ok, err = h.join(t:start())
      assert.is_false(ok)
      assert.equal(9, err.code)
      assert.equal("failed", t:status())
      assert.is_string(t:traceback())
      local call = q:get(0)
      assert.equal(t:id(), call[1]:id())
      assert.equal(9, call[2].code)
      concur.excepthook = false
    end)

    it("raises at the start for fields that cannot cross", function()
      local t = new_class()(coroutine.create(print))
      h.raises("cannot transfer a thread %(at .*%.a%)", function() t:start() end)
      assert.equal("new", t:status())
      t.a = 1
      assert.equal(1, (h.results(t:start())))
    end)

    it("lets an error of init pass", function()
      local Class = concur[kind]:extend()
      function Class.init() error("bad luck", 0) end
      local ok, err = pcall(Class)
      assert.is_false(ok)
      assert.equal("bad luck", err)
    end)

    it("ends with concur.exit", function()
      local Class = concur[kind]:extend()
      function Class.run() concur.exit(1, 2) end
      assert.same({ true, 1, 2 }, { h.join(Class():start()) })
    end)

    it("makes independent instances", function()
      local Class = new_class()
      local list = {}
      for i = 1, 20 do list[i] = Class(i):start() end
      for i = 1, 20 do assert.equal(i, (h.results(list[i]))) end
      assert.not_equal(list[1], list[2])
      assert.is_true(list[1] == list[1])
    end)

    describe("names", function()
      it("count per class", function()
        local A, B = concur[kind]:extend "spec-a", concur[kind]:extend "spec-b"
        assert.same({ "spec-a-1", "spec-b-1", "spec-a-2" }, { A().name, B().name, A().name })
      end)

      it("are written in init, and seen in run", function()
        local Class = concur[kind]:extend "spec-c"
        function Class:init(name)
          if name then self.name = name end
          self.daemon = true
        end
        function Class:run() return self.name, self.daemon, current().name end
        local t = Class "special"
        assert.equal("special", t.name)
        assert.is_true(t.daemon)
        assert.same({ "special", true, "special" }, { h.results(t:start()) })
        local u = Class()
        assert.matches("^spec%-c%-%d+$", u.name)
        assert.same({ u.name, true, u.name }, { h.results(u:start()) })
      end)

      it("are written on both sides", function()
        local Class = concur[kind]:extend "spec-d"
        function Class.init() end
        function Class:run()
          self.name = "from inside"
          self.gate:wait(20)
          return self.name
        end
        local t = Class()
        t.gate = gate
        t:start()
        h.await_status(t, "waiting")
        assert.equal("from inside", t.name)
        t.name = "from outside"
        gate:set()
        assert.equal("from outside", h.results(t))
        assert.is_nil(rawget(t, "name"))
      end)

      it("without a class's name are the usual ones", function()
        assert.matches(kind == "thread" and "^Thread%-%d+$" or "^Process%-%d+$", concur[kind]:extend()().name)
      end)

      it("must be strings", function()
        h.raises("bad argument #1 to 'extend'", function() concur[kind]:extend({}) end)
        h.raises("bad argument #1 to 'extend'", function() concur[kind]:extend(true) end)
        local t = new_class()()
        h.raises("string", function() t.name = {} end)
      end)

      it("of unnamed ones count those only", function()
        assert.equal("w-1 w-2 Thread-1 own w-3", h.output [[
          local concur = require "concur"
          local W = concur.thread:extend "w"
          function W:init(name) if name then self.name = name end end
          local names = { W().name, W().name, concur.thread(print).name, W("own").name, W().name }
          io.write(table.concat(names, " "))
        ]])
      end)
    end)

    describe("a class of a class", function()
      it("inherits and overrides", function()
        local Base = concur[kind]:extend "base"
        function Base:init(x) self.x = x end
        function Base:run() return "base", self.x, self:help() end
        function Base.help() return "base's help" end
        local Derived = Base:extend "derived"
        function Derived:help() return "derived's help " .. self.y end
        function Derived:init(x, y)
          Base.init(self, x)
          self.y = y
        end
        local Last = Derived:extend()
        function Last:run()
          local a, b, c = Derived.run(self)
          return "last", a, b, c
        end
        assert.same({ "base", 1, "base's help" }, { h.results(Base(1):start()) })
        assert.same({ "base", 2, "derived's help 3" }, { h.results(Derived(2, 3):start()) })
        assert.same({ "last", "base", 4, "derived's help 5" }, { h.results(Last(4, 5):start()) })
        assert.matches("^derived%-%d+$", Derived(1, 1).name)
      end)

      it("sees class fields and their later changes", function()
        local Base = concur[kind]:extend()
        Base.limit = 5
        local Derived = Base:extend()
        function Derived:run() return self.limit end
        assert.equal(5, Derived().limit)
        Base.limit = 6
        assert.equal(6, h.results(Derived():start()))
      end)

      it("has its own metamethods and constants of instances", function()
        local Class = concur[kind]:extend()
        function Class:run() return tostring(self), concur.type(self) end
        local text, what = h.results(Class():start())
        assert.matches("^concur%." .. kind .. ": 0x", text)
        assert.equal(kind, what)
        assert.matches("^concur%." .. kind .. ": 0x", tostring(Class()))
      end)
    end)

    describe("an instance sent to another state", function()
      it("is its plain handle", function()
        local t = new_class()(1)
        local q = concur.queue()
        q:put(t)
        local got = q:get(0)
        assert.equal("userdata", type(got))
        assert.equal(t:id(), got:id())
        assert.equal("new", got:status())
        assert.is_nil(got.a)
        t:start()
        assert.equal(1, (h.results(got)))
        local join = function(x) return type(x), x:join(20) end
        assert.same({ "userdata", true, 1 }, { h.results(concur.spawn(join, t)) })
      end)

      it("as a result and inside tables, too", function()
        local list = h.results(concur.spawn(function()
          local Class = concur.thread:extend()
          function Class.run() return 7 end
          return { Class():start() }
        end))
        assert.equal("userdata", type(list[1]))
        assert.equal(7, h.results(list[1]))
      end)

      it("as its own field, too", function()
        local Class = concur[kind]:extend()
        function Class:run() return type(self.me), self.me:id() == current():id(), type(self) end
        local t = Class()
        t.me = t
        assert.same({ "userdata", true, "table" }, { h.results(t:start()) })
      end)
    end)

    describe("a class in a module", function()
      local directory
      local path = package.path

      setup(function()
        local pipe <close> = io.popen "mktemp -d"
        directory = pipe:read "l"
        local file <close> = io.open(directory .. "/spec_worker.lua", "w")
        file:write(([[
          local concur = require "concur"
          local Worker = concur.%s:extend "spec_worker"
          Worker.loads = (Worker.loads or 0) + 1
          local loaded_here = concur.current().name
          function Worker:init(n) self.n = n end
          function Worker:run()
            return self.n * 2, loaded_here == concur.current().name, getmetatable(self) == Worker
          end
          return Worker
        ]]):format(kind))
        package.path = directory .. "/?.lua;" .. path
      end)

      teardown(function()
        package.path = path
        package.loaded.spec_worker = nil
        os.execute("rm -r " .. h.quote(directory))
      end)

      it("is required there, not copied", function()
        local Worker = require "spec_worker"
        assert.same({ 42, true, true }, { h.results(Worker(21):start()) })
        assert.same({ 44, true, true }, { h.results(Worker(22):start()) })
      end)

      it("can be extended here", function()
        local Mine = require "spec_worker":extend "mine"
        function Mine:init(n) self.n = n + 1 end
        local n, there, same = h.results(Mine(1):start())
        assert.equal(4, n)
        assert.is_true(there)
        assert.is_false(same)
      end)

      it("can be used by a thread of a thread", function()
        local n = h.results(concur.spawn(function()
          return select(2, require "spec_worker"(5):start():join(20))
        end))
        assert.equal(10, n)
      end)
    end)

    it("refuses strange receivers", function()
      local Class = new_class()
      assert.is_false(pcall(Class.start, {}))
      assert.is_false(pcall(Class.join))
      h.raises("thread", function() Class.start({}) end)
      h.raises("thread", function() Class:join() end)
    end)

    it("leaves nothing behind", function()
      local Class = new_class()
      local before = counts.live()
      for i = 1, 50 do h.results(Class(i):start()) end
      for i = 1, 50 do Class(i) end
      counts.settled(before)
    end)
  end)
end
