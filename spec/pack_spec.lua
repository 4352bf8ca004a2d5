-- concur.pack and unpack: plain data as bytes; pack_code and unpack_code: code too.
local concur = require "concur"
local kit = require "spec.support.kit"
local point = require "modules.point"

local pack, unpack, pack_code, unpack_code = concur.pack, concur.unpack, concur.pack_code, concur.unpack_code

local modes = {
  { name = "pack", pack = pack, unpack = unpack },
  { name = "pack_code", pack = pack_code, unpack = unpack_code },
}

for _, mode in ipairs(modes) do
  describe("plain data through " .. mode.name, function()
    local function round(...)
      local s = mode.pack(...)
      assert.is_string(s)
      return mode.unpack(s)
    end

    it("scalars", function()
      local list = {
        n = 40, nil, false, true, 0, 1, -1, 127, 128, -128, -129, 255, 32767, -32768, 1 << 31, -(1 << 31), 1 << 32,
        math.maxinteger, math.mininteger, 0.0, -0.0, 0.5, math.huge, -math.huge, 0 / 0, 5e-324, 1e308, 2.0 ^ 53, "",
        "a", "\0", "a\0b", ("x"):rep(63), ("x"):rep(64), ("x"):rep(255), ("x"):rep(256), ("x"):rep(65536), "\xff",
      }
      for i = 1, list.n do
        local got = table.pack(round(list[i]))
        assert.are.equal(1, got.n)
        if kit.difference(list[i], got[1]) then error(i .. ": " .. kit.difference(list[i], got[1])) end
      end
      kit.same(list, table.pack(round(table.unpack(list, 1, list.n))))
    end)

    it("strings of 0 to 300 bytes, and 10 MB", function()
      for n = 0, 300 do
        local s = ("\0\1\254\255ab"):rep(50):sub(1, n)
        assert.is_true(round(s) == s)
      end
      local s = ("0123456789"):rep(1 << 20)
      assert.is_true(round(s) == s)
    end)

    it("any number of values", function()
      for _, n in ipairs { 0, 1, 2, 10, 127, 128, 250 } do
        local list = { n = n }
        for i = 1, n do list[i] = i % 2 == 0 and i or nil end
        kit.same(list, table.pack(round(table.unpack(list, 1, n))))
      end
    end)

    it("tables: nested, shared, cyclic, with holes, deep and wide", function()
      local t = { 1, 2, nil, 4, x = { y = { z = "deep" } }, [1.5] = "float", [true] = false, [-1] = -1 }
      t.me, t.again, t[#t + 1] = t, t.x, t.x
      kit.same(t, (round(t)))
      local a, b = round(t.x, { t.x })
      assert.is_true(a == b[1])
      local deep = {}
      for _ = 1, 100000 do deep = { deep } end
      kit.same(deep, (round(deep)))
      local wide = {}
      for i = 1, 100000 do wide[i] = i * 3 end
      kit.same(wide, (round(wide)))
      local key = {}
      local got = round { [key] = "by table", key = key }
      assert.are.equal("by table", got[got.key])
    end)

    it("gives the same bytes for the same value", function()
      assert.are.equal(mode.pack(1, "two", { 3, { 4.5 } }), mode.pack(1, "two", { 3, { 4.5 } }))
    end)

    it("crosses between states", function()
      local s = mode.pack { a = { 1, 2, "three" } }
      local got = kit.join(concur.spawn(function(bytes, name)
        local there = require "concur"
        return there[name](bytes)
      end, s, mode.name:gsub("pack", "unpack", 1) == "unpack" and "unpack" or "unpack_code"))
      kit.same({ a = { 1, 2, "three" } }, got)
    end)

    it("handles raise", function()
      for _, h in ipairs { concur.lock(), concur.queue(), concur.value(), concur.event(), concur.current() } do
        for _, bad in ipairs { h, { h }, { a = { h } }, { [h] = 1 } } do
          local err = kit.error_of(function() mode.pack(bad) end)
          assert.is_truthy(tostring(err):find("cannot transfer", 1, true), err)
        end
      end
    end)

    it("coroutines, userdata and C functions raise", function()
      kit.raises("cannot transfer a thread (at .a.b)", function() mode.pack { a = { b = coroutine.create(print) } } end)
      kit.raises("cannot transfer a function (at .f)", function() mode.pack { f = ("x"):gmatch("x") } end)
      local file <close> = assert(io.open("Makefile"))
      kit.raises("cannot transfer a userdata (at .u)", function() mode.pack { u = file } end)
    end)

    it("unpack takes a string", function()
      local f = mode.unpack
      for _, v in ipairs { {}, true, print } do
        local err = kit.error_of(function() f(v) end)
        assert.is_truthy(err:find("bad argument #1", 1, true), err)
      end
      assert.is_truthy(kit.error_of(function() f() end):find("bad argument #1", 1, true))
    end)

    it("malformed data", function()
      local good = mode.pack({ 1, "two", { 3.5 }, x = true }, "end")
      local bad = { "", "\0", "x", "malformed", good .. "\0", good .. good, "\xff" .. good, good:sub(2) }
      bad[#bad + 1] = ("\0"):rep(100)
      for i = 0, #good - 1 do bad[#bad + 1] = good:sub(1, i) end
      for i, s in ipairs(bad) do
        local ok, err = pcall(function() return (mode.unpack(s)) end)
        if ok then error(("number %d was accepted: %q"):format(i, s)) end
        assert.is_truthy(tostring(err):find("malformed data$"), err)
      end
      kit.raises("malformed data", function() return (mode.unpack("")) end)
    end)

    it("leaves nothing behind", function()
      local before = kit.live()
      local memory = concur.info().shared_memory
      for _ = 1, 50 do
        round { ("x"):rep(100000), { { {} } } }
        pcall(mode.pack, { ("x"):rep(100000), concur.lock() })
        pcall(mode.unpack, "junk")
      end
      kit.settled(before)
      assert.is_true(concur.info().shared_memory <= memory)
    end)
  end)
end

describe("pack refuses what is no plain data", function()
  local function refused(...)
    local list = table.pack(...)
    for i = 1, list.n do
      local v = list[i]
      for _, bad in ipairs { { v }, { x = { y = v } }, { [v] = 1 } } do
        local err = kit.error_of(function() pack(bad) end)
        assert.is_truthy(tostring(err):find("cannot transfer", 1, true), err)
      end
      local err = kit.error_of(function() pack(v) end)
      assert.is_truthy(tostring(err):find("cannot transfer", 1, true), err)
    end
  end

  it("functions", function() refused(function() end, print, string.format, concur.spawn) end)

  it("modules and what is in them", function() refused(string, concur, point, _G, io.stdout, package.loaded) end)

  it("metatables", function()
    refused(setmetatable({}, {}), point.new(1, 2), setmetatable({}, { __index = {} }))
  end)

  it("objects with __transfer", function()
    local asked = false
    refused(setmetatable({}, {
      __transfer = function()
        asked = true
        return print
      end,
    }))
    assert.is_false(asked)
  end)

  it("with the place", function()
    kit.raises("cannot transfer a function (at .config.handler)", function()
      pack { config = { handler = function() end } }
    end)
  end)
end)

describe("unpack runs no code", function()
  it("refuses what pack_code made of code", function()
    local n = 0
    local s = pack_code(function() n = n + 1 end)
    kit.raises("malformed data", function() return (unpack(s)) end)
    s = pack_code { 1, { f = function() end } }
    kit.raises("malformed data", function() return (unpack(s)) end)
    assert.are.equal(0, n)
  end)

  it("refuses modules, metatables, classes and __transfer", function()
    local called = false
    local object = setmetatable({}, { __transfer = function() return error, "was run" end })
    local list = {
      pack_code(print), pack_code(string), pack_code(point), pack_code(point.new(1, 2)), pack_code(concur),
      pack_code(setmetatable({}, {})), pack_code(object), pack_code { { print } }, pack_code(_G),
      pack_code(function() called = true end),
    }
    for i, s in ipairs(list) do
      local ok, err = pcall(unpack, s)
      assert.is_false(ok, "number " .. i)
      assert.is_truthy(tostring(err):find("malformed data", 1, true), err)
    end
    assert.is_false(called)
  end)
end)

describe("pack_code", function()
  local function round(...) return unpack_code(pack_code(...)) end

  it("functions with upvalues", function()
    local n = 0
    local function up() n = n + 1 end
    local function get() return n end
    local up2, get2 = round(up, get)
    up2()
    up2()
    assert.are.equal(2, get2())
    assert.are.equal(0, n)
    local function fac(k) return k <= 1 and 1 or k * fac(k - 1) end
    assert.are.equal(120, round(fac)(5))
    assert.is_true(round(function() return _ENV end)() == _G)
  end)

  it("library functions, modules and classes by name", function()
    kit.same({ true, true, true, true }, {
      round(print) == print, round(string) == string, round(concur) == concur, round(point) == point,
    })
    local p = round(point.new(3, 4))
    assert.is_true(getmetatable(p) == point)
    assert.are.equal("(3, 4)", tostring(p))
    assert.is_true(round(_G) == _G)
  end)

  it("metatables and __transfer", function()
    local m = { __index = { a = 1 } }
    local x = round(setmetatable({}, m))
    assert.are.equal(1, x.a)
    local object = setmetatable({}, { __transfer = function() return function(...) return { ... } end, 1, 2 end })
    kit.same({ 1, 2 }, (round(object)))
    local a, b = round(object, object)
    assert.is_true(a == b)
  end)

  it("crosses between interpreters", function()
    local code = pack_code(function(n)
      local sum = 0
      for i = 1, n do sum = sum + i end
      return sum, string.rep("x", 3)
    end, point.new(1, 2))
    local name = os.tmpname()
    local file = assert(io.open(name, "wb"))
    file:write(code)
    file:close()
    local output, ok = kit.run(([[
      package.path = "spec/?.lua;" .. package.path
      local concur = require "concur"
      local file = assert(io.open(%q, "rb"))
      local f, p = concur.unpack_code(file:read("a"))
      print(tostring(p), f(10))
    ]]):format(name))
    os.remove(name)
    assert.are.equal("(1, 2)\t55\txxx\n", output)
    assert.is_true(ok)
  end)
end)
