-- The module as such: require, several states in one program, time, printing.
local concur = require "concur"
local counts = require "spec.support.counts"
local h = require "spec.support.helpers"

describe("require 'concur'", function()
  it("twice is the same table", function()
    assert.equal(concur, require "concur")
    assert.equal("true", h.output [[
      local a = require "concur"
      package.loaded.concur = nil
      local b = require "concur"
      local q = a.queue()
      b.spawn(function() q:put(1) end):join(10)
      io.write(tostring(q:get(0) == 1 and b.type(q) == "queue" and a.main() == b.main() and a.CANCELLED == b.CANCELLED))
    ]])
  end)

  it("works in a coroutine first, and outlives it", function()
    assert.equal("thread\t3\nthread\t4\n", h.output [[
      local co = coroutine.create(function()
        local concur = require "concur"
        local function f(x) return x + 1 end
        print(concur.type(concur.spawn(f, 1)), select(2, concur.spawn(f, 2):join(10)))
      end)
      assert(coroutine.resume(co))
      co = nil
      collectgarbage()
      collectgarbage()
      local concur = require "concur"
      print(concur.type(concur.current()), select(2, concur.spawn(function() return 4 end):join(10)))
    ]])
  end)

  it("works in many coroutines", function()
    assert.equal("1000", h.output [[
      local n = 0
      for i = 1, 1000 do
        coroutine.wrap(function() if require "concur".lock() then n = n + 1 end end)()
      end
      io.write(n)
    ]])
  end)

  it("works in a thread, and in many at once first", function()
    assert.equal("16", h.output [[
      local concur = require "concur"
      local gate, list, n = concur.event(), {}, 0
      for i = 1, 16 do
        list[i] = concur.spawn(function()
          gate:wait(10)
          package.loaded.concur = nil
          return require "concur".type(concur.queue())
        end)
      end
      gate:set()
      for _, t in ipairs(list) do n = n + (select(2, t:join(10)) == "queue" and 1 or 0) end
      io.write(n)
    ]])
  end)

  it("works under another name and path", function()
    assert.equal("true", h.output [[
      local path = package.searchpath("concur", package.cpath)
      local open = assert(package.loadlib(path, "luaopen_concur"))
      local a = open()
      io.write(tostring(a == require "concur"))
    ]])
  end)

  it("needs nothing but the standard libraries, and sets no global", function()
    assert.equal("", h.output [[
      local before = {}
      for k in pairs(_G) do before[k] = true end
      require "concur".spawn(print, ""):join(0)
      for k in pairs(_G) do if not before[k] then io.write(k) end end
      os.exit()
    ]]:gsub("^\n", ""))
  end)

  it("makes no thread and shows no output", function()
    assert.equal("1", h.output [[
      require "concur"
      local n = 0
      for _ in io.popen("ls /proc/" .. io.open("/proc/self/stat"):read("n") .. "/task"):lines() do n = n + 1 end
      io.write(n)
    ]])
  end)
end)

describe("a host program in C", function()
  local directory, program

  setup(function() directory, program = h.compile("spec/c/host.c", "host", "", true) end)
  teardown(function() os.execute("rm -r " .. h.quote(directory)) end)

  local modes = {
    ["two"] = "has two states in one thread",
    ["threads"] = "has states in two threads",
    ["repeat"] = "opens and closes states again and again",
    ["closing"] = "waits for the threads of the state that it closes, and for no others",
    ["nested"] = "has a state that is opened while another closes",
    ["gone"] = "ends a thread in which a state was used and closed",
    ["daemons"] = "closes a state whose daemons are busy",
    ["never"] = "never closes a state",
  }
  for mode, what in pairs(modes) do
    it(what, function()
      local out = directory .. "/out"
      local started = concur.now()
      -- a sanitizer's runtime, if it must be there, comes before the program
      local preload = (os.getenv("LUA") or ""):match("^env LD_PRELOAD=%S+") or ""
      local ok, how, code = os.execute(("timeout -k 1 20 %s %s %s >%s 2>&1"):format(preload, program, mode, out))
      assert.is_true(ok, ("%s %s after %.2f s: %s"):format(how, code, concur.now() - started, h.read(out)))
      assert.equal("ok\n", h.read(out))
    end)
  end
end)

