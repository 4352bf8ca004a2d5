-- __transfer: objects that say themselves how they cross.
local concur = require "concur"
local kit = require "spec.support.kit"

local function elsewhere(fn, ...) return kit.join(concur.spawn(fn, ...)) end

local function through_queue(v)
  local q = concur.queue()
  q:put(v)
  return q:get(kit.TIMEOUT)
end

-- An object that crosses as `rebuild(...)`.
local function object(rebuild, ...)
  local args = table.pack(...)
  return setmetatable({ "what never crosses" }, {
    __transfer = function() return rebuild, table.unpack(args, 1, args.n) end,
  })
end

describe("__transfer", function()
  it("calls the rebuild function with its arguments, by every way", function()
    for _, way in ipairs(kit.ways) do
      kit.same({ 1, "two", { 3 } }, way[2](object(function(...) return { ... } end, 1, "two", { 3 })))
    end
  end)

  it("is called with the object, in the sender; the rebuild function in the receiver", function()
    local seen
    local x = setmetatable({ a = 1 }, {
      __transfer = function(...)
        seen = table.pack(...)
        return function() return concur.current():id() end
      end,
    })
    local there, id = elsewhere(function(made) return made, concur.current():id() end, x)
    assert.are.equal(id, there)
    assert.are.equal(1, seen.n)
    assert.is_true(seen[1] == x)
  end)

  it("nil arguments, also the last ones", function()
    local got = through_queue(object(function(...) return table.pack(...) end, nil, 2, nil, nil))
    kit.same({ nil, 2, n = 4 }, got)
    kit.same({ n = 0 }, (through_queue(object(function(...) return table.pack(...) end))))
    local list = {}
    for i = 1, 200 do list[i] = i end
    got = through_queue(object(function(...) return { ... } end, table.unpack(list)))
    kit.same(list, got)
  end)

  it("may rebuild to anything; the first result counts", function()
    assert.are.equal(7, through_queue(object(function() return 7, 8 end)))
    assert.is_nil(through_queue(object(function() end)))
    assert.is_false(through_queue(object(function() return false end)))
    assert.are.equal(print, through_queue(object(function() return print end)))
    local q = concur.queue()
    assert.is_true(through_queue(object(function() return q end)) == q)
    kit.same({ a = 7, b = {} }, through_queue { a = object(function() return 7 end), b = {} })
    kit.same({ 1, nil, 3 }, through_queue { 1, object(function() end), 3 })
  end)

  it("the rebuild function may be a library's", function()
    assert.are.equal("xxx", through_queue(object(string.rep, "x", 3)))
    local got = through_queue(object(setmetatable, { 1 }, { __name = "made" }))
    assert.are.equal("made", getmetatable(got).__name)
  end)

  it("within tables, as key, upvalue, metatable and argument", function()
    local seven = function() return 7 end
    kit.same({ list = { 7, 7 } }, through_queue { list = { object(seven), object(seven) } })
    local got = through_queue { [object(function() return "key" end)] = "value" }
    assert.are.equal("value", got.key)
    local x = object(function() return "made" end)
    assert.are.equal("made", elsewhere(function() return x end))
    got = through_queue(setmetatable({}, object(function() return { __name = "meta" } end)))
    assert.are.equal("meta", getmetatable(got).__name)
    local a, b = elsewhere(function(...) return ... end, x, x)
    kit.same({ "made", "made" }, { a, b })
  end)

  it("the same object twice is rebuilt once", function()
    local times = concur.value(0)
    local x = object(function()
      times:add(1)
      return {}
    end)
    local got = through_queue { x, x, { deep = { x } }, [x] = x }
    assert.is_true(got[1] == got[2] and got[1] == got[3].deep[1] and got[got[1]] == got[1])
    assert.are.equal(1, times:get())
    assert.is_true(elsewhere(function(a, b) return a == b and a == x end, x, x))
    assert.are.equal(2, times:get())
    through_queue(x)
    through_queue(x)
    assert.are.equal(4, times:get())
  end)

  it("is asked once per message", function()
    local asked = 0
    local x = setmetatable({}, {
      __transfer = function()
        asked = asked + 1
        return function() return {} end
      end,
    })
    through_queue { x, x, x }
    assert.are.equal(1, asked)
  end)

  it("what arguments share with the rest of the message stays shared", function()
    local shared = { "shared" }
    local got = through_queue { shared, object(function(t) return { t } end, shared), shared }
    assert.is_true(got[2][1] == got[1] and got[3] == got[1])
    got = through_queue { object(function(t) return { t } end, shared), shared }
    assert.is_true(got[1][1] == got[2])
  end)

  it("arguments with __transfer are rebuilt first", function()
    local inner = object(function() return { "inner" } end)
    local outer = object(function(x) return { outer = x, was = x[1] } end, inner)
    local got = through_queue { outer, inner }
    assert.are.equal("inner", got[1].was)
    assert.is_true(got[1].outer == got[2])
    local x = object(function() return 0 end)
    for _ = 1, 50 do x = object(function(n) return n + 1 end, x) end
    assert.are.equal(50, through_queue(x))
  end)

  it("the rebuild function finds its arguments whole, however deep", function()
    local deep = { "bottom" }
    for _ = 1, 1000 do deep = { deep } end
    local x = object(function(t)
      local depth = 0
      while type(t[1]) == "table" do t, depth = t[1], depth + 1 end
      return depth
    end, deep)
    assert.are.equal(1000, through_queue(x))
    local t = x
    for _ = 1, 300 do t = { t } end
    local got = through_queue(t)
    for _ = 1, 300 do got = got[1] end
    assert.are.equal(1000, got)
  end)

  it("wins over the lookup by name", function()
    local module = setmetatable({}, { __transfer = function() return function() return "transferred" end end })
    package.preload["spec.transferring"] = function() return module end
    assert.is_true(require "spec.transferring" == module)
    assert.are.equal("transferred", through_queue(module))
    package.loaded["spec.transferring"], package.preload["spec.transferring"] = nil, nil
  end)

  it("is found raw, in the metatable itself", function()
    local called = false
    local m = setmetatable({}, { __index = function(_, key) if key == "__transfer" then called = true end end })
    through_queue(setmetatable({}, m))
    assert.is_false(called)
    -- and behind __metatable
    local x = setmetatable({}, { __metatable = "locked", __transfer = function() return function() return 7 end end })
    assert.are.equal(7, through_queue(x))
  end)

  it("userdata: a file that crosses by its path", function()
    local file = assert(io.open("Makefile"))
    local meta = getmetatable(file)
    meta.__transfer = function() return io.open, "Makefile" end
    local ok, err = pcall(function()
      local line = elsewhere(function(f)
        local text = f:read()
        f:close()
        return text
      end, file)
      assert.are.equal(file:read(), line)
      local got = through_queue { file, file }
      assert.is_true(got[1] == got[2])
      assert.are.equal("file", io.type(got[1]))
    end)
    meta.__transfer = nil
    file:close()
    assert(ok, err)
  end)
end)

