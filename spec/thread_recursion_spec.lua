-- Recursion without end is a Lua error in its thread, with any size of stack. Each
-- in a process of its own, where a crash is seen.
local h = require "spec.support.helpers"

-- What recurses for ever, as the body of a function f.
local recursions = {
  ["plain calls"] = "local function f() return 1 + f() end f()",
  ["calls with many values"] = "local function f(...) return 1, f(1, ...) end f()",
  pcall = "local function f() local ok, e = pcall(f) if not ok then error(e, 0) end end f()",
  ["pcall that forgets"] = "local function f() pcall(f) end f() error('survived', 0)",
  xpcall = "local function f() local ok, e = xpcall(f, function(m) return m end) "
    .. "if not ok then error(e, 0) end end f()",
  ["error in error handling"] = "assert(xpcall(error, function(e) return e .. nil end, 'x'))",
  ["__index"] = "local t t = setmetatable({}, { __index = function(_, k) return t[k + 1] end }) return t[1]",
  ["__index tables"] = "local t = {} setmetatable(t, { __index = t }) return t.x",
  ["__newindex"] = "local t t = setmetatable({}, { __newindex = function(_, k, v) t[k + 1] = v end }) t[1] = 1",
  ["__call"] = "local t = setmetatable({}, {}) getmetatable(t).__call = function() return t() + 1 end t()",
  ["__eq"] = "local m = {} m.__eq = function() return setmetatable({}, m) == setmetatable({}, m) end "
    .. "return setmetatable({}, m) == setmetatable({}, m)",
  ["__lt"] = "local t t = setmetatable({}, { __lt = function(a, b) return a < b end }) return t < t",
  ["__concat"] = "local t t = setmetatable({}, { __concat = function(a, b) return a .. b end }) return t .. 'x'",
  ["__len"] = "local t t = setmetatable({}, { __len = function(x) return #x end }) return #t",
  ["__tostring"] = "local t t = setmetatable({}, { __tostring = function(x) return tostring(x) end }) tostring(t)",
  ["__close"] = "local function f() local x <close> = setmetatable({}, { __close = function() f() end }) end f()",
  ["string.gsub"] = "local function f() return (string.gsub('xyz', '.', f)) end f()",
  ["string.gsub with captures"] = "local function f() return (string.gsub('xyz', ('()'):rep(30) .. '.', f)) end f()",
  ["string.format"] = "local t t = setmetatable({}, { __tostring = function(x) "
    .. "return string.format('%s%s', x, x) end }) return ('%s'):format(t)",
  ["table.sort"] = "local function f() table.sort({ 3, 2, 1 }, f) return true end f()",
  ["table.concat"] = "local t t = setmetatable({}, { __index = function() return table.concat(t, 'x', 1, 5) end }) "
    .. "table.concat(t, 'x', 1, 5)",
  ["coroutine.wrap"] = "local function f() return coroutine.wrap(f)() end f()",
  ["coroutine.resume"] = "local function f() assert(coroutine.resume(coroutine.create(f))) end f()",
  ["coroutines in string.gsub in table.sort"] = "local function f() table.sort({ 1, 2 }, function() "
    .. "string.gsub('x', 'x', function() coroutine.wrap(f)() end) end) end f()",
  ["load with a reader"] = "local function f() return assert(load(function() return f() end)) end f()",
  ["the parser"] = "assert(load('return ' .. ('('):rep(100000)))",
  ["the parser's blocks"] = "assert(load(('do '):rep(100000)))",
  ["patterns"] = "string.find(('a'):rep(300000), ('a?'):rep(300000))",
  ["require"] = "table.insert(package.searchers, 1, function(n) return require(n .. 'x') end) require 'x'",
  ["concur.print"] = "local c = require 'concur' "
    .. "local t t = setmetatable({}, { __tostring = function(x) c.print(x) return '' end }) c.print(t)",
  ["lock:with"] = "local c = require 'concur' local function f() c.lock():with(f) end f()",
  ["value:update"] = "local c = require 'concur' local function f() c.value():update(f) end f()",
  ["__transfer"] = "local q = require 'concur'.queue() local m = {} "
    .. "m.__transfer = function(x) q:put(setmetatable({}, m)) return print, x end q:put(setmetatable({}, m))",
  ["a rebuild function"] = "local c = require 'concur' local q = c.queue() local m = {} "
    .. "local function again() return q:get() end "
    .. "m.__transfer = function() return again end for i = 1, 1000 do q:put(setmetatable({}, m)) end again()",
}

describe("endless recursion through", function()
  for name, body in pairs(recursions) do
    it(name .. " is an error in that thread, whatever its stack", function()
      local r = h.run(([[
        local concur = require "concur"
        concur.excepthook = false
        local body = load(%q)
        for _, stack in ipairs { false, 1, 8 << 20 } do
          local t = concur.thread { target = body, stack = stack or nil }:start()
          local ok, err = t:join(15)
          print(ok, t:status(), type(err), select(2, concur.spawn(math.abs, -1):join(10)))
        end
        -- and in a coroutine, with the traceback written
        local t = concur.thread { target = function(f) coroutine.wrap(f)() end, args = { body }, stack = 1 }
        print((t:start():join(15)))
      ]]):format(body))
      assert.equal(0, r.code, r.text)
      assert.equal(("false\tfailed\tstring\t1\n"):rep(3) .. "false\n", r.out, r.text)
    end)
  end
end)
