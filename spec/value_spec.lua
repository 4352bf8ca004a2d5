-- concur.value
local concur = require "concur"
local kit = require "spec.support.kit"

local min, max = math.mininteger, math.maxinteger

describe("a value", function()
  it("begins as nil or what it is given", function()
    kit.same({ n = 1 }, table.pack(concur.value():get()))
    kit.same({ n = 1 }, table.pack(concur.value(nil):get()))
    kit.same({ false, n = 1 }, table.pack(concur.value(false):get()))
    kit.same({ 7, n = 1 }, table.pack(concur.value(7):get()))
    kit.same({ "s", n = 1 }, table.pack(concur.value("s"):get()))
  end)

  it("set returns nothing, swap the old one", function()
    local v = concur.value(1)
    assert.are.equal(0, select("#", v:set("two")))
    kit.same({ "two", n = 1 }, table.pack(v:swap { 3 }))
    kit.same({ { 3 }, n = 1 }, table.pack(v:swap(nil)))
    kit.same({ n = 1 }, table.pack(v:swap(false)))
    kit.same({ false, n = 1 }, table.pack(v:swap(0.5)))
    assert.are.equal(0.5, v:get())
  end)

  it("set, swap and compare_swap want a value", function()
    local v = concur.value("old")
    kit.raises("bad argument #1 to 'set' (value expected)", function() v:set() end)
    kit.raises("bad argument #1 to 'swap' (value expected)", function() v:swap() end)
    kit.raises("bad argument #2 to 'compare_swap' (value expected)", function() v:compare_swap(1) end)
    assert.is_string(kit.error_of(function() v:compare_swap() end))
    assert.are.equal("old", v:get())
  end)

  it("changes its kind of content at will", function()
    local values = {
      n = 24, nil, false, true, 0, 1, -1, 1 << 60, 1 << 61, 1 << 62, -(1 << 61), -(1 << 62), -(1 << 62) - 1, max, min,
      0.0, -0.0, 0 / 0, math.huge, "", "short", ("long"):rep(100), { { 1 } }, { 1, { 2, x = "y" } }, ("x"):rep(200000),
    }
    local v = concur.value()
    for i = 1, values.n do
      for j = 1, values.n do
        v:set(values[i])
        local old = v:swap(values[j])
        if kit.difference(values[i], old) then error(("%d, %d: %s"):format(i, j, kit.difference(values[i], old))) end
        local now = v:get()
        if kit.difference(values[j], now) then error(("%d, %d: %s"):format(i, j, kit.difference(values[j], now))) end
        kit.same(values[j], (v:get()))
      end
    end
  end)

  it("holds functions, handles, long strings and what is in them", function()
    local before = kit.live()
    do
      local n = 1
      local lock = concur.lock()
      local v = concur.value(function()
        n = n + 1
        return n, lock
      end)
      local f = v:get()
      assert.are.equal(2, (f()))
      assert.are.equal(2, (v:get()()))
      assert.is_true(select(2, f()) == lock)
      v:set { lock, { lock } }
      assert.is_true(v:get()[2][1] == lock)
      v:set(lock)
      assert.is_true(v:get() == lock)
      v:set(("x"):rep(1 << 20))
      assert.are.equal(1 << 20, #v:get())
      v:set(string.format)
      assert.is_true(v:get() == string.format)
      v:set(nil)
    end
    kit.settled(before)
  end)

  it("what is read is a copy", function()
    local v = concur.value { a = { 1 } }
    local t = v:get()
    t.a[1] = 2
    kit.same({ a = { 1 } }, (v:get()))
  end)

  it("prints usefully, whatever it holds", function()
    local v = concur.value()
    for _, x in ipairs { false, 1, -1.5, "text", { 1 }, print, concur.lock(), ("long"):rep(1000), max, 0 / 0 } do
      v:set(x)
      assert.is_truthy(tostring(v):find("^concur%.value: 0x%x+"), tostring(v))
      assert.is_true(#tostring(v) < 200)
    end
    v:set(42)
    assert.is_truthy(tostring(v):find("42", 1, true))
  end)
end)

describe("add", function()
  it("gives the new number", function()
    local v = concur.value(1)
    kit.same({ 3, n = 1 }, table.pack(v:add(2)))
    kit.same({ 3, n = 1 }, table.pack(v:add(0)))
    kit.same({ -7, n = 1 }, table.pack(v:add(-10)))
    assert.are.equal(-7, v:get())
  end)

  it("works as + does: integers, floats and both", function()
    local numbers = {
      0, 1, -1, 2, 1 << 30, 1 << 52, 1 << 53, 1 << 60, (1 << 60) - 1, 1 << 61, (1 << 61) - 1, (1 << 61) + 1, 1 << 62,
      (1 << 62) - 1, (1 << 62) + 1, -(1 << 61), -(1 << 61) - 1, -(1 << 62), -(1 << 62) - 1, -(1 << 62) + 1, max,
      max - 1, min, min + 1, 0.0, -0.0, 0.5, -2.25, 1e15, 2.0 ^ 53, 1e300, math.huge, -math.huge, 0 / 0,
    }
    for _, a in ipairs(numbers) do
      for _, b in ipairs(numbers) do
        local v = concur.value(a)
        local sum = v:add(b)
        local now = v:get()
        local want = a + b
        local fine = want ~= want and sum ~= sum and now ~= now -- a NaN's sign is nobody's business
        if not fine and (kit.difference(want, sum) or kit.difference(want, now)) then
          error(("%s + %s gave %s, then %s, not %s"):format(a, b, sum, now, want))
        end
      end
    end
  end)

  it("walks over every border, both ways", function()
    for _, border in ipairs { 1 << 60, 1 << 61, 1 << 62, max } do
      for _, sign in ipairs { 1, -1 } do
        local v = concur.value(sign * border - 5)
        local n = sign * border - 5
        for _ = 1, 12 do
          n = n + 1
          assert.are.equal(n, v:add(1))
          assert.are.equal(n, v:get())
        end
        for _ = 1, 12 do
          n = n - 1
          assert.are.equal(n, v:add(-1))
          assert.are.equal(n, v:get())
        end
      end
    end
  end)

  it("refuses other arguments", function()
    local v = concur.value(1)
    kit.raises("bad argument #1 to 'add' (number expected, got no value)", function() v:add() end)
    kit.raises("bad argument #1 to 'add' (number expected, got nil)", function() v:add(nil) end)
    kit.raises("bad argument #1 to 'add' (number expected, got table)", function() v:add {} end)
    kit.raises("bad argument #1 to 'add' (number expected, got string)", function() v:add("x") end)
    kit.raises("bad argument #1 to 'add' (number expected, got boolean)", function() v:add(true) end)
    assert.are.equal(1, v:get())
  end)

  it("to what is no number raises and changes nothing", function()
    for _, x in ipairs { "text", "10", { 1 }, false, concur.lock(), print, ("long"):rep(500) } do
      local v = concur.value(x)
      assert.is_string(kit.error_of(function() v:add(1) end))
      assert.is_string(kit.error_of(function() v:add(1.5) end))
      assert.are.equal(type(x), type(v:get()))
    end
    local v = concur.value()
    assert.is_string(kit.error_of(function() v:add(1) end))
    assert.is_nil(v:get())
  end)
end)

describe("compare_swap", function()
  local lock, other = concur.lock(), concur.lock()

  it("compares as == does", function()
    local equal = {
      { 1, 1 }, { 1, 1.0 }, { 1.0, 1 }, { 0, -0.0 }, { 0.0, -0.0 }, { 2 ^ 53, 1 << 53 }, { min, -2.0 ^ 63 },
      { 1 << 62, 2.0 ^ 62 }, { "a", "a" }, { "", "" }, { ("x"):rep(1000), ("x"):rep(1000) }, { true, true },
      { false, false }, { lock, lock },
      { math.huge, math.huge }, { 0.5, 0.5 }, { max, max }, { "a\0b", "a\0b" },
    }
    for i, pair in ipairs(equal) do
      local v = concur.value(pair[1])
      kit.same({ true, n = 1 }, table.pack(v:compare_swap(pair[2], "new")))
      assert.are.equal("new", v:get(), "pair " .. i)
    end
    local v = concur.value()
    assert.is_true(v:compare_swap(nil, "new"))
    assert.is_true(v:compare_swap("new", nil))
    assert.is_nil(v:get())
  end)

  it("gives false and changes nothing when they differ", function()
    local nan = 0 / 0
    local different = {
      { 1, 2 }, { 1, "1" }, { 1, true }, { 0, false }, { "a", "A" }, { "a", "a\0" }, { 0.1, 0.2 }, { nan, nan },
      { lock, other }, { max, 2.0 ^ 63 }, { max, max + 0.0 }, { (1 << 53) + 1, 2.0 ^ 53 }, { true, false },
      { "", false },
      { lock, 1 }, { 1.5, 1 }, { ("x"):rep(1000), ("x"):rep(999) .. "y" }, { lock, concur.event() }, { {}, 1 },
      { { 1 }, "x" }, { print, 1 }, { 1, lock }, { min, 2.0 ^ 63 }, { ("x"):rep(1000), "x" },
      { { lock }, lock }, { lock, lock:id() },
    }
    for i, pair in ipairs(different) do
      local v = concur.value(pair[1])
      kit.same({ false, n = 1 }, table.pack(v:compare_swap(pair[2], "new")))
      assert.are.equal(type(pair[1]), type(v:get()), "pair " .. i)
      if type(pair[1]) ~= "table" and pair[1] == pair[1] then assert.are.equal(pair[1], v:get()) end
    end
    local v = concur.value()
    assert.is_false(v:compare_swap(false, "new"))
    assert.is_nil(v:get())
    v:set(false)
    assert.is_false(v:compare_swap(nil, "new"))
    assert.is_false(v:get())
  end)

  it("refuses to compare with tables and functions", function()
    local v = concur.value(1)
    kit.raises("bad argument #1 to 'compare_swap' (…", function() v:compare_swap({}, 1) end)
    kit.raises("bad argument #1 to 'compare_swap' (…", function() v:compare_swap(setmetatable({}, {}), 1) end)
    kit.raises("bad argument #1 to 'compare_swap' (…", function() v:compare_swap(print, 1) end)
    kit.raises("bad argument #1 to 'compare_swap' (…", function() v:compare_swap(function() end, 1) end)
    kit.raises("bad argument #1 to 'compare_swap' (…", function() v:compare_swap(io.stdout, 1) end)
    assert.are.equal(1, v:get())
  end)

  it("handles compare by object, wherever they come from", function()
    local v = concur.value(lock)
    local copy = v:get()
    assert.is_true(concur.value(lock):compare_swap(copy, 1))
    assert.is_true(kit.join(concur.spawn(function(h) return v:compare_swap(h, "theirs") end, lock)))
    assert.are.equal("theirs", v:get())
    local before = kit.live()
    for _ = 1, 100 do
      local w = concur.value(lock)
      w:compare_swap(other, { lock })
      w:compare_swap(lock, { other })
    end
    kit.settled(before)
  end)

  it("takes any new value", function()
    local v = concur.value(0)
    for _, new in ipairs { 1, "s", ("long"):rep(100), { 1, { 2 } }, true, 1.5, lock, max } do
      v:set(0)
      assert.is_true(v:compare_swap(0, new))
      if type(new) == "table" then kit.same(new, (v:get())) else assert.are.equal(new, v:get()) end
    end
    v:set("key")
    assert.is_true(v:compare_swap("key", { "from a string" }))
    kit.same({ "from a string" }, (v:get()))
  end)
end)

kit.each_kind(function(kind)
  describe("a value between threads", function()
    it("adds of 8 threads make a sum", function()
      local v = concur.value(0)
      local list = {}
      for i = 1, 8 do
        list[i] = kind.spawn(function()
          for _ = 1, 20000 do v:add(1) end
        end)
      end
      kit.join_all(list)
      assert.are.equal(160000, v:get())
    end)

    it("adds over the border of the lock-free form make a sum", function()
      for _, start in ipairs { (1 << 62) - 10000, -(1 << 62) + 10000, max - 10000, 0.5 } do
        local v = concur.value(start)
        local step = start == -(1 << 62) + 10000 and -1 or 1
        local list = {}
        for i = 1, 4 do
          list[i] = kind.spawn(function()
            for _ = 1, 5000 do v:add(step) end
          end)
        end
        kit.join_all(list)
        assert.are.equal(start + step * 20000, v:get())
      end
    end)

    it("adds to and fro across the border lose nothing", function()
      local v = concur.value((1 << 62) - 3)
      local list = {}
      for i = 1, 4 do
        list[i] = kind.spawn(function(step)
          for _ = 1, 5000 do
            v:add(step)
            v:add(-step)
          end
        end, i * 2)
      end
      kit.join_all(list)
      assert.are.equal((1 << 62) - 3, v:get())
    end)

    it("each sum of adds is seen once", function()
      local v = concur.value(0)
      local list = {}
      for i = 1, 4 do
        list[i] = kind.spawn(function()
          local seen = {}
          for k = 1, 5000 do seen[k] = v:add(1) end
          return seen
        end)
      end
      local all = {}
      for _, t in ipairs(list) do
        local last = 0
        for _, n in ipairs(kit.join(t)) do
          assert.is_true(n > last and not all[n])
          all[n], last = true, n
        end
      end
      assert.are.equal(20000, #all)
    end)

    it("compare_swap loops make a sum, with every kind of content", function()
      for _, form in ipairs { "integer", "float", "string", "big" } do
        local function of(n)
          if form == "float" then return n + 0.5 end
          if form == "string" then return ("%099d"):format(n) .. ("x"):rep(50) end
          if form == "big" then return (1 << 62) - 100 + n end
          return n
        end
        local function back(x)
          if form == "float" then return math.tointeger(x - 0.5) end
          if form == "string" then return math.tointeger(tonumber(x:match("%d+"))) end
          if form == "big" then return x - (1 << 62) + 100 end
          return x
        end
        local v = concur.value(of(0))
        local list = {}
        for i = 1, 4 do
          list[i] = kind.spawn(function()
            for _ = 1, 1000 do
              local old
              repeat old = v:get() until v:compare_swap(old, of(back(old) + 1))
            end
          end)
        end
        kit.join_all(list)
        assert.are.equal(4000, back(v:get()))
      end
    end)

    it("swaps hand each value to exactly one", function()
      local v = concur.value(0)
      local list = {}
      for i = 1, 6 do
        list[i] = kind.spawn(function()
          local seen = {}
          for k = 1, 2000 do
            local n = i * 10000 + k
            local form = k % 3
            local old = v:swap(form == 0 and n or form == 1 and tostring(n) or { n, ("x"):rep(60) })
            seen[k] = type(old) == "table" and old[1] or math.tointeger(tonumber(old))
          end
          return seen
        end)
      end
      local all, count = {}, 0
      for _, t in ipairs(list) do
        for _, n in ipairs(kit.join(t)) do
          assert.is_nil(all[n])
          all[n], count = true, count + 1
        end
      end
      assert.are.equal(12000, count)
      local last = v:get()
      last = type(last) == "table" and last[1] or math.tointeger(tonumber(last))
      assert.is_nil(all[last])
      assert.is_true(all[0])
    end)

    it("reading is never torn", function()
      local v = concur.value { 0, ("0"):rep(100), 0 }
      local stop = concur.event()
      local reader = kind.spawn(function()
        local n = 0
        repeat
          local x = v:get()
          if type(x) == "table" then
            assert(x[1] == x[3] and x[2] == (tostring(x[1] % 10)):rep(100), "torn")
          elseif type(x) == "string" then
            assert(x == x:sub(1, 1):rep(#x), "torn")
          elseif math.type(x) == "float" then
            assert(x == 0.5 or x == -1e300, "torn")
          else
            assert(x == 7 or x == max or x == min, "torn " .. tostring(x))
          end
          n = n + 1
        until stop:is_set()
        return n
      end)
      local writers = {}
      for w = 1, 2 do
        writers[w] = kind.spawn(function()
          local others = { 7, max, min, 0.5, -1e300, ("a"):rep(20), ("b"):rep(2000) }
          for i = 1, 6000 do
            if i % 3 == w then v:set { i, (tostring(i % 10)):rep(100), i } else v:set(others[i % #others + 1]) end
          end
        end)
      end
      kit.join_all(writers)
      stop:set()
      assert.is_true(kit.join(reader) > 0)
    end)
  end)
end)
