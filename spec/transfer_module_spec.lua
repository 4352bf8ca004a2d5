-- Modules, and what was in them when they were loaded, cross by name.
local concur = require "concur"
local kit = require "spec.support.kit"

local point = require "modules.point"
local circle = require "modules.circle"
local nested = require "modules.nested"
local lonely = require "modules.lonely"

local function elsewhere(fn, ...) return kit.join(concur.spawn(fn, ...)) end

local function through_queue(v)
  local q = concur.queue()
  q:put(v)
  return q:get(kit.TIMEOUT)
end

-- Whether the value is what `expression` gives in the receiver.
local function is_there(value, expression)
  return elsewhere(function(v) return v == load("return " .. expression)() end, value)
end

describe("the standard libraries", function()
  it("all their tables and functions", function()
    for _, name in ipairs { "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package", "_G" } do
      local library = _G[name]
      assert.is_true(is_there(library, name))
      for key, value in next, library do
        -- what busted or this spec put into the globals is nobody's library
        local known = name ~= "_G" or elsewhere(function(k) return rawget(_G, k) ~= nil end, key)
        local is_named = type(value) == "function" or type(value) == "table" or type(value) == "userdata"
        local ours = name == "_G" and (key == "assert" or key == "arg" or key == "error")
        local lists = name == "package" and (key == "searchers")
        if type(key) == "string" and is_named and known and not ours and not lists then
          assert(is_there(value, name .. "." .. key), name .. "." .. key)
        end
      end
    end
  end)

  it("open files of io", function()
    assert.is_true(is_there(io.stdout, "io.stdout"))
    assert.is_true(is_there(io.stderr, "io.stderr"))
    assert.is_true(is_there(io.stdin, "io.stdin"))
    assert.is_true(through_queue { f = io.stdout }.f == io.stdout)
    local file = assert(io.open("Makefile"))
    kit.raises("cannot transfer a userdata (at .f)", function() through_queue { f = file } end)
    file:close()
  end)

  it("as upvalues", function()
    local format, insert, out = string.format, table.insert, io.stdout
    assert.is_true(elsewhere(function()
      return format == string.format and insert == table.insert and out == io.stdout
    end))
  end)
end)

describe("concur itself", function()
  it("crosses by name, with its functions", function()
    assert.is_true(is_there(concur, "require 'concur'"))
    for name, value in next, concur do
      if type(value) == "function" and not name:find("^_") then
        assert(is_there(value, "require('concur')." .. name), name)
      end
    end
    local spawn = concur.spawn
    assert.are.equal(7, elsewhere(function()
      local _, result = spawn(function() return 7 end):join(10)
      return result
    end))
    assert.is_true(is_there(concur.CANCELLED, "require('concur').CANCELLED"))
    assert.is_true(is_there(concur.thread, "require('concur').thread"))
  end)

  it("the default excepthook stays itself where another has taken its place", function()
    for _ = 1, 5 do -- a state each, with an order of its own in its tables
      local output, ok = kit.run [[
        local concur = require "concur"
        local default = concur.excepthook
        concur.excepthook = function() end
        local _, kind, same = assert(concur.spawn(function()
          local q = concur.queue()
          q:put(function() return default end)
          local f = q:get()
          return type(f()), f() == concur.excepthook
        end):join(10))
        print(kind, same)
      ]]
      assert.are.equal("function\tfalse\n", output)
      assert.is_true(ok)
    end
  end)

  it("works where it was never required", function()
    assert.are.equal("lock", elsewhere(function() return concur.type(concur.lock()) end))
  end)

end)

