-- Tables are copied whole: cycles, sharing, metatables, any depth.
local concur = require "concur"
local kit = require "spec.support.kit"

local function each_way(make)
  for _, way in ipairs(kit.ways) do
    local t = make()
    local got = way[2](t)
    local difference = kit.difference(t, got)
    if difference then error(way[1] .. ": " .. difference) end
    if got == t then error(way[1] .. " gave the same table") end
  end
end

local function through_queue(v)
  local q = concur.queue()
  q:put(v)
  return q:get(kit.TIMEOUT)
end

local function chain(depth, key)
  local t = { "bottom" }
  for _ = 1, depth do t = { [key] = t } end
  return t
end

describe("tables", function()
  it("empty, arrays, records and mixtures", function()
    each_way(function() return {} end)
    each_way(function() return { {}, {}, { {} } } end)
    each_way(function() return { 1, 2, 3, "four", 5.0, false, true } end)
    each_way(function() return { a = 1, b = "two", c = { d = { e = "f" } } } end)
    each_way(function() return { 1, 2, 3, x = 4, [10] = 5, [-1] = 6, [0] = 7, [2.5] = 8, [true] = 9, [false] = 10 } end)
    each_way(function() return { [math.mininteger] = 1, [math.maxinteger] = 2, [math.huge] = 3, [-math.huge] = 4 } end)
  end)

  it("arrays with holes", function()
    each_way(function() return { 1, nil, 3 } end)
    each_way(function() return { nil, nil, 3, n = 3 } end)
    each_way(function() return table.pack(nil, 2, nil, 4, nil) end)
    each_way(function()
      local t = {}
      for i = 1, 1000 do t[i] = i end
      for i = 1, 1000, 3 do t[i] = nil end
      return t
    end)
    each_way(function()
      local t = {}
      for i = 1000, 1, -1 do t[i] = i end -- all in the hash part
      t[500] = nil
      return t
    end)
    each_way(function()
      local t = {}
      for i = 1, 64 do t[i] = i end
      for i = 1, 63 do t[i] = nil end
      return t
    end)
  end)

  it("tables of every small size", function()
    for n = 0, 70 do
      local list, record = {}, {}
      for i = 1, n do
        list[i] = i
        record["k" .. i] = i
      end
      kit.same({ list, record }, through_queue { list, record })
    end
  end)

  it("cycles", function()
    each_way(function()
      local t = { name = "self" }
      t.t = t
      t[1] = t
      return t
    end)
    each_way(function()
      local a, b, c = {}, {}, {}
      a.b, b.c, c.a = b, c, a
      a.list = { a, b, c, { a, { b, { c } } } }
      return a
    end)
  end)

  it("a table that is its own key, and its own metatable", function()
    local t = {}
    t[t] = t
    local got = through_queue(t)
    local k, v = next(got)
    assert.is_true(k == got and v == got)
    assert.is_nil(next(got, k))

    local m = {}
    setmetatable(m, m)
    got = through_queue(m)
    assert.is_true(getmetatable(got) == got)
  end)

  it("tables as keys, whatever is in them and behind them", function()
    local values = {
      1, 2.25, "text", true, false, {}, { 1 }, { { 2 } }, { x = "y" }, { 1, 2, 3, x = { 4 } }, math.mininteger,
      ("s"):rep(50),
      { [{ 1 }] = { 2 } },
    }
    for _, inner in ipairs(values) do
      for _, value in ipairs(values) do
        for _, key in ipairs { { inner }, { inner, inner, 7 }, { x = inner }, { [inner] = inner }, { { inner } } } do
          local t = { key = key, [1] = 11, x = 12, [key] = value, value = value }
          for _, way in ipairs { kit.ways[1], kit.ways[3] } do
            local got = way[2](t)
            kit.same(t, got)
            kit.same({ key, value }, { got.key, got[got.key] })
          end
        end
      end
    end
  end)

  it("tables as keys share with values", function()
    local k1, k2 = { "k1" }, { "k2" }
    local got = through_queue { [k1] = k2, [k2] = k1, list = { k1, k2 } }
    local a, b = got.list[1], got.list[2]
    assert.are.equal("k1", a[1])
    assert.is_true(got[a] == b and got[b] == a)
  end)

  it("shared substructure stays shared", function()
    each_way(function()
      local shared = { "shared" }
      return { shared, shared, { shared, deep = { shared } }, [10] = shared, x = shared }
    end)
    each_way(function() -- 2^40 paths, 41 tables
      local t = {}
      for _ = 1, 40 do t = { t, t } end
      return t
    end)
  end)

  it("what the arguments of one call share stays shared", function()
    local t = {}
    assert.is_true(kit.join(concur.spawn(function(a, b, c) return a == b and c[1] == a end, t, t, { t })))
    -- so does what function and arguments share
    assert.is_true(kit.join(concur.spawn(function(x) return x == t end, t)))
    local function same(x, y) return x == y and x == _G.g and x == t end
    local options = { target = same, args = { t, t }, globals = { g = t } }
    assert.is_true(kit.join(concur.thread(options):start()))
    -- and what results share
    local a, b, c = kit.join(concur.spawn(function()
      local x = {}
      return x, x, { x }
    end))
    assert.is_true(a == b and c[1] == a)
    -- two messages share nothing
    local q = concur.queue()
    q:put(t)
    q:put(t)
    assert.is_false(q:get(0) == q:get(0))
  end)

  it("arrives as it was when it was sent", function()
    local t = { 1, inner = { 2 } }
    local q = concur.queue()
    local cell = concur.value(t)
    q:put(t)
    t[1], t.inner[1], t.more = 10, 20, 30
    kit.same({ 1, inner = { 2 } }, q:get(0))
    local got = cell:get()
    kit.same({ 1, inner = { 2 } }, got)
    got.inner[1] = "changed"
    kit.same({ 1, inner = { 2 } }, cell:get())
    -- the arguments of an unstarted thread are copied at start
    local thread = concur.thread(function(x) return x[1], x.inner[1] end, t)
    t[1] = 11
    thread:start()
    t[1] = 12
    kit.same({ 11, 20 }, { kit.join(thread) })
  end)

  it("metatables come along", function()
    each_way(function() return setmetatable({ 1 }, { __index = { a = 1 }, __len = function() return 7 end }) end)
    each_way(function() return setmetatable({}, setmetatable({ x = 1 }, setmetatable({ y = 2 }, { z = 3 }))) end)
    each_way(function()
      local m = { __name = "shared" }
      return { setmetatable({}, m), setmetatable({}, m), m, [m] = nil }
    end)
    local m = { __eq = function() return true end }
    m.__index = m
    function m.hello(self) return "hello " .. self.name end
    local function greet(x) return x:hello(), getmetatable(x).__index == getmetatable(x) end
    kit.same({ "hello you", true }, { kit.join(concur.spawn(greet, setmetatable({ name = "you" }, m))) })
  end)

  it("metamethods are not called on the way", function()
    local called = false
    local function call() called = true end
    local m = {
      __index = call, __newindex = call, __pairs = call, __len = call, __eq = call, __call = call, __tostring = call,
      __metatable = "hidden", __concat = call, __lt = call,
    }
    local t = setmetatable({ 1, 2, x = setmetatable({}, m) }, m)
    local got = through_queue(t)
    assert.is_false(called)
    assert.is_true(rawequal(rawget(got, 1), 1) and rawequal(rawget(got, 2), 2))
    assert.are.equal(2, rawlen(got))
    assert.are.equal("hidden", getmetatable(got))
    local real = debug.getmetatable(got)
    assert.is_function(real.__index)
    assert.is_true(real == debug.getmetatable(rawget(got, "x")))
  end)

  it("weak tables and finalizers are metatables like others", function()
    local got = through_queue(setmetatable({ {} }, { __mode = "v" }))
    collectgarbage()
    assert.is_nil(got[1])

    local log = concur.queue()
    local q = concur.queue()
    q:put(setmetatable({ log = log }, { __gc = function(self) self.log:put("collected") end }))
    kit.join(concur.spawn(function()
      if q:get(5) then collectgarbage() end
    end))
    assert.are.equal("collected", log:get(5))
  end)

  it("1,000,000 levels, by every kind of key", function()
    for _, key in ipairs { 1, "next" } do
      local got = through_queue(chain(1000000, key))
      local depth = 0
      while got[key] and got[key] ~= "bottom" do
        got = got[key]
        depth = depth + 1
      end
      assert.are.equal(1000000, depth)
      assert.are.equal("bottom", got[1])
    end
  end)

  it("1,000,000 levels as an argument and a result", function()
    local got = kit.join(concur.spawn(function(t) return t end, chain(1000000, 1)))
    local depth = 0
    while type(got[1]) == "table" do
      got = got[1]
      depth = depth + 1
    end
    assert.are.equal(1000000, depth)
  end)

  it("deep through keys, metatables, and mixtures", function()
    local t = {}
    for _ = 1, 20000 do t = { [t] = true } end
    local got, depth = through_queue(t), 0
    while next(got) do
      got = next(got)
      depth = depth + 1
    end
    assert.are.equal(20000, depth)

    t = {}
    for _ = 1, 20000 do t = setmetatable({}, t) end
    got, depth = through_queue(t), 0
    while debug.getmetatable(got) do
      got = debug.getmetatable(got)
      depth = depth + 1
    end
    assert.are.equal(20000, depth)
  end)

  it("deep, with cycles and sharing at every level", function()
    local root = {}
    local t = root
    for i = 1, 3000 do
      local new = { parent = t, root = root, i = i, pair = { t, root } }
      t.child = new
      t = new
    end
    root.last = t
    kit.same(root, through_queue(root))
    kit.same(t, through_queue(t))
  end)

  it("depths around the places where a walk may change its way", function()
    for depth = 90, 210 do
      local inner = { depth }
      local t = inner
      for i = 1, depth do t = i % 3 == 0 and { x = t } or { t, inner } end
      kit.same(t, through_queue(t))
    end
  end)

  it("1,000,000 elements, in the array and in the hash", function()
    local list = {}
    for i = 1, 1000000 do list[i] = i end
    local got = kit.join(concur.spawn(function(t) return t end, list))
    assert.are.equal(1000000, #got)
    for i = 1, 1000000 do
      if got[i] ~= i then error("wrong at " .. i) end
    end
    local record = {}
    for i = 1, 1000000 do record[i * 2.5] = i end
    got = through_queue(record)
    local n = 0
    for k, v in next, got do
      if k ~= v * 2.5 then error("wrong at " .. k) end
      n = n + 1
    end
    assert.are.equal(1000000, n)
  end)

  it("100,000 small tables in one", function()
    local t = {}
    for i = 1, 100000 do t[i] = { i, tostring(i), x = i / 2 } end
    local got = through_queue(t)
    assert.are.equal(100000, #got)
    for i = 1, 100000 do
      local e = got[i]
      if e[1] ~= i or e[2] ~= tostring(i) or e.x ~= i / 2 then error("wrong at " .. i) end
    end
  end)

  it("random graphs", function()
    local seed = 20240611 -- no tables among the keys: comparing those takes long
    math.randomseed(seed)
    local keys = { "a", "b", "long key with spaces", 1, 2, 3, 4, 5, 100, -1, 1.5, true, false, "" }
    for round = 1, 300 do
      local nodes = {}
      for i = 1, math.random(1, 40) do nodes[i] = {} end
      for i = 2, #nodes do
        if math.random() < 0.2 then setmetatable(nodes[i], { m = nodes[math.random(#nodes)] }) end
      end
      for _ = 1, #nodes * 4 do
        local node, key = nodes[math.random(#nodes)], keys[math.random(#keys)]
        local which = math.random(4)
        local value = nodes[math.random(#nodes)]
        if which == 1 then value = math.random(-1000, 1000) end
        if which == 2 then value = ("s"):rep(math.random(0, 80)) end
        if which == 3 then value = math.random() end
        rawset(node, key, value)
      end
      for _, way in ipairs { kit.ways[1], kit.ways[3], kit.ways[8] } do
        local difference = kit.difference(nodes, way[2](nodes))
        if difference then error(("seed %d, round %d, %s: %s"):format(seed, round, way[1], difference)) end
      end
    end
  end)
end)
