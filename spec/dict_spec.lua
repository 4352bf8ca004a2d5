-- concur.dict
local concur = require "concur"
local kit = require "spec.support.kit"

local max, min = math.maxinteger, math.mininteger

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

-- The dict must hold what the table does, seen in every way there is.
local function holds(t, d)
  kit.same(t, d:copy())
  assert.are.equal(count(t), #d)
  local seen = {}
  for k, v in pairs(d) do
    assert.is_nil(seen[k])
    seen[k] = v
  end
  kit.same(t, seen)
  local keys = d:keys()
  assert.are.equal(count(t), #keys)
  assert.are.equal(count(t), #d:values())
  for _, k in ipairs(keys) do assert.is_true(t[k] ~= nil and d:has(k)) end
end

describe("a dict", function()
  it("begins with a table's content, or empty", function()
    holds({}, concur.dict())
    holds({}, concur.dict {})
    holds({}, concur.dict(nil))
    local t = { 1, 2, 3, x = "y", [true] = false, [false] = true, [1.5] = { 1 }, [-1] = "" }
    holds(t, concur.dict(t))
  end)

  it("gives what was set, and nil", function()
    local d = concur.dict()
    d.a = 1
    d["b c"] = "two"
    d[3] = { 3 }
    assert.are.equal(1, d.a)
    assert.are.equal("two", d["b c"])
    kit.same({ 3 }, d[3])
    assert.is_nil(d.nothing)
    assert.is_nil(d[4])
    d.a = nil
    d.nothing = nil
    assert.is_nil(d.a)
    assert.are.equal(2, #d)
  end)

  it("get and set are for every key, names of methods too", function()
    local d = concur.dict()
    local names = {
      "get", "set", "has", "pop", "update", "setdefault", "keys", "values", "copy", "clear", "merge", "id",
    }
    for i, name in ipairs(names) do
      local method = d[name]
      assert.is_function(method)
      if i % 2 == 0 then d[name] = i else d:set(name, i) end
      assert.are.equal(method, d[name])
      kit.same({ i, n = 1 }, table.pack(d:get(name)))
    end
    assert.are.equal(#names, #d)
    for _, name in ipairs(names) do
      assert.is_true(d:has(name))
      d[name] = nil
      assert.is_false(d:has(name))
    end
    assert.are.equal(0, select("#", d:set("x", 1)))
    kit.same({ n = 1 }, table.pack(d:get("y")))
    holds({ x = 1 }, d)
  end)

  it("has, pop and setdefault", function()
    local d = concur.dict { a = 1, f = false }
    kit.same({ true, true, false }, { d:has("a"), d:has("f"), (d:has("b")) })
    kit.same({ 1, n = 1 }, table.pack(d:pop("a")))
    kit.same({ n = 1 }, table.pack(d:pop("a")))
    kit.same({ "default", n = 1 }, table.pack(d:pop("a", "default")))
    kit.same({ false, n = 1 }, table.pack(d:pop("f", "default")))
    assert.are.equal(0, #d)
    kit.same({ 5, n = 1 }, table.pack(d:setdefault("s", 5)))
    kit.same({ 5, n = 1 }, table.pack(d:setdefault("s", 6)))
    d.f = false
    kit.same({ false, n = 1 }, table.pack(d:setdefault("f", 6)))
    local t = { 1, { 2 } }
    local got = d:setdefault("t", t)
    kit.same(t, got)
    assert.is_false(rawequal(t, got)) -- a copy, as everybody else gets it
    got[1] = "changed"
    kit.same(t, d.t)
    local default = {}
    assert.is_true(rawequal(default, d:pop("no key", default)))
  end)

  it("merge and clear", function()
    local d = concur.dict { a = 1, b = 2 }
    assert.are.equal(0, select("#", d:merge { b = 3, c = 4, [5] = { 5 } }))
    holds({ a = 1, b = 3, c = 4, [5] = { 5 } }, d)
    d:merge {}
    d:merge(d)
    holds({ a = 1, b = 3, c = 4, [5] = { 5 } }, d)
    assert.are.equal(0, select("#", d:clear()))
    holds({}, d)
    d:clear()
    d.x = 1
    holds({ x = 1 }, d)
  end)

  it("prints, compares and is a handle", function()
    local d = concur.dict { 1, 2, 3 }
    assert.is_truthy(tostring(d):find("^concur%.dict: 0x%x+ %(3%)$"), tostring(d))
    assert.are.equal("dict", concur.type(d))
    assert.is_true(d ~= concur.dict { 1, 2, 3 })
    local q = concur.queue()
    q:put { d }
    local same = q:get(0)[1]
    assert.is_true(d == same and d:id() == same:id())
    same.x = "seen"
    assert.are.equal("seen", d.x)
    assert.is_string(kit.error_of(function()
      local held <close> = d
      return held
    end))
  end)

  it("what is read is a copy", function()
    local t = { a = { 1 } }
    local d = concur.dict { t = t }
    t.a[1] = 2
    d.t.a[1] = 3
    d:get("t").a[1] = 4
    d:copy().t.a[1] = 5
    d:values()[1].a[1] = 6
    for _, v in pairs(d) do v.a[1] = 7 end
    kit.same({ a = { 1 } }, d.t)
  end)

  it("pairs is a snapshot that may be changed under way", function()
    local d = concur.dict()
    for i = 1, 100 do d[i] = i end
    local n = 0
    for k, v in pairs(d) do
      assert.are.equal(k, v)
      d[k] = nil
      d[k + 1000] = k
      n = n + 1
    end
    assert.are.equal(100, n)
    assert.are.equal(100, #d)
    for _ in pairs(d) do d:clear() end
    assert.are.equal(0, #d)
  end)
end)

describe("keys of a dict", function()
  it("integers and floats that are equal are one, -0.0 is 0", function()
    local d = concur.dict()
    d[2] = "two"
    assert.are.equal("two", d[2.0])
    d[2.0] = "again"
    d[-0.0] = "zero"
    d[2 ^ 53] = "2^53"
    d[(1 << 53) + 1] = "2^53+1"
    d[-2.0 ^ 63] = "min"
    d[2.0 ^ 63] = "2^63"
    d[max] = "max"
    kit.same({ "again", "zero", "zero", "2^53", "2^53+1", "min", "max" },
      { d[2], d[0], d[0.0], d[1 << 53], d[(1 << 53) + 1], d[min], d[max] })
    assert.are.equal("2^63", d[2.0 ^ 63])
    assert.are.equal(7, #d)
    for _, k in ipairs(d:keys()) do assert.is_true(math.type(k) == "integer" or k == 2.0 ^ 63) end
    assert.is_nil(d["2"])
    d["2"] = "text"
    assert.are.equal("again", d[2])
  end)

  it("of every kind, none taken for another", function()
    local keys = {
      true, false, 0, 1, -1, max, min, (1 << 53) + 1, 0.5, -0.5, math.huge, -math.huge, 5e-324, 1e308, math.pi, "",
      "\0",
      "\0\0", "a", "a\0", "a\0b", "0",
      "1", "true", "false", "nil", ("x"):rep(239), ("x"):rep(240), ("x"):rep(241),
      ("x"):rep(240) .. "y", ("\0"):rep(240), ("\0"):rep(241), ("x"):rep(65535), ("x"):rep(65536), ("x"):rep(70000),
      ("x"):rep(69999) .. "y", string.pack("<d", 0.5), string.pack("<j", 1), string.pack("<j", 0),
    }
    for n = 1, 20 do
      keys[#keys + 1] = ("z"):rep(n)
      keys[#keys + 1] = ("z"):rep(n) .. "\0"
    end
    local d, t = concur.dict(), {}
    for i, k in ipairs(keys) do
      d[k], t[k] = i, i
      assert.are.equal(i, #d)
    end
    holds(t, d)
    for i, k in ipairs(keys) do
      assert.are.equal(i, d[k])
      assert.are.equal(i, d:get(k))
      assert.are.equal(i, d:setdefault(k, "other"))
      assert.are.equal(i, d:update(k, function(old) return old end))
    end
    d:merge(t)
    holds(t, concur.dict(t))
    for i, k in ipairs(keys) do
      assert.are.equal(i, d:pop(k))
      t[k] = nil
      assert.is_false(d:has(k))
    end
    holds({}, d)
  end)

  it("that no table has read as nil and cannot be written", function()
    local d = concur.dict { a = 1 }
    assert.is_nil(d[nil])
    assert.is_nil(d[0 / 0])
    local wrong = { n = 9, {}, print, function() end, d, concur.lock(), io.stdout, coroutine.create(print), 0 / 0, nil }
    for i = 1, wrong.n do
      local k = wrong[i]
      local message = (k ~= k and "NaN" or "a " .. type(k)) .. " cannot be a key of a concur.dict"
      kit.raises(message, function() d[k] = 1 end)
      kit.raises(message, function() d:set(k, 1) end)
      kit.raises(message, function() d[k] = nil end)
      kit.raises(message, function() d:setdefault(k, 1) end)
      kit.raises(message, function() d:pop(k) end)
      kit.raises(message, function() d:update(k, error) end)
      if k == k and k ~= nil then
        kit.raises(message, function() d:merge { [k] = 2, a = 2 } end)
        kit.raises(message, function() return (concur.dict { [k] = 2 }) end)
      end
    end
    holds({ a = 1 }, d)
  end)
end)

describe("values of a dict", function()
  local lock = concur.lock()

  it("are of every kind, and replace each other", function()
    local values = {
      false, true, 0, -1, max, min, 0.5, -0.0, math.huge, 0 / 0, "", "\0", "short",
      ("a"):rep(7), ("b"):rep(8), ("c"):rep(9), ("d"):rep(239), ("e"):rep(240), ("f"):rep(241),
      ("g"):rep(5000), ("h"):rep(200000), {}, { 1, { 2 } },
      { ("x"):rep(300) }, lock, { lock, { lock } }, print, function() return lock end,
    }
    local function same(a, b)
      if concur.type(a) then assert.is_true(a == b)
      elseif type(a) == "table" and a[1] == lock then assert.is_true(b[1] == lock and b[2][1] == lock)
      else kit.same(a, b) end
    end
    for _, k in ipairs { "key", 1, true, ("long key"):rep(100) } do
      local d = concur.dict { [k == 1 and 2 or 1] = "other" }
      for _, v in ipairs(values) do
        for _, w in ipairs(values) do
          d[k] = v
          same(v, d[k])
          d[k] = w
          same(w, d:get(k))
        end
        same(v, (concur.dict { [k] = v })[k])
        d[k] = nil
        same(v, d:setdefault(k, v))
        same(v, d:pop(k))
      end
      assert.are.equal("other", d[k == 1 and 2 or 1])
    end
  end)

  it("a function keeps its upvalues", function()
    local n = 5
    local d = concur.dict { f = function() return n, lock end }
    n = 6
    local got, handle = d.f()
    assert.are.equal(5, got)
    assert.is_true(handle == lock)
  end)

  it("nested handles are the same object, through any depth", function()
    local inner = concur.dict { n = 1 }
    local list = concur.list { inner }
    local outer = concur.dict { list = list, same = { deep = { inner } } }
    outer.list[1].n = 2
    assert.are.equal(2, inner.n)
    assert.is_true(outer.list[1] == inner and outer.same.deep[1] == inner)
    inner.outer = outer
    assert.is_true(outer.list[1].outer.list == list)
    inner.outer = nil
  end)

  it("a dict may hold itself", function()
    local before = kit.live()
    do
      local d = concur.dict { n = 1 }
      d.self = d
      d[1] = { d }
      assert.is_true(d.self == d and d.self.self[1][1] == d)
      assert.are.equal(1, d.self.self.self.n)
      assert.are.equal(3, #d)
      assert.is_true(d:copy().self == d)
      assert.is_string(tostring(d.self))
      d:clear()
    end
    kit.settled(before)
  end)
end)

describe("a dict like a table", function()
  it("through random operations", function()
    math.randomseed(42)
    local keys = {}
    for i = 1, 60 do
      local forms = { i, i + 0.5, "k" .. i, ("k"):rep(i * 12), -i, ("%099d"):format(i):rep(40) }
      keys[i] = forms[i % #forms + 1]
    end
    keys[61], keys[62] = true, false
    local makers = {
      function(i) return i end,
      function(i) return i / 3 end,
      function(i) return ("v"):rep(i % 300) end,
      function(i) return { i, { ("t"):rep(i % 90) } } end,
      function(i) return i % 2 == 0 end,
    }
    local d, t = concur.dict(), {}
    for i = 1, 12000 do
      local k = keys[math.random(#keys)]
      local v = makers[math.random(#makers)](i)
      local what = math.random(9)
      if what <= 3 then
        d[k], t[k] = v, v
      elseif what <= 5 then
        kit.same(t[k], d:pop(k))
        t[k] = nil
      elseif what == 6 then
        if t[k] == nil then t[k] = v end
        kit.same(t[k], d:setdefault(k, v))
      elseif what == 7 then
        local old = t[k]
        t[k] = math.random(3) > 1 and v or nil
        local new = t[k]
        d:update(k, function(x)
          kit.same(old, x)
          return new
        end)
      elseif what == 8 then
        d[k], t[k] = nil, nil
      else
        kit.same(t[k], d[k])
      end
      if i % 500 == 0 then holds(t, d) end
      if i % 4000 == 0 then
        d:clear()
        t = {}
      end
    end
  end)

  it("while it grows and shrinks", function()
    local d = concur.dict()
    for round = 1, 3 do
      local n = 5000 * round
      for i = 1, n do d["key" .. i] = i end
      for i = 1, n, 2 do d["key" .. i] = nil end
      assert.are.equal(n // 2, #d)
      for i = 1, n do assert(d["key" .. i] == (i % 2 == 0 and i or nil)) end
      for i = n, 1, -1 do d["key" .. i] = nil end
      assert.are.equal(0, #d)
      assert.is_nil(next(d:copy()))
    end
  end)
end)
