-- concur.array
local concur = require "concur"
local h = require "spec.support.helpers"
local kit = require "spec.support.kit"

local integers = {
  i8 = { -128, 127, 1 }, u8 = { 0, 255, 1 }, i16 = { -32768, 32767, 2 }, u16 = { 0, 65535, 2 },
  i32 = { -2147483648, 2147483647, 4 }, u32 = { 0, 4294967295, 4 }, i64 = { math.mininteger, math.maxinteger, 8 },
}

describe("an array", function()
  for name, range in pairs(integers) do
    it("of " .. name .. " holds its range", function()
      local least, most, width = table.unpack(range)
      local a = concur.array(name, 10)
      assert.are.same({ "array", 10, 0 }, { concur.type(a), #a, a[10] })
      a[1], a[2], a[3] = least, most, 7.0
      assert.are.same({ least, most, 7 }, { a[1], a[2], a[3] })
      assert.are.equal("integer", math.type(a[3]))
      if name ~= "i64" then
        h.raises("out of range for " .. name, function() a[1] = least - 1 end)
        h.raises("out of range for " .. name, function() a[1] = most + 1 end)
      end
      h.raises("no integer representation", function() a[1] = 1.5 end)
      h.raises("no integer representation", function() a[1] = 2^70 end)
      h.raises("no integer representation", function() a[1] = 0 / 0 end)
      h.raises("out of range", function() a:add(1, -1) end)
      h.raises("out of range", function() a:add(2, 1) end)
      h.raises("no integer representation", function() a:add(1, 0.5) end)
      assert.are.same({ least, most, 7 }, { a[1], a[2], a[3] })
      assert.are.equal(10, a:add(3, 3))
      assert.are.equal(10 * width, #a:bytes())
      assert.is_truthy(tostring(a):find("%(" .. name .. "%[10%]%)$"))
    end)
  end

  it("of floats holds floats", function()
    local f, d = concur.array("f32", 4), concur.array("f64", { 1, 2.5 })
    assert.are.same({ "float", 1.0, 2.5 }, { math.type(d[1]), d[1], d[2] })
    f[1], d[1] = 0.1, 0.1
    assert.are.equal(string.unpack("f", string.pack("f", 0.1)), f[1])
    assert.are.equal(0.1, d[1])
    f[2], f[3], f[4] = math.huge, -math.huge, 0 / 0
    assert.are.same({ math.huge, -math.huge }, { f[2], f[3] })
    assert.is_true(f[4] ~= f[4])
    h.raises("out of range for f32", function() f[1] = 1e39 end)
    h.raises("out of range for f32", function() f[1] = -1e300 end)
    assert.are.equal(1.5, concur.array("f32", { 1 }):add(1, 0.5))
    f[1] = 3e38
    h.raises("out of range for f32", function() f:add(1, 3e38) end)
    d[1] = 1e300
    assert.are.equal(2e300, d:add(1, 1e300))
  end)

  it("has bounds", function()
    local a = concur.array("u8", 3)
    for _, i in ipairs { 0, -1, 4, math.maxinteger, math.mininteger, 1.5, 2^60 } do
      h.raises("index .* out of bounds %(1 to 3%)", function() return a[i] end)
      h.raises("out of bounds", function() a[i] = 1 end)
      h.raises("out of bounds", function() a:add(i, 1) end)
    end
    assert.are.equal(0, a[2.0])
    h.raises("cannot be an index", function() a[true] = 1 end)
    h.raises("cannot be an index", function() a["1"] = 1 end)
    h.raises("cannot be an index", function() return a[{}] end)
    assert.is_nil(a.nothing)
    h.raises("number expected", function() a[1] = "1" end)
    h.raises("number expected", function() a[1] = nil end)
    h.raises("number expected", function() a:add(1) end)
  end)

  it("misuse of the constructor raises", function()
    h.raises("invalid option", function() concur.array("u64", 1) end)
    h.raises("negative", function() concur.array("u8", -1) end)
    h.raises("integer", function() concur.array("u8", 1.5) end)
    h.raises("integer", function() concur.array("u8", 0 / 0) end)
    h.raises("number expected", function() concur.array("u8") end)
    h.raises("out of range", function() concur.array("u8", { 1, 256 }) end)
    h.raises("element #2 .*got string", function() concur.array("u8", { 1, "2" }) end)
    for _, n in ipairs { 1 << 45, math.maxinteger, math.maxinteger // 8 + 1 } do
      h.raises("out of shared memory", function() concur.array("i64", n) end)
    end
    local none = concur.array("f64", 0)
    assert.are.same({ 0, "" }, { #none, none:bytes() })
    none:fill(1)
    assert.are.equal(0, #none:copy())
    assert.are.equal(0, #none:slice(1, 0))
    for _ in pairs(none) do error "nothing is there" end
    h.raises("out of bounds", function() return none[1] end)
  end)

  it("is filled, copied, read and written in parts", function()
    local a = concur.array("i16", 6)
    a:fill(3)
    a:fill(-1, 3)
    a:fill(9, 6, 6)
    a:fill(100, 4, 3)
    local got = {}
    for i, v in pairs(a) do got[i] = v end
    assert.are.same({ 3, 3, -1, -1, -1, 9 }, got)
    local b = a:copy()
    b[1] = 77
    assert.are.equal(3, a[1])
    assert.are.equal(string.pack("hhhhhh", 3, 3, -1, -1, -1, 9), a:bytes())
    assert.are.equal(string.pack("hh", -1, 9), a:bytes(5))
    assert.are.equal(string.pack("h", 3), a:bytes(2, 2))
    assert.are.equal("", a:bytes(7))
    assert.are.equal("", a:bytes(1, 0))
    a:write(5, string.pack("hh", 7, 8))
    a:write(7, "")
    assert.are.same({ 7, 8 }, { a[5], a[6] })
    h.raises("whole number of elements", function() a:write(1, "abc") end)
    h.raises("does not fit", function() a:write(6, "abcd") end)
    h.raises("out of bounds", function() a:write(8, "") end)
    h.raises("out of bounds", function() a:bytes(0) end)
    h.raises("out of bounds", function() a:bytes(1, 7) end)
    h.raises("out of bounds", function() a:bytes(3, 1) end)
    h.raises("out of bounds", function() a:slice(1, 7) end)
    h.raises("out of bounds", function() a:fill(1, 8) end)
    h.raises("out of range", function() a:fill(40000) end)
    h.raises("out of bounds", function() a:bytes(math.mininteger, math.maxinteger) end)
    assert.are.same({ 3, 3, -1, -1, 7, 8 }, { a[1], a[2], a[3], a[4], a[5], a[6] })
    local large = concur.array("f32", 100001)
    large:fill(1.5)
    assert.are.same({ 1.5, 1.5, 1.5 }, { large[1], large[50000], large[100001] })
  end)

  it("has views", function()
    local before = kit.live()
    local a = concur.array("i32", { 1, 2, 3, 4, 5 })
    local v = a:slice(2, 4)
    local w = v:slice(2, 3)
    v[1], w[2] = 20, 40
    assert.are.same({ 1, 20, 3, 40, 5 }, { a[1], a[2], a[3], a[4], a[5] })
    assert.are.same({ 3, 2 }, { #v, #w })
    h.raises("out of bounds %(1 to 2%)", function() return w[3] end)
    local views = { w }
    a, v, w = nil, nil, nil
    kit.live()
    assert.are.same({ 3, 40 }, { views[1][1], views[1][2] })
    assert.is_nil(a or v or w)
    views[1] = nil
    kit.settled(before)
  end)

  it("is added to by four threads", function()
    for _, name in ipairs { "i8", "u16", "i32", "i64", "f32", "f64" } do
      local a, threads = concur.array(name, 3), {}
      local n = name == "i8" and 30 or 1000
      for i = 1, 4 do
        threads[i] = concur.spawn(function() for _ = 1, n do a:add(2, 1) end end)
      end
      for _, t in ipairs(threads) do h.results(t) end
      assert.are.same({ 0, 4 * n, 0 }, { a[1] // 1, a[2] // 1, a[3] // 1 })
    end
  end)

  it("never shows a torn element", function()
    local a, stop = concur.array("i64", 1), concur.event()
    local writer = concur.spawn(function()
      while not stop:is_set() do
        a[1] = -1
        a[1] = 0
      end
    end)
    for _ = 1, 50000 do
      local v = a[1]
      assert(v == 0 or v == -1)
    end
    stop:set()
    h.results(writer)
  end)

  it("goes through queues", function()
    local a, q = concur.array("u8", { 1 }), concur.queue()
    q:put { a, a:slice(1, 1) }
    local got = q:get()
    got[2][1] = 9
    assert.are.same({ true, 9 }, { got[1] == a, a[1] })
  end)

  it("gives its memory back", function()
    local before = concur.info().shared_memory
    for _ = 1, 50 do
      local a = concur.array("f64", 1000000)
      a[1000000] = 1
      a = nil -- its last handle
      collectgarbage()
      assert.is_nil(a)
    end
    assert(concur.info().shared_memory < before + 20000)
  end)
end)