describe("modules", function()
  it("a class stays the class", function()
    local p = point.new(1, 2)
    for _, way in ipairs(kit.ways) do
      local got = way[2](p)
      assert.is_true(getmetatable(got) == point)
      assert.is_false(rawequal(got, p))
      assert.is_true(got == p)
      assert.are.equal("(1, 2)", tostring(got))
    end
    assert.are.equal("(4, 6)", elsewhere(function(x)
      local class = require "modules.point"
      assert(getmetatable(x) == class and class == point)
      return tostring(x:move(3, 4))
    end, p))
  end)

  it("so does one that inherits", function()
    local c = circle.new(1, 2, 3)
    local area, same, moved = elsewhere(function(x)
      return x:area(), getmetatable(x) == require "modules.circle", tostring(x:move(1, 1))
    end, c)
    assert.are.equal(c:area(), area)
    assert.is_true(same)
    assert.are.equal("(2, 3)", moved)
  end)

  it("an object within a module is the receiver's own", function()
    assert.is_true(is_there(point.zero, "require('modules.point').zero"))
  end)

  it("fields within fields", function()
    assert.is_true(is_there(nested, "require('modules.nested')"))
    assert.is_true(is_there(nested.a, "require('modules.nested').a"))
    assert.is_true(is_there(nested.a.b, "require('modules.nested').a.b"))
    assert.is_true(is_there(nested.a.b.c, "require('modules.nested').a.b.c"))
    assert.is_true(is_there(nested["with space"].f, "require('modules.nested')['with space'].f"))
    assert.is_true(through_queue(nested.a.b.list) == nested.a.b.list)
  end)

  it("a module that returns a function", function()
    assert.is_true(is_there(lonely, "require('modules.lonely')"))
    local before = lonely()
    kit.same({ 1, 2 }, { elsewhere(function() return lonely(), lonely() end) })
    assert.are.equal(before + 1, lonely())
    assert.is_true(through_queue(lonely) == lonely)
  end)

  it("functions find their own module's state", function()
    nested.state.n = 100
    kit.same({ 1, 2, true }, {
      elsewhere(function(count)
        local a = count()
        return a, require("modules.nested").count(), count == require("modules.nested").count
      end, nested.count),
    })
    assert.are.equal(101, nested.count())
    nested.state.n = 0
  end)

  it("one that starts threads while it is loaded", function()
    local busy = require "modules.busy"
    assert.are.equal(42, busy.result)
    assert.is_true(is_there(busy.double, "require('modules.busy').double"))
    assert.are.equal(10, elsewhere(busy.double, 5))
  end)

  it("the interpreter's preloaded modules", function()
    package.preload["spec.preloaded"] = function(name)
      local class = { name = name }
      class.__index = class
      function class.hello() return "hello" end
      return class
    end
    local class = require "spec.preloaded"
    local object = setmetatable({}, class)
    assert.is_true(elsewhere(function(x)
      return getmetatable(x) == require "spec.preloaded" and x.hello() == "hello" and x.name == "spec.preloaded"
    end, object))
    package.preload["spec.preloaded"] = nil
    package.loaded["spec.preloaded"] = nil
  end)

  it("required before concur", function()
    local output, ok = kit.run [[
      package.path = "spec/?.lua;" .. package.path
      local point, lonely = require "modules.point", require "modules.lonely"
      local concur = require "concur"
      local _, same, class, other = assert(concur.spawn(function(p, f)
        return getmetatable(p) == require "modules.point", f == require "modules.lonely", p.new == point.new
      end, point.new(1, 2), lonely):join(10))
      print(same, class, other)
    ]]
    assert.are.equal("true\ttrue\ttrue\n", output)
    assert.is_true(ok)
  end)

  it("required after concur, in any way", function()
    local output, ok = kit.run [[
      local concur = require "concur"
      package.path = "spec/?.lua;" .. package.path
      local require = require
      local point = require "modules.point"
      local circle
      coroutine.wrap(function() circle = require "modules.circle" end)()
      local _, a, b = assert(concur.spawn(function(p, c)
        return getmetatable(p) == require "modules.point", getmetatable(c) == require "modules.circle"
      end, point.new(1, 2), circle.new(1, 2, 3)):join(10))
      print(a, b)
    ]]
    assert.are.equal("true\ttrue\n", output)
    assert.is_true(ok)
  end)

  it("concur required by a module that is being required", function()
    local output, ok = kit.run [[
      package.preload.outer = function()
        local outer = {}
        local concur = require "concur"
        function outer.run(x)
          return select(2, concur.spawn(function(f) return f == require("outer").f end, x):join(10))
        end
        function outer.f() end
        return outer
      end
      local outer = require "outer"
      print(outer.run(outer.f))
    ]]
    assert.are.equal("true\n", output)
    assert.is_true(ok)
  end)
end)

