-- concur.priority_queue
local concur = require "concur"
local kit = require "spec.support.kit"

local T = kit.TIMEOUT
local huge = math.huge

local function drain(q)
  local list = {}
  while not q:empty() do list[#list + 1] = q:get(0) end
  return list
end

local function shuffle(list)
  for i = #list, 2, -1 do
    local k = math.random(i)
    list[i], list[k] = list[k], list[i]
  end
end

-- A list in ascending order must come out as it is, whatever the order in which it is put.
local function sorts(ascending, options)
  for round = 1, 12 do
    local q = concur.priority_queue(options)
    local list = table.move(ascending, 1, #ascending, 1, {})
    math.randomseed(round)
    shuffle(list)
    if round % 2 == 0 then
      for _, v in ipairs(list) do q:put(v) end
    else
      assert.are.equal(#list, q:put_many(list))
    end
    kit.same(ascending, drain(q))
  end
end

describe("a priority queue orders", function()
  it("integers and floats by value, exactly", function()
    local big = 1 << 53
    sorts {
      -huge, -1e308, -2.0 ^ 64, math.mininteger, math.mininteger + 1, math.mininteger + 1024, -2.0 ^ 62,
      -big - 2, -big - 1, -2.0 ^ 53, -big + 1, -3, -2.5, -2, -1.0, -0x1p-1022, -0x1p-1074, 0, 0x1p-1074, 0x1p-1022,
      0.1, 0.5, 1, 1.5, 2.0, 3, big - 1, 2.0 ^ 53, big + 1, 2.0 ^ 53 + 2, big + 3, big + 4, big + 5, 2.0 ^ 62,
      2 ^ 62 + 512,
      (1 << 62) + 513, math.maxinteger - 1025, math.maxinteger - 1024, 0x7ffffffffffffc00 + 0.0, math.maxinteger - 1022,
      math.maxinteger - 1, math.maxinteger, 2.0 ^ 63, 0x1p64, 1e308, huge,
    }
  end)

  it("as < of Lua does, for random numbers near each other", function()
    math.randomseed(7)
    local q, list = concur.priority_queue(), {}
    for i = 1, 2000 do
      local n = math.random(0) >> math.random(0, 12)
      if i % 2 == 0 then n = -n end
      local v = i % 3 == 0 and n + 0.0 or i % 5 == 0 and math.random(0) or n
      list[#list + 1] = v
      if v // 1 | 0 == v and pcall(function() return v + 0.0 | 0 end) then
        list[#list + 1] = (v + 0.0 | 0) + math.random(-2, 2)
      end
    end
    q:put_many(list)
    local got = drain(q)
    assert.are.equal(#list, #got)
    for i = 2, #got do
      if got[i] < got[i - 1] then error(("%s after %s"):format(got[i], got[i - 1])) end
    end
  end)

  it("-0.0, 0 and 0.0 as equals, and keeps them", function()
    local q = concur.priority_queue()
    local list = { 0, -0.0, 0.0, -0.0, 0, 5, 5.0, 2.0 ^ 53, 1 << 53, -(2.0 ^ 63), math.mininteger }
    q:put_many(list)
    kit.same({ -(2.0 ^ 63), math.mininteger, 0, -0.0, 0.0, -0.0, 0, 5, 5.0, 2.0 ^ 53, 1 << 53 }, drain(q))
  end)

  it("strings by bytes, zeros included, shorter ones first", function()
    local long = ("m"):rep(300)
    sorts { "", "\0", "\0\0", "\0a", "\0b\0", "10", "9", "A", "a", "a\0", "a\0\0", "a\0b", "aa", "ab", "b", long,
      "\127",
      "\128", "\u{e9}", "\254\255", "\255", "\255\0", "\255\255" }
  end)

  it("long strings", function()
    local long = ("m"):rep(300)
    sorts { long, long .. "\0", long .. "a", long .. "a\0", long .. "b", ("m"):rep(100000), ("m"):rep(100000) .. "n",
      "n" }
  end)

  it("arrays element by element, shorter ones first", function()
    sorts {
      {}, { -huge }, { 1 }, { 1, -1 }, { 1, -1, 5 }, { 1, 0 }, { 1, 0.5 }, { 1, 1 }, { 1, 1, 0, 0, 0 }, { 1, 2 },
      { 2.0 }, { 2, 0 },
    }
    sorts { { 1, "" }, { 1, "aaa" }, { 1, "aaa", 1 }, { 1, "aab", 0 }, { 2, "a" }, { 2, "b" }, { 3 } }
    sorts { { "" }, { "", 0 }, { "", 1 }, { "\0" }, { "a" }, { "a", 1 }, { "a\0" }, { "aa", 0 }, { "b" } }
  end)

  it("arrays in arrays", function()
    sorts {
      { {} }, { {}, {} }, { {}, {}, {} }, { {}, { 1 } }, { { {} } }, { { {}, {} } }, { { { 1 } } }, { { { 1 },
      { 0 } } },
      { { { 1, 1 } } }, { { { 2 } } },
    }
    sorts { { 1, { 2, { 3 } } }, { 1, { 2, { 3 }, 0 } }, { 1, { 2, { 3, 0 } } }, { 1, { 2, { 4 } } }, { 1, { 3,
      {} } }, { 2, {} } }
    local deep, deeper = { 1 }, { 2 }
    for _ = 1, 50 do deep, deeper = { deep }, { deeper } end
    sorts { deep, deeper }
  end)

  it("arrays with something behind that has no order, unless it must be looked at", function()
    local list = {}
    for i = 1, 20 do list[i] = { i, { what = i }, true } end
    sorts(list)
    local q = concur.priority_queue()
    for i = 1, 20 do q:put { i, concur.event(), print } end
    for i = 1, 20 do assert.are.equal(i, q:get(0)[1]) end
  end)

  it("arrays that have fields, too", function() sorts { { 1, x = 9 }, { 1, 2, y = {} }, { 2, z = print and 0 } } end)
end)

describe("items of equal priority", function()
  it("come out in order of arrival", function()
    local q = concur.priority_queue { key = "k" }
    local wanted = {}
    for i = 1, 2000 do
      local item = { k = i * 7919 % 5, i = i }
      if i % 3 == 0 then item.k = item.k + 0.0 end
      q:put(item)
      wanted[i] = item
    end
    table.sort(wanted, function(a, b) return a.k < b.k or a.k == b.k and a.i < b.i end)
    kit.same(wanted, drain(q))
  end)

  it("also when taken and put in turns, one by one and many", function()
    local q, n, last = concur.priority_queue { key = "k" }, 0, { 0, 0, 0 }
    local function item(k)
      n = n + 1
      return { k = k, n = n }
    end
    math.randomseed(3)
    for _ = 1, 300 do
      local list = {}
      for i = 1, math.random(0, 8) do list[i] = item(math.random(3)) end
      q:put_many(list)
      q:put(item(math.random(3)))
      for _, got in ipairs(q:get_many(math.random(6), 0) or {}) do
        assert.is_true(got.n > last[got.k])
        last[got.k] = got.n
      end
    end
  end)
end)

describe("the key of a priority queue", function()
  it("is a field", function()
    sorts({ { p = -1 }, { p = 0.5, v = "x" }, { p = 1 }, { p = 2, { 1 } } }, { key = "p" })
    sorts({ { [""] = "a" }, { [""] = "b" } }, { key = "" })
    sorts({ { p = {} }, { p = { 1 } }, { p = { 1, "a" } } }, { key = "p" })
    local class = setmetatable({ p = 5 }, {})
    class.__index = class
    local q = concur.priority_queue { key = "p" }
    q:put(setmetatable({ v = 1 }, class)) -- inherited
    q:put { p = 4 }
    assert.are.equal(4, q:get(0).p)
    assert.are.equal(1, q:get(0).v)
  end)

  it("is a function, of any item", function()
    local q = concur.priority_queue { key = function(v) return -v end }
    q:put_many { 1, 5, 3 }
    kit.same({ 5, 3, 1 }, drain(q))
    local order = { low = 3, high = 1 }
    q = concur.priority_queue { key = function(v) return v == nil and 2 or order[v] or #tostring(v) + 10 end }
    q:put_many({ "low", nil, true, false, "high", n = 5 })
    kit.same({ "high", nil, "low", true, false, n = 5 }, q:get_many(9))
    q = concur.priority_queue { key = string.lower }
    q:put_many { "b", "C", "A" }
    kit.same({ "A", "b", "C" }, drain(q))
  end)

  it("is asked once for each item, also of one that waits", function()
    local count = 0
    local q = concur.priority_queue { maxsize = 1, key = function(v)
      count = count + 1
      return v
    end }
    q:put(1)
    local t = concur.spawn(function() return q:put_many({ 2, 3 }, 20) end)
    kit.until_waiting(t)
    for i = 1, 3 do assert.are.equal(i, q:get(T)) end
    assert.are.equal(2, (kit.join(t)))
    assert.are.equal(1, count) -- the other state has a copy of the function
  end)

  it("that is missing, raises or has no order raises, and nothing is put", function()
    local field = concur.priority_queue { key = "k" }
    local bad = { 1, "x", true, {}, { j = 1 }, { k = 0 / 0 }, { k = print }, { k = true }, { k = { x = 1 } },
      { k = { 0 / 0 } } }
    for _, item in ipairs(bad) do
      local here = "^spec/priority_queue_spec.lua:%d+: "
      assert.is_truthy(kit.error_of(function() field:put(item) end):find(here))
      assert.is_truthy(kit.error_of(function() field:put_many { { k = 1 }, item } end):find(here))
    end
    assert.is_false(pcall(field.put, field, nil))
    assert.is_true(field:empty())
    local mine = {}
    local raising = concur.priority_queue { key = function(v) return v == 1 and 1 or v == 2 and error(mine) or nil end }
    raising:put(1)
    assert.is_true(rawequal(mine, kit.error_of(function() raising:put(2) end)))
    assert.is_true(rawequal(mine, kit.error_of(function() raising:put_many { 1, 2 } end)))
    assert.is_false(pcall(raising.put, raising, 3))
    kit.same({ 1, n = 1 }, raising:get_many(5))
  end)

  it("may itself use the queue", function()
    local q
    q = concur.priority_queue { key = function(v)
      if v > 0 then q:put_many { -v, 0 } end
      return v
    end }
    q:put_many { 2, 1 }
    kit.same({ -2, -1, 0, 0, 1, 2, n = 6 }, q:get_many(10))
  end)

  kit.each_kind(function(kind)
    it("works in every state that puts", function()
      local factor = 10
      for _, key in ipairs { "k", function(v) return v.k * factor end } do
        local q = concur.priority_queue { key = key }
        local list = {}
        for p = 1, 4 do
          list[p] = kind.spawn(function(handle)
            for i = 1, 100 do handle:put { k = i * 4 - p } end
            handle:put_many { { k = -p }, { k = -p - 10 } }
          end, q)
        end
        kit.join_all(list)
        q:put { k = 1000 }
        local last, count = -huge, 0
        while not q:empty() do
          local k = q:get(0).k
          assert.is_true(k > last)
          last, count = k, count + 1
        end
        assert.are.equal(409, count)
      end
    end)

    it("serves waiting getters first come, first served, and waiting putters too", function()
      local q, list = concur.priority_queue(1), {}
      for i = 1, 10 do
        list[i] = kind.spawn(function() return q:get() end)
        kit.until_waiting(list[i])
      end
      for i = 10, 1, -1 do q:put(i, T) end
      for i = 1, 10 do assert.are.equal(11 - i, kit.join(list[i])) end
      q:put(0)
      for i = 1, 5 do
        list[i] = kind.spawn(function() return q:put(-i) end)
        kit.until_waiting(list[i])
      end
      for i = 0, 5 do assert.are.equal(-i, q:get(T)) end
      for i = 1, 5 do assert.is_true(kit.join(list[i])) end
    end)

    it("raises in a putter that waited, if its item has no order with the others by then", function()
      local q = concur.priority_queue(1)
      q:put(1)
      local t = kind.spawn(function() return q:put("text") end)
      kit.until_waiting(t)
      assert.are.equal(1, q:get(0)) -- now the queue is empty, and text is fine
      assert.is_true(kit.join(t))
      t = kind.spawn(function() return q:put { "a list" } end)
      local number = kind.spawn(function() return q:put("more") end)
      kit.until_waiting(t)
      kit.until_waiting(number)
      assert.are.equal("text", q:get(0))
      kit.eventually("both are served or refused", function()
        q:get(0)
        return not t:is_alive() and not number:is_alive()
      end)
    end)

    it("gets each item once, the smallest first", function()
      local q = concur.priority_queue(20)
      local putters, getters = {}, {}
      for p = 1, 4 do
        putters[p] = kind.spawn(function()
          for i = 1, 1000 do q:put({ i * 7919 % 100, p, i }, T) end
        end)
        getters[p] = kind.spawn(function()
          local got = {}
          for item in q:items() do got[#got + 1] = item[2] * 10000 + item[3] end
          return got
        end)
      end
      kit.join_all(putters)
      q:close()
      local seen, count = {}, 0
      for _, t in ipairs(getters) do
        for _, n in ipairs(kit.join(t)) do
          assert.is_nil(seen[n])
          seen[n], count = true, count + 1
        end
      end
      assert.are.equal(4000, count)
    end)
  end)
end)