describe("concur.print", function()
  it("writes lines that are never mixed", function()
    local out = h.output [[
      local concur = require "concur"
      local gate, list = concur.event(), {}
      for i = 1, 8 do
        list[i] = concur.spawn(function()
          gate:wait(20)
          for n = 1, 2000 do concur.print("thread", i, "line", n, ("x"):rep(n % 50), i * n) end
        end)
      end
      gate:set()
      for _, t in ipairs(list) do assert(t:join(20)) end
    ]]
    local last, count = {}, 0
    for i = 1, 8 do last[i] = 0 end
    for line in out:gmatch("([^\n]*)\n") do
      local i, n, x, product = line:match("^thread\t(%d)\tline\t(%d+)\t(x*)\t(%d+)$")
      assert(i, line)
      i, n = tonumber(i), tonumber(n)
      assert(last[i] + 1 == n, line) -- each thread's in order
      assert(#x == n % 50 and tonumber(product) == i * n, line)
      last[i], count = n, count + 1
    end
    assert.equal(16000, count)
  end)

  it("nor are long ones, of several processes", function()
    local out = h.output [[
      local concur = require "concur"
      local list = {}
      for i = 1, 4 do
        list[i] = concur.process(function()
          for n = 1, 100 do concur.print(i, n, ("%d"):format(i):rep(5000 + n)) end
        end):start()
      end
      for _, p in ipairs(list) do assert(p:join(20)) end
    ]]
    local last = { 0, 0, 0, 0 }
    for line in out:gmatch("([^\n]*)\n") do
      local i, n, rest = line:match("^(%d)\t(%d+)\t(%d+)$")
      assert(i, "a line that is not whole")
      assert(rest == i:rep(5000 + n))
      assert.equal(last[tonumber(i)] + 1, tonumber(n))
      last[tonumber(i)] = tonumber(n)
    end
    assert.same({ 100, 100, 100, 100 }, last)
  end)

  it("is like print", function()
    local script = [[
      local values = { 1, 2.0, "x", nil, true, "a\0b", 1e100, -0.0, math.mininteger }
      for i = 1, 9 do PRINT(values[i]) end
      PRINT()
      PRINT(nil, nil)
      PRINT(setmetatable({}, { __tostring = function() return "text" end }), "\n")
      PRINT(("long"):rep(100000))
      io.write("after\n")
      PRINT("last")
    ]]
    local expected = h.output((script:gsub("PRINT", "print")))
    assert.equal(expected, h.output('local concur = require "concur"\n' .. script:gsub("PRINT", "concur.print")))
  end)

  it("keeps the order with io.write", function()
    assert.equal("1\n2\n3\n", h.output [[
      local concur = require "concur"
      io.write "1\n"
      concur.print(2)
      io.write "3\n"
    ]])
  end)

  it("passes on the error of a __tostring", function()
    assert.is_false(pcall(concur.print, "nothing", setmetatable({}, { __tostring = function() error "no" end })))
    h.raises("'__tostring' must return a string", function()
      concur.print(setmetatable({}, { __tostring = function() return {} end }))
    end)
  end)
end)

describe("concur.sleep", function()
  it("sleeps so long at least, and returns nothing", function()
    for _, s in ipairs { 0.02, 0.001, 1e-6, 0 } do
      local before = concur.now()
      assert.equal(0, select("#", concur.sleep(s)))
      local took = concur.now() - before
      assert.is_true(took >= s, took)
    end
  end)

  it("returns in time", function()
    -- the best of some: others may want the processor, too
    local best = math.huge
    for _ = 1, 20 do
      local before = concur.now()
      concur.sleep(0.001)
      best = math.min(best, concur.now() - before)
    end
    assert.is_true(best < 0.01, best)
  end)

  it("uses no processor time", function()
    local before = os.clock()
    concur.sleep(0.2)
    assert.is_true(os.clock() - before < 0.1)
  end)

  it("refuses what is no time", function()
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep() end)
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep(nil) end)
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep(-1) end)
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep(-1e-9) end)
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep(0 / 0) end)
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep("x") end)
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep({}) end)
    h.raises("bad argument #1 to 'sleep' %(", function() concur.sleep(-math.huge) end)
  end)
end)

describe("concur.now", function()
  it("goes on and never back, in all threads alike", function()
    local last = concur.now()
    assert.equal("float", math.type(last))
    for _ = 1, 10000 do
      local t = concur.now()
      assert(t >= last)
      last = t
    end
    local there = h.results(concur.spawn(concur.now))
    assert.is_true(there >= last and there <= concur.now())
  end)

  it("counts seconds", function()
    local wall, before = os.time(), concur.now()
    concur.sleep(1.05)
    local took, passed = concur.now() - before, os.time() - wall
    assert.is_true(took >= 1.05 and took < passed + 1.01, took)
  end)
end)

describe("concur.yield", function()
  it("returns nothing, soon", function()
    local before = concur.now()
    for _ = 1, 100 do assert(select("#", concur.yield()) == 0) end
    assert.is_true(concur.now() - before < 2)
  end)
end)

describe("concur.cpu_count", function()
  it("is the number of usable processors", function()
    local pipe <close> = io.popen "nproc"
    assert.equal(pipe:read "n", concur.cpu_count())
    assert.equal("integer", math.type(concur.cpu_count()))
  end)

  if h.has "taskset" then
    it("heeds the process's affinity", function()
      local first = h.read("/proc/self/status"):match("Cpus_allowed_list:%s*(%d+)")
      assert.equal("1", h.output('io.write(require "concur".cpu_count())', { prefix = "taskset -c " .. first }))
    end)
  end
end)

describe("concur.info", function()
  it("tells of version, platform, objects, memory, threads, processes", function()
    local info = concur.info()
    assert.is_string(info.version)
    assert.is_string(info.platform)
    assert.equal(1, info.threads)
    assert.equal(1, info.processes)
    assert.equal("integer", math.type(info.shared_memory))
    for _, kind in ipairs { "thread", "lock", "event", "queue", "value" } do
      assert.equal("integer", math.type(info.objects[kind]))
    end
  end)

  it("counts objects while they live", function()
    local before = counts.live()
    local kept = { concur.lock(), concur.lock(), concur.event(), concur.queue(), concur.value(), concur.thread(print) }
    local now = concur.info().objects
    local added = { lock = 2, event = 1, queue = 1, value = 1, thread = 1 }
    for kind, n in pairs(added) do assert.equal(before[kind] + n, now[kind]) end
    assert.equal(6, #kept)
    kept = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(kept)
    assert.same(before, concur.info().objects)
  end)
end)

describe("concur.type", function()
  it("is nil for what is no handle", function()
    for _, v in ipairs { 1, "x", true, {}, print, io.stdout, coroutine.create(print) } do
      assert.is_nil(concur.type(v))
    end
    assert.is_nil(concur.type(nil))
    assert.is_nil(concur.type(concur))
    assert.is_nil(concur.type(concur.thread))
  end)
end)