describe("what scripts add later", function()
  it("to _G is copied", function()
    function _G.spec_helper(n) return n + 1 end
    _G.spec_table = { 1 }
    assert.are.equal(8, elsewhere(_G.spec_helper, 7))
    assert.is_nil((elsewhere(function() return rawget(_G, "spec_helper") end)))
    kit.same({ 1 }, (elsewhere(function(t) return t end, _G.spec_table)))
    assert.is_false(through_queue(_G.spec_table) == _G.spec_table)
    _G.spec_helper, _G.spec_table = nil, nil
  end)

  it("to a library is copied", function()
    local library = require "string" -- luacheck knows the global, and does not let us change it
    function library.spec_trim(s) return (s:gsub("^%s+", ""):gsub("%s+$", "")) end
    local trim = library.spec_trim
    assert.are.equal("x", elsewhere(trim, "  x "))
    assert.is_nil((elsewhere(function() return library.spec_trim end))) -- the library itself is the receiver's
    library.spec_trim = nil
  end)

  it("to a module is copied", function()
    function point.added(self) return self.x * 10 end
    point.extra = { "extra" }
    assert.are.equal(70, elsewhere(point.added, point.new(7, 0)))
    kit.same({ "extra", true }, { elsewhere(function(t, p) return t[1], p.added == nil end, point.extra, point) })
    point.added, point.extra = nil, nil
  end)

  it("to package.loaded is copied", function()
    package.loaded["spec.invented"] = { x = 1 }
    local value = package.loaded["spec.invented"]
    kit.same({ 1, false }, { elsewhere(function(t) return t.x, (pcall(require, "spec.invented")) end, value) })
    assert.is_false(through_queue(value) == value)
    -- required from there, it was still no module that `require` loaded
    package.loaded["spec.invented"] = nil
  end)

  it("in the place of a module is copied", function()
    local old = package.loaded["modules.nested"]
    package.loaded["modules.nested"] = { new = true }
    local ok, err = pcall(function()
      kit.same({ true, "function" }, {
        elsewhere(function(t, f) return t.new, type(f) end, package.loaded["modules.nested"], old.a.b.c),
      })
    end)
    package.loaded["modules.nested"] = old
    assert(ok, err)
  end)

  it("to package.preload is copied", function()
    local function loader() return { "loaded" } end
    package.preload["spec.later"] = loader
    kit.same({ "loaded", true }, {
      elsewhere(function(f) return f()[1], type(package.preload["spec.later"]) == "function" end, loader),
    })
    package.preload["spec.later"] = nil
  end)

  it("a replaced function is copied, the old one found by name", function()
    local old = nested.a.b.c
    local function new() return "replaced" end
    nested.a.b.c = new
    local ok, err = pcall(function()
      assert.are.equal("replaced", elsewhere(nested.a.b.c))
      assert.is_true(elsewhere(function(f) return f == require("modules.nested").a.b.c and f() == "c" end, old))
    end)
    nested.a.b.c = old
    assert(ok, err)
  end)

  it("a replaced function of a library is copied", function()
    local library, old = require "string", string.rep
    function library.rep(s, n) return "mine:" .. old(s, n) end
    local ok, err = pcall(function()
      assert.are.equal("mine:xx", elsewhere(string.rep, "x", 2))
      assert.is_true(elsewhere(function(f) return f == string.rep and f("x", 2) == "xx" end, old))
    end)
    library.rep = old
    assert(ok, err)
  end)

  it("a replaced print is copied", function()
    local out = concur.queue()
    local old = print
    _G.print = function(...) out:put { ... } end
    local ok, err = pcall(function() elsewhere(print, "to the queue", 1) end)
    _G.print = old
    assert(ok, err)
    kit.same({ "to the queue", 1 }, out:get(0))
  end)
end)

describe("a name that the receiver lacks", function()
  -- A thread that breaks its own state, then gets an item; what `get` raised.
  local function receive(item, spoil)
    local q = concur.queue()
    q:put(item)
    q:put("next")
    local ok, err, size, after = elsewhere(function()
      spoil()
      local fine, message = pcall(function()
        local got = q:get(5)
        return got
      end)
      return fine, message, q:qsize(), q:get(0)
    end)
    assert.are.equal(1, size) -- it counts as taken
    assert.are.equal("next", after)
    assert.is_false(ok)
    assert.is_string(err)
    return err
  end

  it("a module", function()
    local err = receive(point.new(1, 2), function() package.path = "" end)
    assert.is_truthy(err:find("modules.point", 1, true), err)
  end)

  it("a field", function()
    local err = receive({ nested.a.b.c }, function() require("modules.nested").a.b.c = nil end)
    assert.is_truthy(err:find("modules.nested.a.b.c", 1, true), err)
    err = receive({ nested.a.b.c }, function() require("modules.nested").a = 7 end)
    assert.is_truthy(err:find("modules.nested.a.b", 1, true), err)
  end)

  it("a library's function", function()
    local err = receive({ f = string.rep }, function() rawset(string, "rep", nil) end)
    assert.is_truthy(err:find("string.rep", 1, true), err)
    err = receive({ f = string.rep }, function()
      rawset(_G, "string", nil)
      package.loaded.string = nil
    end)
    assert.is_truthy(err:find("string", 1, true), err)
  end)

  it("a module that fails to load", function()
    rawset(_G, "broken_may_load", true)
    local broken = require "modules.broken"
    rawset(_G, "broken_may_load", nil)
    local err = receive({ broken.f }, function() end)
    assert.is_truthy(err:find("broken on purpose", 1, true) or err:find("modules.broken", 1, true), err)
    -- where it loads, all is well
    assert.are.equal("f", elsewhere(function()
      rawset(_G, "broken_may_load", true)
      local q = concur.queue()
      q:put(1)
      return require("modules.broken").f()
    end))
  end)

  it("fails a thread that it is an argument of", function()
    local loader = package.preload["spec.vanishing"]
    assert.is_nil(loader)
    package.preload["spec.vanishing"] = function() return { f = function() return "f" end } end
    local module = require "spec.vanishing"
    package.preload["spec.vanishing"] = nil
    local t = concur.spawn(function(m) return m end, module)
    local ok, err = t:join(kit.TIMEOUT)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("spec.vanishing", 1, true), err)
    -- and join, when it is among results
    local q = concur.queue()
    q:put(1)
    local made = concur.spawn(function()
      package.preload["spec.only_there"] = function() return { g = function() end } end
      return require("spec.only_there").g
    end)
    local message = kit.error_of(function() return select(2, made:join(kit.TIMEOUT)) == nil end)
    assert.is_truthy(tostring(message):find("spec.only_there", 1, true), message)
    package.loaded["spec.vanishing"] = nil
  end)
end)
