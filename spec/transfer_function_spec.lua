-- Functions are copied with their upvalues; what they share they still share.
local concur = require "concur"
local kit = require "spec.support.kit"

-- A file of its own, so that line numbers say something.
local function compile(code, name, env) return assert(load(code, name, "t", env or _G)) end

local function through_queue(v)
  local q = concur.queue()
  q:put(v)
  return q:get(kit.TIMEOUT)
end

-- Runs in another state what arrives there.
local function elsewhere(fn, ...) return kit.join(concur.spawn(fn, ...)) end

describe("functions", function()
  it("cross by every way and can be called there", function()
    local base = 40
    local function add(n) return base + n end
    for _, way in ipairs(kit.ways) do
      local got = way[2](add)
      assert.is_function(got)
      assert.are.equal(42, got(2))
      assert.is_false(got == add)
    end
  end)

  it("upvalues are copies", function()
    local n = 0
    local function count()
      n = n + 1
      return n
    end
    local got = through_queue(count)
    assert.are.equal(1, got())
    assert.are.equal(2, got())
    assert.are.equal(0, n)
    assert.are.equal(1, count())
    assert.are.equal(3, got())
  end)

  it("upvalues of every type", function()
    local no, yes, int, float, text, list = nil, true, 7, -0.0, "a\0b", { { 1 } }
    local function all() return no, yes, int, float, text, list end
    kit.same(table.pack(nil, true, 7, -0.0, "a\0b", { { 1 } }), table.pack(elsewhere(all)))
  end)

  it("functions that share an upvalue still share it", function()
    local n = 0
    local function up() n = n + 1 end
    local function get() return n end
    local got = through_queue { up = up, get = get }
    got.up()
    got.up()
    assert.are.equal(2, got.get())
    assert.are.equal(0, n)
    -- as argument and upvalue of what runs
    assert.are.equal(3, elsewhere(function(f)
      f()
      n = n + 2
      return get()
    end, up))
    -- as results
    local f, g = elsewhere(function()
      local m = 5
      return function() m = m * 2 end, function() return m end
    end)
    f()
    assert.are.equal(10, g())
    -- in two messages they are strangers
    f, g = through_queue(up), through_queue(get)
    f()
    assert.are.equal(0, g())
  end)

  it("closures of one function keep apart what they do not share", function()
    local list = {}
    local shared = 0
    for i = 1, 10 do
      local own = i
      list[i] = function()
        own, shared = own + 100, shared + 1
        return own, shared
      end
    end
    local got = through_queue(list)
    for i = 1, 10 do kit.same({ i + 100, i }, { got[i]() }) end
  end)

  it("a variable that holds a table is not the table", function()
    local t = {}
    local a, b = t, t
    local function set() a = "changed" end
    local function same() return a == b, b == t end
    local got = through_queue { set, same }
    kit.same({ true, true }, { got[2]() })
    got[1]()
    kit.same({ false, true }, { got[2]() })
  end)

  it("self-recursive and mutually recursive functions", function()
    local function fac(n) return n <= 1 and 1 or n * fac(n - 1) end
    assert.are.equal(3628800, elsewhere(fac, 10))
    local even
    local function odd(n) return n ~= 0 and even(n - 1) end
    function even(n) return n == 0 or odd(n - 1) end
    assert.is_true(elsewhere(even, 1000))
    local got = through_queue(odd)
    assert.is_true(got(7))
    local _, up = debug.getupvalue(got, 1)
    local _, down = debug.getupvalue(up, 1)
    assert.is_true(down == got)
  end)

  it("closures in tables with cycles", function()
    local object = { n = 0 }
    function object.add(k)
      object.n = object.n + k
      return object
    end
    object.add(1)
    local got = through_queue(object)
    assert.is_true(got.add(2) == got)
    assert.are.equal(3, got.n)
    assert.are.equal(1, object.n)
  end)

  it("functions as keys", function()
    local function f() return "f" end
    local got = through_queue { [f] = "value", list = { f }, [print] = "print" }
    assert.are.equal("value", got[got.list[1]])
    assert.are.equal("print", got[print])
    assert.are.equal("f", got.list[1]())
  end)

  it("the same function twice is one function", function()
    local function f() end
    local got = through_queue { f, f, { f } }
    assert.is_true(got[1] == got[2] and got[1] == got[3][1])
    assert.is_true(elsewhere(function(a, b) return a == b and a == f end, f, f))
  end)

  it("varargs, many parameters, 255 upvalues, goto and integer division", function()
    assert.are.equal(4, elsewhere(function(...) return select("#", ...) end, nil, nil, 1, nil))
    local code = { "local u0" }
    for i = 1, 199 do code[#code + 1] = (",u%d"):format(i) end
    code[#code + 1] = " = 0"
    for i = 1, 199 do code[#code + 1] = (",%d"):format(i) end
    code[#code + 1] = " return function() local sum = 0 "
    for i = 0, 199 do code[#code + 1] = (" sum = sum + u%d "):format(i) end
    code[#code + 1] = " return sum end"
    assert.are.equal(199 * 100, elsewhere(compile(table.concat(code))()))
    assert.are.equal(6, elsewhere(function(n)
      local sum = 0
      ::again::
      sum, n = sum + n // 1, n - 1
      if n > 0 then goto again end
      return sum
    end, 3))
  end)

  it("constants of every kind are in the code", function()
    local function f()
      return 0 / 0, -0.0, math.mininteger, 2 ^ 53, 1e308, "\0\xff" .. ("x"):rep(3), ("long "):rep(100), nil,
        0x7fffffffffffffff
    end
    local got = through_queue(f)
    local want, have = table.pack(f()), table.pack(got())
    kit.same(want, have)
  end)

  it("long chains of upvalues do not use up the C stack", function()
    local f = function() return 0 end
    for _ = 1, 20000 do
      local g = f
      f = function(stop) return stop and g or g end
    end
    local got, depth = through_queue(f), 0
    while debug.getupvalue(got, 1) do
      got = got(true)
      depth = depth + 1
    end
    assert.are.equal(20000, depth)
    assert.are.equal(0, got())
  end)

  it("errors and tracebacks tell the sender's file and lines", function()
    local code = "local function inner()\n\n  error('here')\nend\n\nreturn function()\n  inner()\nend"
    local fail = compile(code, "@some/file.lua")()
    local t = concur.spawn(fail)
    local ok, err = t:join(kit.TIMEOUT)
    assert.is_false(ok)
    assert.are.equal("some/file.lua:3: here", err)
    assert.is_truthy(t:traceback():find("some/file.lua:3:", 1, true))
    assert.is_truthy(t:traceback():find("some/file.lua:7:", 1, true))
    local info = debug.getinfo(through_queue(fail), "S")
    assert.are.equal("@some/file.lua", info.source)
    assert.are.equal(6, info.linedefined)
    local name = debug.getlocal(through_queue(function(first) return first end), 1)
    assert.are.equal("first", name)
    name = debug.getupvalue(through_queue(function() return t end), 1)
    assert.are.equal("t", name)
  end)

  it("stripped functions", function()
    local function add(a, b) return a + b end
    local stripped = assert(load(string.dump(add, true), "stripped", "b"))
    assert.are.equal(5, elsewhere(stripped, 2, 3))
    assert.are.equal(5, through_queue(stripped)(2, 3))

    local with_globals = load(string.dump(function(x) return tostring(x) end, true), "stripped", "b", _G)
    assert.are.equal("7", elsewhere(with_globals, 7))
    assert.are.equal("7", through_queue(with_globals)(7))

    -- names of upvalues are gone, values are not
    local a, b = 1, { 2 }
    local joined = load(string.dump(function() return a, b end, true), "stripped", "b")
    debug.setupvalue(joined, 1, a)
    debug.setupvalue(joined, 2, b)
    kit.same({ 1, { 2 } }, { elsewhere(joined) })

    local t = concur.spawn(load(string.dump(function() error({ "stripped" }) end, true), "stripped", "b", _G))
    kit.same({ false, { "stripped" } }, { t:join(kit.TIMEOUT) })
  end)

  it("a loaded chunk with its main _ENV", function()
    local chunk = compile("x_of_chunk = ...; return x_of_chunk, _ENV == _G")
    kit.same({ 7, true }, { elsewhere(chunk, 7) })
    assert.is_nil(rawget(_G, "x_of_chunk"))
  end)

  it("binary and odd chunk names survive", function()
    for _, name in ipairs { "=", "@", "", "=\0x", "@" .. ("long/"):rep(100), "= ünïcödé" } do
      local f = compile("return debug.getinfo(1, 'S').source", name)
      assert.are.equal(f(), elsewhere(f))
    end
  end)
end)

describe("_ENV", function()
  it("becomes the receiver's globals", function()
    rawset(_G, "of_main", "main")
    local ok, result = pcall(function()
      kit.same({ "nil", true }, { elsewhere(function() return type(rawget(_G, "of_main")), _ENV == _G end) })
      local got = through_queue(function() return _ENV end)
      assert.is_true(got() == _G)
    end)
    rawset(_G, "of_main", nil)
    assert(ok, result)
  end)

  it("is one: what one function sets another sees", function()
    assert.are.equal(5, elsewhere(function(set, get)
      set(5)
      return get() == rawget(_G, "shared_global") and get()
    end, function(v) _G.shared_global = v end, function() return _G.shared_global end))
    assert.is_nil(rawget(_G, "shared_global"))
  end)

  it("_G as a value is the receiver's, too", function()
    assert.is_true(elsewhere(function(g) return g == _G and g == _ENV end, _G))
    assert.is_true(through_queue(_G) == _G)
    assert.is_true(through_queue({ g = _G }).g == _G)
  end)

  it("another table is copied", function()
    local env = { x = 1, tostring = tostring }
    env.me = env
    local f = compile("x = x + 1; return x, me == _ENV, tostring(x)", "chunk", env)
    kit.same({ 2, true, "2" }, { elsewhere(f) })
    assert.are.equal(1, env.x)
    local got = through_queue(f)
    assert.are.equal(2, (got()))
    assert.are.equal(3, (got()))

    local local_env = compile("local _ENV = { y = 5 }; return function() y = y + 1; return y end")
    assert.are.equal(6, elsewhere(local_env()))
  end)

  it("a sandbox that inherits from the globals reaches the receiver's", function()
    local env = setmetatable({ own = "own" }, { __index = _G })
    local f = compile("return own, string.rep('x', 3), _G ~= _ENV", "chunk", env)
    kit.same({ "own", "xxx", true }, { elsewhere(f) })
  end)

  it("an _ENV that is no table", function()
    local env = "a string"
    local f = compile("return upper", "chunk", env)
    assert.are.equal(string.upper, through_queue(f)())
    local g = compile("return 1", "chunk")
    debug.setupvalue(g, 1, nil)
    assert.are.equal(1, through_queue(g)())
    local name, value = debug.getupvalue(through_queue(g), 1)
    assert.are.equal("_ENV", name)
    assert.is_nil(value)
  end)

  it("a variable of another name that holds the globals", function()
    local g = _G
    assert.is_true(elsewhere(function() return g == _G end))
  end)

  it("shared between functions, when it is a table of their own", function()
    local env = {}
    local set = compile("v = ...", "set", env)
    local get = compile("return v", "get", env)
    local got = through_queue { set, get }
    got[1](9)
    assert.are.equal(9, got[2]())
    assert.is_nil(env.v)
  end)
end)

describe("what is no Lua function", function()
  it("C functions of libraries cross by name", function()
    local list = { print, string.format, table.concat, io.open, os.time, coroutine.wrap, require, debug.traceback }
    for _, f in ipairs(list) do
      assert.is_true(through_queue(f) == f)
    end
    assert.are.equal("  7", elsewhere(string.format, "%3d", 7))
  end)

  it("coroutines are refused", function()
    kit.raises("cannot transfer a thread (at …", function() through_queue(coroutine.create(print)) end)
    kit.raises("cannot transfer a thread (at .co)", function() through_queue { co = coroutine.running() } end)
  end)

  it("unreachable C functions are refused", function()
    for _, f in ipairs { coroutine.wrap(print), ("x"):gmatch("."), (io.lines("Makefile")) } do
      kit.raises("cannot transfer a function (at .f)", function() through_queue { f = f } end)
    end
  end)
end)