describe("__transfer that goes wrong", function()
  it("in the sender: its error is the put's, and nothing is sent", function()
    local before = kit.live()
    do
      local q = concur.queue()
      local value = { "an error value" }
      local x = setmetatable({}, { __transfer = function() error(value) end })
      assert.is_true(kit.error_of(function() q:put { 1, concur.lock(), x } end) == value)
      assert.are.equal(0, q:qsize())
      local y = setmetatable({}, { __transfer = function() error("on purpose") end })
      assert.is_truthy(kit.error_of(function() q:put(y) end):find("transfer_hook_spec.lua:%d+: on purpose"))
      kit.error_of(function() concur.spawn(print, y) end)
      kit.error_of(function() concur.value(y) end)
      local cell = concur.value("old")
      kit.error_of(function() cell:set(y) end)
      assert.are.equal("old", cell:get())
      assert.are.equal(0, q:qsize())
      q:put(1)
      assert.are.equal(1, q:get(0))
    end
    kit.settled(before)
  end)

  it("in the sender: results that are no function", function()
    local q = concur.queue()
    local none = setmetatable({}, { __transfer = function() end })
    for _, x in ipairs { none, object(nil), object(7), object("string"), object({}), object(nil, 1, 2) } do
      assert.is_string(kit.error_of(function() q:put(x) end))
      assert.is_string(kit.error_of(function() q:put { deep = x } end))
    end
    assert.are.equal(0, q:qsize())
  end)

  it("in the sender: a __transfer that is no function", function()
    local q = concur.queue()
    for _, v in ipairs { 7, "text", {}, true } do
      assert.is_not_nil(kit.error_of(function() q:put(setmetatable({}, { __transfer = v })) end))
    end
    assert.are.equal(0, q:qsize())
    local callable = setmetatable({}, { __call = function() return function() return "called" end end })
    q:put(setmetatable({}, { __transfer = callable }))
    assert.are.equal("called", q:get(0))
  end)

  it("in the sender: results that cannot cross, named with their place", function()
    local q = concur.queue()
    local co = coroutine.create(print)
    kit.raises("cannot transfer a thread (at .x…", function() q:put { x = object(print, co) } end)
    kit.raises("cannot transfer a thread (at .x…", function() q:put { x = object(function() return co end) } end)
    assert.are.equal(0, q:qsize())
  end)

  it("in the sender: an object that is its own argument", function()
    local q = concur.queue()
    local x
    x = setmetatable({}, { __transfer = function() return function() end, x end })
    assert.is_string(kit.error_of(function() q:put(x) end))
    assert.is_string(kit.error_of(function() q:put { { x } } end))
    local y = setmetatable({}, {})
    getmetatable(y).__transfer = function() return function(...) return ... end, { deep = { y } } end
    assert.is_string(kit.error_of(function() q:put(y) end))
    assert.are.equal(0, q:qsize())
  end)

  it("in the sender: one that makes new ones without end", function()
    local q = concur.queue()
    local meta = {}
    function meta.__transfer() return function(x) return x end, setmetatable({}, meta) end
    assert.is_string(kit.error_of(function() q:put(setmetatable({}, meta)) end))
    assert.are.equal(0, q:qsize())
    q:put("still works")
    assert.are.equal("still works", q:get(0))
  end)

  it("in the receiver: the error is the get's, and the item is taken", function()
    local q = concur.queue(2)
    local value = { code = 7 }
    q:put { 1, object(function() error(value) end) }
    q:put("next")
    assert.is_true(q:full())
    kit.same({ code = 7 }, kit.error_of(function() q:get(1) end))
    assert.are.equal(1, q:qsize())
    assert.are.equal("next", q:get(0))
    q:put(object(error, "a string", 0))
    assert.are.equal("a string", kit.error_of(function() q:get_nowait() end))
    assert.is_true(q:empty())
  end)

  it("in the receiver: of arguments, results, errors and values", function()
    local bad = object(function() error("no rebuild", 0) end)
    local ok, err = concur.spawn(function() end, bad):join(kit.TIMEOUT)
    kit.same({ false, "no rebuild" }, { ok, err })
    local t = concur.spawn(function()
      return setmetatable({}, { __transfer = function() return error, "no result", 0 end })
    end)
    assert.are.equal("no result", kit.error_of(function() t:join(kit.TIMEOUT) end))
    assert.are.equal("no result", kit.error_of(function() t:join(kit.TIMEOUT) end)) -- repeatable
    local cell = concur.value(bad)
    assert.are.equal("no rebuild", kit.error_of(function() cell:get() end))
    assert.are.equal("no rebuild", kit.error_of(function() cell:get() end)) -- it is still there
    assert.are.equal("no rebuild", kit.error_of(function() cell:swap(1) end))
    assert.are.equal(1, cell:get())
  end)

  it("in the receiver: nothing leaks", function()
    local before = kit.live()
    do
      local q = concur.queue()
      for _ = 1, 20 do
        q:put { concur.lock(), object(function() error("on purpose") end, concur.event()), concur.queue() }
        kit.error_of(function() q:get(1) end)
      end
    end
    kit.settled(before)
  end)
end)

