-- What objects and messages cost, and that it comes back.
local concur = require "concur"
local kit = require "spec.support.kit"

-- After the collection of all that is garbage.
local function memory()
  collectgarbage()
  collectgarbage()
  local info = concur.info()
  return info.shared_memory, info.shared_resident
end

-- Both numbers must come back to what they were.
local function comes_back(what, before, resident, slack)
  kit.eventually(what .. ": shared memory comes back", function() return (memory()) <= before + slack end, 5)
  kit.eventually(what .. ": the system gets its pages back", function()
    return select(2, memory()) <= resident + (1 << 20)
  end, 5)
end

local function resident_of_process()
  local file <close> = assert(io.open("/proc/self/statm"))
  local _, pages = file:read("n", "n")
  return pages * 4096
end

describe("memory", function()
  it("an empty queue costs at most 512 bytes", function()
    concur.queue()
    local before = memory()
    local list = {}
    for i = 1, 1000 do list[i] = concur.queue() end
    local cost = (memory() - before) / 1000
    assert.is_true(cost <= 512 and cost >= 16, cost .. " bytes")
    for i = 1, 1000 do
      list[i]:put(i) -- one that was used and is empty again costs its first segment more
      list[i]:get()
    end
    assert.are.equal(1000, #list)
    list = nil
    kit.eventually("the queues are gone", function() return memory() <= before end)
    assert.is_nil(list)
  end)

  it("small objects are small", function()
    for _, make in ipairs { concur.lock, concur.event, concur.value } do
      local before = memory()
      local list = {}
      for i = 1, 1000 do list[i] = make() end
      local cost = (memory() - before) / #list
      assert.is_true(cost <= 512, cost .. " bytes")
      list = nil
      kit.eventually("the objects are gone", function() return memory() <= before end)
      assert.is_nil(list)
    end
  end)

  it("draining a queue of 1,000,000 items gives the memory back", function()
    local q = concur.queue()
    q:put(1)
    q:get()
    local before, resident = memory()
    for i = 1, 1000000 do q:put(i) end
    local full = memory()
    assert.is_true(full - before >= 8 * 1000000 and full - before <= 64 * 1000000, full - before)
    for i = 1, 1000000 do
      if q:get(0) ~= i then error("wrong at " .. i) end
    end
    comes_back("integers", before, resident, 64 * 1024)
    assert.is_true(q:empty())
  end)

  it("so does one of tables, of strings, and of what has handles", function()
    local lock = concur.lock()
    local kinds = {
      tables = function(i) return { i, { i, ("x"):rep(100) } } end,
      strings = function(i) return ("s"):rep(i % 300) end,
      handles = function(i) return { i, lock } end,
    }
    for name, make in pairs(kinds) do
      local q = concur.queue()
      local before, resident = memory()
      for i = 1, 100000 do q:put(make(i)) end
      assert.is_true(memory() > before + 100000 * 8)
      for _ = 1, 100000 do q:get(0) end
      comes_back(name, before, resident, 64 * 1024)
      assert.is_true(q:empty())
    end
  end)

  it("dropping a full queue gives the memory back, closing with discard too", function()
    for _, how in ipairs { "dropped", "discarded" } do
      local before, resident = memory()
      do
        local q = concur.queue()
        for i = 1, 200000 do q:put(i) end
        for i = 1, 20000 do q:put { i, ("x"):rep(200) } end
        if how == "discarded" then q:close(true) end
      end
      comes_back(how, before, resident, 4096)
    end
  end)

  it("a queue that is never empty does not grow", function()
    local q = concur.queue()
    for i = 1, 100 do q:put(i) end
    local function run(n)
      for i = 1, n do
        q:put(i)
        q:get(0)
      end
    end
    run(10000)
    local before = memory()
    run(300000)
    assert.is_true(memory() <= before + 64 * 1024)
  end)

  it("a string of 100 MB passes and its memory returns", function()
    local s = ("0123456789"):rep(10000000)
    local q = concur.queue()
    local before, resident = memory()
    local at_first = resident_of_process()
    assert.is_true(q:put(s))
    assert.is_true(memory() >= before + #s)
    local got = q:get(0)
    assert.is_true(got == s)
    got = nil
    comes_back("a long string", before, resident, 4096)
    collectgarbage()
    -- the sanitizers keep what was freed, to find uses of it
    if not (os.getenv("LUA") or ""):find("san", 1, true) then
      assert.is_true(resident_of_process() <= at_first + (20 << 20), "the process keeps it")
    end
    assert.is_nil(got)
  end)

  it("100 MB of tables in one message pass and their memory returns", function()
    local t = {}
    for i = 1, 100 do t[i] = { ("x"):rep((1 << 20) - i), i } end
    local before, resident = memory()
    local got = kit.join(concur.spawn(function(x)
      local sum = 0
      for i = 1, #x do sum = sum + #x[i][1] end
      return sum
    end, t))
    assert.are.equal(100 * (1 << 20) - 5050, got)
    comes_back("large tables", before, resident, 64 * 1024)
  end)

  it("values that change their content keep only the last", function()
    local v = concur.value()
    local before = memory()
    for i = 1, 20000 do v:set { i, ("x"):rep(200) } end
    for i = 1, 20000 do v:swap(("y"):rep(i % 2000)) end
    for i = 1, 20000 do v:compare_swap(i, { i }) end
    v:set(1)
    assert.is_true(memory() <= before + 4096)
  end)

  it("a chain of 100,000 queues, each holding the next, is collected", function()
    local before = kit.live()
    local bytes, resident = memory()
    do
      local q = concur.queue()
      for _ = 1, 100000 do
        local outer = concur.queue()
        outer:put(q)
        q = outer
      end
      assert.is_true(concur.info().objects.queue >= 100000)
    end
    kit.settled(before)
    comes_back("the chain", bytes, resident, 4096)
  end)

  it("so are chains through values and through messages of tables", function()
    local before = kit.live()
    do
      local v, q = concur.value("end"), concur.queue()
      for _ = 1, 30000 do
        v = concur.value { inner = { v } }
        local outer = concur.queue()
        outer:put { { q }, v }
        q = outer
      end
    end
    kit.settled(before)
  end)

  it("a chain that another thread drops", function()
    local before = kit.live()
    do
      local q = concur.queue()
      for _ = 1, 20000 do
        local outer = concur.queue()
        outer:put(q)
        q = outer
      end
      kit.join(concur.spawn(function(x) return concur.type(x) end, q))
    end
    kit.settled(before)
  end)

  it("handles go at the end of their state, without a collection", function()
    local before = kit.live()
    for _ = 1, 20 do
      kit.join(concur.spawn(function()
        collectgarbage("stop")
        _G.list = {}
        for i = 1, 100 do _G.list[i] = { concur.queue(), concur.lock(), concur.event(), concur.value(i) } end
        for i = 1, 100 do _G.list[i][1]:put(_G.list[i]) end
        for i = 1, 100 do _G.list[i][1]:close(true) end -- a queue that holds itself would stay
      end))
    end
    kit.settled(before)
  end)

  it("refused messages and errors in them leave nothing", function()
    local before = kit.live()
    local bytes = memory()
    local q = concur.queue()
    for i = 1, 200 do
      pcall(q.put, q, { ("x"):rep(i * 100), concur.event(), coroutine.create(print) })
      pcall(q.put, q, { setmetatable({}, { __transfer = error }), concur.event() })
      pcall(concur.spawn, print, concur.event(), coroutine.create(print))
    end
    q = nil
    kit.settled(before)
    assert.is_true(memory() <= bytes + 4096)
    assert.is_nil(q)
  end)

  -- In a process of its own, which a write into a neighbour may kill.
  it("items of every size touch no neighbour", function()
    local output, ok, how = kit.run [[
      local concur = require "concur"
      for n = 0, 400, 1 do
        local list = {}
        for i = 1, 100 do
          local q, v = concur.queue(), concur.value(("v"):rep(n))
          q:put(("x"):rep(n))
          q:put(i)
          q:put { ("y"):rep(n) }
          list[i] = { q, v }
        end
        for i = 1, 100 do
          local q, v = list[i][1], list[i][2]
          assert(q:get(0) == ("x"):rep(n) and q:get(0) == i and q:get(0)[1] == ("y"):rep(n), n)
          assert(v:get() == ("v"):rep(n), n)
        end
      end
      print "whole"
    ]]
    assert.are.equal("whole\n", output, how)
    assert.is_true(ok, how)
  end)

  it("info tells what there is", function()
    local info = concur.info()
    for _, field in ipairs { "shared_memory", "shared_resident", "threads", "processes" } do
      assert.are.equal("integer", math.type(info[field]), field)
    end
    for _, kind in ipairs { "lock", "event", "queue", "value", "thread" } do
      assert.are.equal("integer", math.type(info.objects[kind]), kind)
    end
    assert.is_string(info.version)
    assert.is_string(info.platform)
    local live = kit.live()
    local list = { concur.queue(), concur.queue(), concur.lock() }
    local now = concur.info().objects
    assert.are.equal(live.queue + 2, now.queue)
    assert.are.equal(live.lock + 1, now.lock)
    assert.are.equal(3, #list)
  end)
end)
