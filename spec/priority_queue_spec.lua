-- concur.priority_queue and concur.lifo: which item comes next
local concur = require "concur"
local h = require "spec.support.helpers"

local function drain(q)
  local list = {}
  while not q:empty() do list[#list + 1] = q:get(0) end
  return list
end

describe("a lifo", function()
  it("gives the last one first", function()
    local s = concur.lifo()
    assert.are.equal("lifo", concur.type(s))
    for i = 1, 5 do s:put(i) end
    s:put("x")
    assert.are.same({ "x", 5, 4, 3, 2, 1 }, drain(s))
  end)

  it("takes items of all kinds", function()
    local s = concur.lifo()
    local long, lock = ("y"):rep(10000), concur.lock()
    for _, v in ipairs { long, lock, "", 1.5 } do s:put(v) end
    s:put(nil)
    s:put(false)
    s:put { a = { b = 1 } }
    assert.are.equal(1, s:get().a.b)
    assert.is_false(s:get())
    assert.are.same({ n = 1 }, table.pack(s:get()))
    assert.are.equal(1.5, s:get())
    assert.are.equal("", s:get())
    assert.are.equal(lock, s:get())
    assert.are.equal(long, s:get())
  end)

  it("agrees with a model", function()
    local s, model, random = concur.lifo(20), {}, 12345
    for _ = 1, 5000 do
      random = (random * 1103515245 + 12345) & 0x7fffffff
      if random % 5 < 3 then
        local ok = s:put(random, 0)
        assert.are.equal(#model < 20, ok)
        if ok then model[#model + 1] = random end
      else
        assert.are.equal(table.remove(model), (s:get(0)))
      end
      assert.are.equal(#model, #s)
    end
  end)
end)

describe("a priority queue", function()
  it("orders numbers by value", function()
    local q = concur.priority_queue()
    assert.are.equal("priority_queue", concur.type(q))
    local list = { 5, -1.5, 3, 3.5, math.huge, -math.huge, 0.0, -7, 2^53, 2^53 | 1, math.mininteger, math.maxinteger,
      -(2^53 | 0) - 1, 1e300, -1e300, 5e-324 }
    for _, v in ipairs(list) do q:put(v) end
    table.sort(list)
    assert.are.same(list, drain(q))
  end)

  it("tells integers and floats beyond 2^53 apart exactly", function()
    local list = { 2.0^53, 2^53 | 0, (2^53 | 0) + 1, (2^53 | 0) + 2, 2.0^62, (1 << 62) - 1, (1 << 62) + 1,
      math.maxinteger, 2.0^63, math.mininteger, -2.0^63, math.mininteger + 1 }
    for _, a in ipairs(list) do
      for _, b in ipairs(list) do
        local q = concur.priority_queue()
        q:put_many { a, b }
        local first, second = q:get(), (q:get())
        assert(second >= first, ("%s before %s"):format(first, second))
        if a == b then assert.are.equal(math.type(a), math.type(first)) end
      end
    end
  end)

  it("orders strings by bytes", function()
    local q = concur.priority_queue()
    local list = { "b", "", "a", "a\0", "a\0b", "\255", "ab", "Z", "\u{4e2d}", "\u{524d}", ("a"):rep(300) }
    for _, v in ipairs(list) do q:put(v) end
    local sorted = table.move(list, 1, #list, 1, {})
    table.sort(sorted, function(a, b)
      for i = 1, math.min(#a, #b) do
        if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) end
      end
      return #a < #b
    end)
    assert.are.same(sorted, drain(q))
  end)

  it("orders arrays element by element", function()
    local q = concur.priority_queue()
    q:put_many { { 2, "b" }, { 1, "aaa" }, { 1 }, { 2, "a" }, {}, { 1, "aaa", { 1 } }, { 1, "aaa", { 0, 9 } } }
    local got = {}
    for _, v in ipairs(drain(q)) do
      got[#got + 1] = table.concat({ v[1], v[2], v[3] and v[3][1] }, " ")
    end
    assert.are.same({ "", "1", "1 aaa", "1 aaa 0", "1 aaa 1", "2 a", "2 b" }, got)
  end)

  it("keeps the order of arrival of equal ones", function()
    local q = concur.priority_queue { key = "level" }
    for i = 1, 200 do q:put { level = i % 3, number = i } end
    local last = { [0] = 0, 0, 0 }
    local level = 0
    for _, v in ipairs(drain(q)) do
      assert(v.level >= level and v.number > last[v.level])
      level, last[v.level] = v.level, v.number
    end
  end)

  it("has a function as key, called in the thread that puts", function()
    local calls = concur.value(0)
    local here = 0
    local q = concur.priority_queue { key = function(v)
      here = here + 1
      calls:add(1)
      return -v
    end }
    q:put_many { 1, 3, 2 }
    assert.are.equal(3, here)
    local t = concur.spawn(function()
      q:put(10)
      return q:put_many { 5, 6 }
    end)
    assert.are.equal(2, h.results(t))
    assert.are.equal(3, here)
    assert.are.equal(6, calls:get())
    assert.are.same({ 10, 6, 5, 3, 2, 1 }, drain(q))
  end)

  it("has a key that goes through a queue with the handle", function()
    local box = concur.queue()
    box:put(concur.priority_queue { key = "p", maxsize = 2 })
    local q = box:get()
    q:put { p = 2 }
    q:put { p = 1 }
    assert.are.same({ false, "full" }, { q:put({ p = 0 }, 0) })
    assert.are.equal(1, q:get().p)
  end)

  it("refuses what has no order", function()
    local q = concur.priority_queue()
    for _, v in ipairs { true, print, { x = 1 }, concur.lock() } do
      h.raises("has no order", function() q:put(v) end)
    end
    h.raises("NaN", function() q:put(0 / 0) end)
    h.raises("NaN", function() q:put { 1, 0 / 0 } end)
    h.raises("nil has no order", function() q:put(nil) end)
    q:put(1)
    h.raises("no order with those", function() q:put("1") end)
    h.raises("no order with those", function() q:put { 1 } end)
    h.raises("no order with those", function() q:put_many { 2, "x" } end)
    h.raises("no order with those", function() q:put_many { "x", "y" } end)
    assert.are.equal(1, #q)
    assert.are.equal(1, q:get())
    q:put("now strings")
    assert.are.equal("now strings", q:get())
  end)

  it("compares elements of arrays only where it must", function()
    local q = concur.priority_queue()
    q:put_many { { 1, {} }, { 2, "x" }, { 3, print ~= nil } }
    h.raises("no order with those", function() q:put { 2, 7 } end)
    h.raises("no order with those", function() q:put { 3, true } end)
    h.raises("no order with those", function() q:put_many { { 4, 1 }, { 5, 1 }, { 4, "1" } } end)
    assert.are.equal(3, #q)
    local deep = {}
    for _ = 1, 200 do deep = { deep } end
    h.raises("nested too deeply", function() q:put(deep) end)
  end)

  it("refuses items without key, and keeps an error of the key function", function()
    local q = concur.priority_queue { key = "p" }
    h.raises("has no key 'p'", function() q:put { q = 1 } end)
    h.raises("has no key 'p'", function() q:put(1) end)
    h.raises("NaN", function() q:put { p = 0 / 0 } end)
    local f = concur.priority_queue { key = function(v) if v == 1 then error({ "mine" }) end end }
    local ok, err = pcall(f.put, f, 1)
    assert.are.same({ false, { "mine" } }, { ok, err })
    h.raises("has no key", function() f:put(2) end)
    assert.are.same({ 0, 0 }, { #q, #f })
  end)

  it("misuse of the constructor raises", function()
    h.raises("unknown option 'size'", function() concur.priority_queue { size = 1 } end)
    h.raises("bad option 'key'", function() concur.priority_queue { key = 1 } end)
    for _, n in ipairs { -1, 1.5, 0 / 0, "x", math.huge } do
      h.raises("maxsize", function() concur.priority_queue { maxsize = n } end)
      for _, kind in ipairs { "queue", "lifo", "priority_queue" } do
        h.raises("bad argument #1", function() concur[kind](n) end)
      end
    end
    h.raises("cannot transfer", function()
      local co = coroutine.create(print)
      concur.priority_queue { key = function() return co end }
    end)
  end)

  it("hands over to waiting getters in order of arrival", function()
    local q, threads = concur.priority_queue(), {}
    for i = 1, 3 do
      threads[i] = concur.spawn(function() return q:get() end)
      h.await_status(threads[i], "waiting")
    end
    for i = 3, 1, -1 do
      q:put(i * 10)
      assert.are.equal(i * 10, h.results(threads[4 - i]))
    end
  end)

  it("agrees with a model", function()
    local q, model, random, number = concur.priority_queue { key = "key" }, {}, 99, 0
    for _ = 1, 4000 do
      random = (random * 1103515245 + 12345) & 0x7fffffff
      if random % 7 < 4 then
        number = number + 1
        local item = { key = (random >> 8) % 50, number = number }
        q:put(item)
        local at = #model + 1
        while at > 1 and model[at - 1].key > item.key do at = at - 1 end
        table.insert(model, at, item)
      else
        local n = random % 3 + 1
        local list = q:get_many(n, 0)
        for i = 1, math.min(n, #model) do
          assert.are.equal(model[1].number, list[i].number)
          table.remove(model, 1)
        end
      end
      assert.are.equal(#model, #q)
    end
  end)
end)
