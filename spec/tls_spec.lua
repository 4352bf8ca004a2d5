-- concur.tls
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT

-- What pairs gives, as a table.
local function fields(x)
  local t = {}
  for k, v in pairs(x) do t[k] = v end
  return t
end

describe("thread-local storage", function()
  it("holds any value under any key, as it is", function()
    local x, key = concur.tls(), {}
    assert.are.equal("tls", concur.type(x))
    assert.is_truthy(tostring(x):find("^concur%.tls: 0x%x+"), tostring(x))
    local values = { 7, 0.5, "text", true, false, {}, print, function() end, coroutine.create(print), io.stdout, key }
    for i, value in ipairs(values) do
      x.student = value
      x[i], x[key], x[i + 0.5] = value, value, value
      for _, got in ipairs { x.student == value, x[i] == value, x[key] == value, x[i + 0.5] == value } do
        assert.is_true(got)
      end
      assert.is_true(rawequal(value, x.student)) -- nothing is copied
    end
    x.student = nil
    assert.is_nil(x.student)
    assert.is_nil(x.nothing)
    for _, name in ipairs { "id", "get", "set", "wait", "init", "name" } do -- no name is taken
      assert.is_nil(x[name])
      x[name] = name
      assert.are.equal(name, x[name])
    end
  end)

  it("refuses nil and NaN as keys to be set", function()
    local x = concur.tls()
    kit.raises("…", function() x[nil] = 1 end)
    kit.raises("…", function() x[0 / 0] = 1 end)
    assert.is_nil(x[nil])
    assert.is_nil(x[0 / 0])
  end)

  it("pairs goes through what is there, and may change it", function()
    local x = concur.tls()
    kit.same({}, fields(x))
    x.a, x.b, x[1], x[2] = 1, "two", "one", false
    kit.same({ "one", false, a = 1, b = "two" }, fields(x))
    for k in pairs(x) do x[k] = nil end
    kit.same({}, fields(x))
  end)

  it("two of them have nothing in common", function()
    local x, y = concur.tls(), concur.tls()
    assert.is_false(x == y)
    x.a, y.a = 1, 2
    kit.same({ 1, 2 }, { x.a, y.a })
    y.a = nil
    assert.are.equal(1, x.a)
  end)

  it("init makes the first table, once, when it is first needed", function()
    local runs, made = concur.value(0), {}
    local x = concur.tls(function()
      runs:add(1)
      return { start = runs:get(), list = { 1, 2 } }
    end)
    assert.are.equal(0, runs:get())
    assert.are.equal(1, x.start)
    assert.is_nil(x.other)
    made.list = x.list
    x.start = nil
    assert.is_nil(x.start) -- not made again
    kit.same({ list = { 1, 2 } }, fields(x))
    assert.is_true(rawequal(made.list, x.list))
    assert.are.equal(1, runs:get())
    local by_pairs = concur.tls(function() return { "first" } end)
    kit.same({ "first" }, fields(by_pairs))
    local by_write = concur.tls(function() return { "first" } end)
    by_write.more = 1
    kit.same({ "first", more = 1 }, fields(by_write))
  end)

  it("init's table may have a metatable", function()
    local x = concur.tls(function() return setmetatable({}, { __index = function(_, k) return k .. "!" end }) end)
    assert.are.equal("name!", x.name)
    x.name = "set"
    assert.are.equal("set", x.name)
  end)

  it("refuses a wrong init, when it is made or used", function()
    for _, wrong in ipairs { 7, {}, "x", true } do
      kit.raises("bad argument #1 to 'tls' (…", function() concur.tls(wrong) end)
    end
    local co = coroutine.create(print)
    kit.raises("cannot transfer a thread (at upvalue 'co')", function() concur.tls(function() return co end) end)
    for _, value in ipairs { 7, "x", false } do
      local x = concur.tls(function() return value end)
      for _ = 1, 2 do -- it is no table the second time either
        kit.raises("the init function of a tls must return a table…", function() return x.a end)
        kit.raises("the init function of a tls must return a table…", function() x.a = 1 end)
        assert.is_false(pcall(pairs, x))
      end
    end
    local none = concur.tls(function() end)
    kit.raises("the init function of a tls must return a table…", function() return none.a end)
  end)

  it("an error of init is the reader's, and the next one tries", function()
    local fails = concur.value(true)
    local x = concur.tls(function()
      if fails:get() then error({ "on purpose" }) end
      return { a = 1 }
    end)
    for _ = 1, 2 do kit.same({ "on purpose" }, kit.error_of(function() return x.a end)) end
    fails:set(false)
    assert.are.equal(1, x.a)
  end)

  it("the tables of those that are gone are let go of", function()
    local function kilobytes()
      collectgarbage()
      collectgarbage()
      return collectgarbage("count")
    end
    local function make()
      for _ = 1, 20000 do concur.tls().a = 1 end
    end
    make()
    local before = kilobytes()
    make()
    make()
    assert.is_true(kilobytes() - before < 1000, ("%g KB more"):format(kilobytes() - before))
  end)

  it("is seen by all coroutines of its thread", function()
    local x = concur.tls(function() return { n = 0 } end)
    for i = 1, 3 do
      coroutine.wrap(function() x.n = x.n + 1 end)()
      assert.are.equal(i, x.n)
    end
  end)
end)

