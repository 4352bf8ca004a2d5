-- The state of a new thread: what it has, what it has not, and how it ends.
local concur = require "concur"
local h = require "spec.support.helpers"

-- Says in one string all that a script could notice about its state.
local function describe_state()
  local lines, seen = {}, {}
  local function walk(path, t)
    if seen[t] then return end
    seen[t] = true
    local names, values = {}, {}
    for k, v in next, t do
      if type(k) == "string" or type(k) == "number" then
        local name = path .. "." .. k
        names[#names + 1], values[name] = name, v
      else
        lines[#lines + 1] = path .. " has a key that is a " .. type(k)
      end
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local v = values[name]
      local plain = type(v) == "string" or type(v) == "number" or type(v) == "boolean"
      lines[#lines + 1] = name .. " is " .. (plain and tostring(v) or type(v))
      if type(v) == "table" then walk(name, v) end
    end
    local mt = debug.getmetatable(t)
    if mt then walk(path .. "<meta>", mt) end
  end
  walk("_G", _G)
  local some = { ["nil"] = nil, boolean = true, number = 1, string = "", ["function"] = string.rep }
  for _, name in ipairs { "nil", "boolean", "number", "string", "function" } do
    local mt = debug.getmetatable(some[name])
    lines[#lines + 1] = name .. " metatable: " .. type(mt)
    if mt then walk(name, mt) end
  end
  local c = require "concur"
  for _, object in ipairs { c.lock(), c.event(), c.queue(), c.value(1), c.current(), io.stdout } do
    walk(tostring(object):match("^%S+"), debug.getmetatable(object))
  end
  for k in next, debug.getregistry() do
    if type(k) == "string" then lines[#lines + 1] = "registry " .. k end
  end
  local function line(...) lines[#lines + 1] = table.concat({ ... }, " ") end
  line("hook", tostring(debug.gethook()))
  line("gc running", tostring(collectgarbage "isrunning"))
  line("pause", collectgarbage("setpause", 200))
  line("stepmul", collectgarbage("setstepmul", 100))
  line("mode", collectgarbage "incremental")
  line("output", tostring(io.output() == io.stdout), "input", tostring(io.input() == io.stdin))
  line("string index", tostring(getmetatable("").__index == string), ("x"):rep(2))
  line("searchers", #package.searchers, "cpath", package.cpath, "path", package.path)
  line("main coroutine", tostring(select(2, coroutine.running())))
  table.sort(lines)
  return table.concat(lines, "\n")
end

-- Each spoils something for who comes after.
local spoilers = {
  ["globals"] = function()
    for i = 1, 100 do rawset(_G, "junk" .. i, i) end
    rawset(_G, "print", nil)
    rawset(_G, "tostring", function() return "spoiled" end)
  end,
  ["_G's metatable"] = function() setmetatable(_G, { __index = function() return 1 end }) end,
  ["libraries"] = function()
    rawset(string, "shout", string.upper)
    rawset(table, "insert", nil)
    rawset(math, "pi", 3)
    rawset(os, "exit", error)
    for k in pairs(utf8) do rawset(utf8, k, nil) end
  end,
  ["the metatable of strings"] = function()
    getmetatable("").__index = function() return "spoiled" end
    getmetatable("").__add = function() return 1 end
  end,
  ["metatables of other types"] = function()
    debug.setmetatable(nil, { __index = function() return 1 end })
    debug.setmetatable(1, { __call = function() return 1 end })
    debug.setmetatable(true, {})
    debug.setmetatable(print, { __index = {} })
  end,
  ["metatables of handles and files"] = function()
    getmetatable(concur.lock()).__index.steal = print
    getmetatable(concur.queue()).__len = function() return 77 end
    getmetatable(io.stdout).__index.steal = print
  end,
  ["package"] = function()
    package.loaded.junk = {}
    package.loaded.string = nil
    package.loaded.concur = nil
    package.preload.junk = function() return 1 end
    package.path, package.cpath = "nowhere", "nowhere"
    table.remove(package.searchers)
    rawset(package, "searchers", {})
  end,
  ["the module"] = function()
    rawset(concur, "junk", 1)
    rawset(concur, "queue", nil)
    rawset(concur, "excepthook", false)
    rawset(concur.thread, "junk", 1)
    local _ = concur.thread.extend
  end,
  ["the collector"] = function()
    collectgarbage "stop"
    collectgarbage "generational"
    collectgarbage("setpause", 1000)
  end,
  ["hooks"] = function() debug.sethook(function() end, "crl", 1) end,
  ["default files"] = function()
    io.output(io.tmpfile())
    io.input(io.tmpfile())
    io.write("x")
  end,
  ["the registry"] = function()
    local r = debug.getregistry()
    r.junk = {}
    r._LOADED, r._PRELOAD = nil, nil
  end,
  ["much memory"] = function()
    local t = {}
    for i = 1, 100000 do t[i] = { i } end
    rawset(_G, "hoard", t)
  end,
  ["coroutines left"] = function()
    for i = 1, 100 do
      local co = coroutine.create(function()
        local guard <close> = setmetatable({}, { __close = function() end })
        coroutine.yield(guard)
      end)
      coroutine.resume(co)
      rawset(_G, i, co)
    end
  end,
  ["a stack overflow"] = function()
    local function f() return 1 + f() end
    pcall(f)
    f()
  end,
  ["an error in a finalizer"] = function()
    rawset(_G, "x", setmetatable({}, { __gc = function() error "in a finalizer" end }))
  end,
  ["a finalizer that resurrects"] = function()
    local function again(o) setmetatable(o, getmetatable(o)) rawset(_G, "x", o) end
    rawset(_G, "x", setmetatable({}, { __gc = again }))
  end,
  ["modules"] = function()
    require "concur.class"
    require "system.core"
  end,
}

local function run(f, ...) return h.results(concur.spawn(f, ...)) end

describe("the state of a thread", function()
  before_each(function() concur.excepthook = false end)

  -- a stack of its own means a kernel thread and a state of its own, new for sure
  local function new_state() return h.results(concur.thread { target = describe_state, stack = 2 << 20 }:start()) end

  it("is described the same each time", function()
    h.same_lines(new_state(), new_state())
    h.same_lines(new_state(), run(describe_state))
  end)

  it("shows its description what is spoiled", function()
    -- the tests below could not fail otherwise
    for name, spoil in pairs(spoilers) do
      if not ("much memory, coroutines left, a stack overflow, an error in a finalizer, a finalizer that resurrects")
        :find(name, 1, true) then
        local ok, changed = h.join(concur.spawn(function(f, d)
          local before = d()
          f()
          return before ~= d()
        end, spoil, describe_state))
        assert.is_true(not ok or changed, name)
      end
    end
  end)

  for name, spoil in pairs(spoilers) do
    it("has no trace of what another did to " .. name, function()
      local clean = new_state()
      for _ = 1, name == "a stack overflow" and 2 or 12 do
        h.join(concur.spawn(spoil))
        h.same_lines(clean, run(describe_state))
      end
    end)
  end

  it("has no trace when the other was cancelled, exited or failed", function()
    local clean = new_state()
    for _ = 1, 5 do
      local t = concur.spawn(function()
        rawset(_G, "junk", 1)
        concur.sleep(60)
      end)
      t:cancel()
      h.join(t)
      h.same_lines(clean, run(describe_state))
      h.join(concur.spawn(function()
        debug.sethook(function() end, "l")
        concur.exit(1)
      end))
      h.same_lines(clean, run(describe_state))
      h.join(concur.spawn(function()
        setmetatable(_G, { __index = error })
        error {}
      end))
      h.same_lines(clean, run(describe_state))
    end
  end)

  it("has its own random numbers", function()
    local seen = {}
    for _ = 1, 100 do
      local n = run(function() return math.random(0) end)
      assert.is_nil(seen[n])
      seen[n] = true
    end
    for _ = 1, 5 do
      local n = run(function()
        math.randomseed(42)
        return math.random(0)
      end)
      seen[n] = true
      assert.is_nil(seen[run(function() return math.random(0) end)])
    end
  end)

  it("has warnings off, as any new state", function()
    local r = h.run [[
      local concur = require "concur"
      for i = 1, 5 do
        concur.spawn(function() warn("@on") warn("seen ", "it") warn("@off") warn("hidden") warn("@on") end):join(10)
        concur.spawn(function() warn("hidden") end):join(10)
      end
    ]]
    assert.equal(("Lua warning: seen it\n"):rep(5), r.err)
  end)

  it("leaves the process's standard files open", function()
    assert.equal("still here\n", h.output [[
      local concur = require "concur"
      for i = 1, 5 do
        concur.spawn(function() pcall(io.stdout.close, io.tmpfile()) io.output(io.tmpfile()) io.close() end):join(10)
      end
      io.write("still here\n")
    ]])
  end)

  it("is empty of threads' garbage: memory does not grow", function()
    local first = run(function() return collectgarbage "count" end)
    for _ = 1, 50 do run(function() rawset(_G, "x", ("x"):rep(100000)) end) end
    assert.is_true(run(function() return collectgarbage "count" end) <= first + 1)
  end)
end)

describe("what a thread's state has from its creator", function()
  local path, cpath, preload = package.path, package.cpath, package.preload

  after_each(function()
    package.path, package.cpath = path, cpath
    for k in pairs(preload) do
      if tostring(k):find("^spec%-") then preload[k] = nil end
    end
  end)

  it("is package.path and package.cpath", function()
    assert.same({ path, cpath }, { run(function() return package.path, package.cpath end) })
    package.path, package.cpath = "./nowhere/?.lua;" .. path, "./nowhere/?.so;" .. cpath
    assert.same({ package.path, package.cpath }, { run(function() return package.path, package.cpath end) })
    package.path, package.cpath = path, cpath
    assert.same({ path, cpath }, { run(function() return package.path, package.cpath end) })
  end)

  it("is the path at the start", function()
    local t = concur.thread(function() return package.path end)
    package.path = "./later/?.lua;" .. path
    t:start()
    assert.equal("./later/?.lua;" .. path, h.results(t))
  end)

  it("is the path of a thread for its threads", function()
    assert.equal("mine", run(function()
      package.path = "mine"
      return select(2, concur.spawn(function() return package.path end):join(20))
    end))
  end)

  it("is the preload functions", function()
    local up = { n = 5 }
    preload["spec-lua"] = function(name) return { name = name, n = up.n } end
    preload["spec-c"] = string.upper
    local a, b, c = run(function()
      local m = require "spec-lua"
      return m.name, m.n, require "spec-c"
    end)
    assert.same({ "spec-lua", 5, "SPEC-C" }, { a, b, c })
    preload["spec-lua"], preload["spec-c"] = nil, nil
    assert.is_false(run(function() return (pcall(require, "spec-lua")) end))
  end)

  it("is the preload functions of a thread for its threads", function()
    assert.equal("inner", run(function()
      package.preload.inner = function(name) return name end
      return select(2, concur.spawn(function() return (require "inner") end):join(20))
    end))
  end)

  it("is not its globals, loaded modules or hooks", function()
    rawset(_G, "mine", 1)
    package.loaded["spec-loaded"] = {}
    local a, b, hook = run(function() return rawget(_G, "mine"), package.loaded["spec-loaded"], debug.gethook() end)
    rawset(_G, "mine", nil)
    package.loaded["spec-loaded"] = nil
    assert.same({ nil, nil, nil, n = 3 }, table.pack(a, b, hook))
  end)

  it("may be modules in C, loaded by many at once", function()
    local gate, list = concur.event(), {}
    for i = 1, 16 do
      list[i] = concur.spawn(function()
        gate:wait(20)
        return type(require "system.core"), type(require "term.core"), type(require "lfs")
      end)
    end
    gate:set()
    for _, t in ipairs(list) do assert.same({ "table", "table", "table" }, { h.results(t) }) end
    for _ = 1, 20 do assert.equal("table", run(function() return type(require "lfs") end)) end
  end)

  it("is a require that names what is missing", function()
    local ok, err = h.join(concur.spawn(function() require "no.such.module" end))
    assert.is_false(ok)
    assert.matches("module 'no%.such%.module' not found", err)
  end)
end)

describe("the end of a thread", function()
  local function note(q, what)
    return setmetatable({}, { __gc = function() q:put(what) end, __close = function() q:put(what .. " closed") end })
  end

  before_each(function() concur.excepthook = false end)

  local ends = {
    ["that returns"] = function() end,
    ["that fails"] = function() error "x" end,
    ["that exits"] = function() concur.exit() end,
    ["that is cancelled"] = function()
      concur.current():cancel()
      concur.checkpoint()
    end,
  }
  for name, finish in pairs(ends) do
    it(name .. " has run finalizers and closed variables when join returns", function()
      for _ = 1, 20 do
        local q = concur.queue()
        local t = concur.spawn(function(f, n)
          rawset(_G, "kept", n(q, "global"))
          local variable <close> = n(q, "local")
          f(variable)
        end, finish, note)
        h.join(t)
        local got = {}
        for item in function() return (q:get(0)) end do got[#got + 1] = item end
        table.sort(got)
        assert.same({ "global", "local", "local closed" }, got)
      end
    end)
  end

  it("is not there while a finalizer runs", function()
    local gate, inside = concur.event(), concur.event()
    local t = concur.spawn(function()
      rawset(_G, "kept", setmetatable({}, { __gc = function()
        inside:set()
        gate:wait(20)
      end }))
      return "done"
    end)
    assert.is_true(inside:wait(20))
    assert.same({ nil, "timeout" }, { t:join(0) })
    assert.is_true(t:is_alive())
    assert.equal(2, concur.active_count())
    gate:set()
    assert.same({ true, "done" }, { h.join(t) })
  end)

  it("runs finalizers in the order of any state: last marked, first run", function()
    local q = concur.queue()
    run(function()
      for i = 1, 3 do rawset(_G, i, setmetatable({}, { __gc = function() q:put(i) end })) end
    end)
    assert.same({ 3, 2, 1 }, { q:get(0), q:get(0), q:get(0) })
  end)

  it("lets finalizers use concur, and fail", function()
    local q = concur.queue()
    for _ = 1, 5 do
      run(function()
        rawset(_G, "a", setmetatable({}, { __gc = function() error "x" end }))
        rawset(_G, "b", setmetatable({}, { __gc = function()
          local l = concur.lock()
          l:with(function() q:put(concur.current().name) end)
          concur.sleep(0.001)
        end }))
        rawset(_G, "c", setmetatable({}, { __gc = function()
          q:put(select(2, concur.spawn(math.abs, -1):join(20)))
        end }))
      end)
      assert.equal(1, q:get(0))
      assert.matches("^Thread%-", q:get(0))
    end
  end)

  it("closes what the thread held open", function()
    local name = os.tmpname()
    run(function(n)
      local file = io.open(n, "w")
      rawset(_G, "file", file)
      file:write("written")
    end, name)
    local text = h.read(name)
    os.remove(name)
    assert.equal("written", text)
  end)

  it("gives back its handles", function()
    local function live() return concur.info().objects.queue end
    collectgarbage()
    local before = live()
    for _ = 1, 10 do
      run(function()
        for i = 1, 10 do rawset(_G, i, concur.queue()) end
      end)
    end
    assert.equal(before, live())
  end)
end)
