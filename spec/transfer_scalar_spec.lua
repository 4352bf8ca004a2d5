-- Scalars and strings arrive as they were, whatever way they go.
local concur = require "concur"
local kit = require "spec.support.kit"

local scalars = {
  n = 0,
}

local function add(v)
  scalars.n = scalars.n + 1
  scalars[scalars.n] = v
end

add(nil)
add(false)
add(true)
for _, i in ipairs { 0, 1, 7, 63, 64, 100, 127, 128, 129, 255, 256, 32767, 32768, 65535, 65536 } do
  add(i)
  add(-i)
end
for _, bits in ipairs { 16, 24, 31, 32, 33, 40, 47, 48, 52, 53, 54, 59, 60, 61, 62, 63 } do
  add(1 << bits)
  add((1 << bits) - 1)
  add(-(1 << bits))
  add(-(1 << bits) - 1)
end
add(math.maxinteger)
add(math.mininteger)
for _, f in ipairs {
  0.0, -0.0, 1.0, -1.0, 0.1, 1 / 3, 2.0 ^ 53, 2.0 ^ 63, -2.0 ^ 63, math.pi, math.huge, -math.huge,
  0 / 0, -(0 / 0), 5e-324, -5e-324, 2.2250738585072009e-308, 2.2250738585072014e-308, 1.7976931348623157e308,
} do
  add(f)
end
add((string.unpack("<d", "\1\2\3\4\5\6\xf8\x7f"))) -- a NaN with something in it

local strings = { "", "\0", "\0\0", "a\0b", "\0end", "end\0", "ünïcödé €", "\xff\xfe", "\27Lua", "nil" }
for i = 0, 255 do strings[#strings + 1] = string.char(i) end
local every = {}
for i = 0, 255 do every[#every + 1] = string.char(i) end
strings[#strings + 1] = table.concat(every)

describe("scalars", function()
  for _, way in ipairs(kit.ways) do
    local name, send = way[1], way[2]
    it("cross exactly through " .. name, function()
      for i = 1, scalars.n do
        local got = send(scalars[i])
        if kit.difference(scalars[i], got) then error(("number %d: %s"):format(i, kit.difference(scalars[i], got))) end
      end
    end)

    it("strings of every byte cross through " .. name, function()
      for i = 1, #strings, way.quick and 1 or 5 do kit.same(strings[i], send(strings[i])) end
    end)

    it("strings of 0 to 300 bytes cross through " .. name, function()
      for n = 0, 300, way.quick and 1 or 3 do
        local s = (("0123456789abcdef\0"):rep(18)):sub(1, n)
        local got = send(s)
        if got ~= s then error(("a string of %d bytes came as %q"):format(n, tostring(got))) end
      end
    end)

    it("strings around powers of two and of 1 MB cross through " .. name, function()
      local sizes = { 511, 512, 513, 1023, 1024, 4095, 4096, 4097, 16319, 16320, 16321, 65535, 65536, 65537, 1 << 20 }
      for _, n in ipairs(sizes) do
        local s = ("x\0\255y"):rep(n // 4 + 1):sub(1, n)
        assert.is_true(send(s) == s)
      end
    end)
  end

  it("all cross together, within a table", function()
    local t = {}
    for i = 1, scalars.n do t[#t + 1] = { v = scalars[i] } end
    for _, s in ipairs(strings) do t[#t + 1] = s end
    for n = 0, 300 do t[#t + 1] = ("y"):rep(n) end
    for _, way in ipairs(kit.ways) do kit.same(t, way[2](t)) end
  end)

  it("all cross as keys", function()
    local t = {}
    for i = 1, scalars.n do
      local v = scalars[i]
      if v ~= nil and v == v then t[v] = i end
    end
    for i, s in ipairs(strings) do t[s] = i end
    for n = 0, 300 do t[("z"):rep(n)] = n end
    for _, way in ipairs(kit.ways) do kit.same(t, way[2](t)) end
  end)

  it("many arguments and results, nils among and behind them", function()
    local function echo(...) return ... end
    for n = 0, 200, 7 do
      local list = { n = n }
      for i = 1, n do
        if i % 3 ~= 0 then list[i] = i end
      end
      local got = table.pack(kit.join(concur.spawn(echo, table.unpack(list, 1, n))))
      kit.same(list, got)
    end
    local got = table.pack(kit.join(concur.spawn(echo, nil, nil, nil)))
    kit.same({ n = 3 }, got)
    kit.same({ n = 0 }, table.pack(kit.join(concur.spawn(echo))))
  end)

  it("a string of 100 MB crosses", function()
    local s = ("0123456789"):rep(10 * 1000 * 1000)
    local q = concur.queue()
    local t = concur.spawn(function(text)
      local same = text == q:get(20)
      return #text, same, text:sub(-11)
    end, s)
    q:put(s)
    local n, same, last = kit.join(t)
    assert.are.equal(100 * 1000 * 1000, n)
    assert.is_true(same)
    assert.are.equal("90123456789", last)
  end)
end)