kit.each_kind(function(kind)
  describe("thread-local storage with threads", function()
    it("each sees its own", function()
      local x, met = concur.tls(), concur.barrier(8)
      x.student = "Bob"
      local list = {}
      for i = 1, 8 do
        list[i] = kind.spawn(function()
          assert(x.student == nil and next(fields(x)) == nil)
          x.student = { i }
          assert(met:wait(T))
          local mine = x.student[1]
          x.student = nil
          return mine
        end)
      end
      for i = 1, 8 do assert.are.equal(i, kit.join(list[i])) end
      assert.are.equal("Bob", x.student)
    end)

    it("is the same object", function()
      local x = concur.tls()
      assert.is_true(kit.join(kind.spawn(function(y) return x == y and concur.type(y) == "tls" end, x)))
    end)

    it("init runs once in each, with copies of its upvalues", function()
      local runs, count = concur.value(0), 0
      local x = concur.tls(function()
        count = count + 1
        return { number = runs:add(1), count = count }
      end)
      local list, seen = {}, {}
      for i = 1, 8 do
        list[i] = kind.spawn(function()
          local number = x.number
          for _ = 1, 3 do assert(x.number == number) end
          return number, x.count
        end)
      end
      for i = 1, 8 do
        local number, counted = kit.join(list[i])
        assert.is_nil(seen[number])
        seen[number] = true
        assert.are.equal(1, counted)
      end
      assert.are.equal(8, runs:get())
      assert.are.equal(9, x.number)
      assert.are.equal(0, count) -- the copy counted
    end)

    it("survives the handle: received again, the values are there", function()
      local x, to, from = concur.tls(), concur.queue(), concur.queue()
      local t = kind.spawn(function()
        local sum = 0
        for _ = 1, 3 do
          sum = (function(y)
            y.n = (y.n or 0) + 1
            return y.n
          end)(to:get(T))
          collectgarbage()
          collectgarbage()
          from:put(sum)
        end
        return sum
      end)
      for i = 1, 3 do
        to:put(x)
        assert.are.equal(i, from:get(T))
      end
      assert.are.equal(3, kit.join(t))
      assert.is_nil(x.n)
      local inside = concur.queue() -- also when only a message holds it for a while
      local y = concur.tls()
      y.here = "here"
      inside:put(y)
      y = nil
      collectgarbage()
      collectgarbage()
      assert.are.equal("here", inside:get(T).here)
      assert.is_nil(y)
    end)

    it("values go with the thread: finalized when join returns", function()
      local gone = concur.value(0)
      local x = concur.tls()
      local t = kind.spawn(function()
        x.a = setmetatable({}, { __gc = function() gone:add(1) end })
        x[1] = setmetatable({}, { __gc = function() gone:add(10) end })
        collectgarbage()
        return gone:get()
      end)
      assert.are.equal(0, kit.join(t))
      assert.are.equal(11, gone:get())
      t = kind.spawn(function()
        x.a = setmetatable({}, { __gc = function() gone:add(100) end })
        error("on purpose")
      end)
      assert.is_false((t:join(T)))
      assert.are.equal(111, gone:get())
    end)

    it("a thread does not find what an earlier one left", function()
      local x = concur.tls()
      for i = 1, 20 do
        assert.is_nil((kit.join(kind.spawn(function()
          local old = x.n
          x.n = i
          return old
        end))))
      end
    end)

    it("is counted back, with the handles in it and in init", function()
      local before = kit.live()
      do
        local queue = concur.queue()
        local x = concur.tls(function() return { queue } end)
        x.lock = concur.lock()
        x.self = x
        kit.join(kind.spawn(function() x.lock = concur.lock() end))
        x.lock, x.self = nil, nil
      end
      kit.settled(before)
    end)
  end)
end)