describe("concur within __transfer and rebuild functions", function()
  it("putting into the same queue", function()
    local q = concur.queue()
    local x = setmetatable({}, {
      __transfer = function()
        q:put("from within")
        q:put { { "deep" }, setmetatable({}, { __index = {} }) }
        return function() return "outer" end
      end,
    })
    q:put { x, ("long"):rep(3000) }
    assert.are.equal("from within", q:get(0))
    assert.are.equal("deep", q:get(0)[1][1])
    local got = q:get(0)
    assert.are.equal("outer", got[1])
    assert.are.equal(("long"):rep(3000), got[2])
  end)

  it("getting from the same queue while it rebuilds", function()
    local q = concur.queue()
    q:put { object(function() return { q:get(5), "rebuilt" } end), "outer" }
    q:put { { "second" } }
    kit.same({ { { { "second" } }, "rebuilt" }, "outer" }, q:get(5))
  end)

  it("threads, pack and locks in both", function()
    local function work()
      local lock = concur.lock()
      local n = 0
      lock:with(function() n = n + 1 end)
      local _, double = concur.spawn(function(k) return k * 2 end, 21):join(10)
      return concur.unpack(concur.pack({ double, n }))
    end
    local x = setmetatable({}, {
      __transfer = function()
        local sent = work()
        return function() return { sent, work() } end
      end,
    })
    kit.same({ { 42, 1 }, { 42, 1 } }, through_queue(x))
    kit.same({ { 42, 1 }, { 42, 1 } }, (elsewhere(function(v) return v end, x)))
  end)

  it("an error after nested use leaves the outer call whole", function()
    local q = concur.queue()
    local x = setmetatable({}, {
      __transfer = function()
        pcall(function() q:put { coroutine.create(print) } end)
        q:put { ("x"):rep(100000) }
        return function() return 1 end
      end,
    })
    q:put { ("y"):rep(50000), x, ("z"):rep(50000) }
    assert.are.equal(100000, #q:get(0)[1])
    kit.same({ ("y"):rep(50000), 1, ("z"):rep(50000) }, q:get(0))
  end)

  it("a __transfer that collects garbage and changes what is sent", function()
    local q = concur.queue()
    local t = { 1, 2, 3 }
    local x = setmetatable({}, {
      __transfer = function()
        for i = 1, 1000 do t["k" .. i] = { i } end
        for _ = 1, 3 do collectgarbage() end
        return function() return "x" end
      end,
    })
    t.x = x
    pcall(function() q:put(t) end) -- what arrives, or whether it raises, is not said
    q:close(true)
    collectgarbage()
  end)
end)
